import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import { type BrowserContext, chromium, type Page } from "playwright-core";

const PROGRAM = Bun.which("chromium");
/** What a headless Chromium needs as root in a container, and what keeps it from calling home. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const hasChromium = PROGRAM !== null;
if (!hasChromium) console.log("notice: no chromium here: the console was not looked at in a browser");

export interface BrowserOptions {
  readonly theme?: "light" | "dark";
  readonly width?: number;
  readonly height?: number;
  /** Of the picture [1]. */
  readonly scale?: number;
  /** Where the pages' clocks stand still. */
  readonly atMs?: number;
}

/** A Chromium with a profile of its own, gone with `close`. */
export class Browser {
  readonly #context: BrowserContext;
  readonly #profile: string;

  readonly #atMs: number | undefined;

  private constructor(
    context: BrowserContext,
    { profile, atMs }: { profile: string; atMs: number | undefined },
  ) {
    this.#context = context;
    this.#profile = profile;
    this.#atMs = atMs;
  }

  static async start({
    theme = "light",
    width = 1440,
    height = 900,
    scale = 1,
    atMs,
  }: BrowserOptions = {}): Promise<Browser> {
    if (PROGRAM === null) throw new Error("There is no chromium");
    const profile = mkdtempSync(join(tmpdir(), "isthmus-browser-"));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: PROGRAM,
      headless: true,
      args: FLAGS,
      viewport: { width, height },
      deviceScaleFactor: scale,
      colorScheme: theme,
    });
    context.setDefaultTimeout(45_000);
    context.setDefaultNavigationTimeout(45_000);
    return new Browser(context, { profile, atMs });
  }

  /** A new page at an address. What goes wrong in it is kept. */
  async open(url: string): Promise<ConsolePage> {
    const page = await this.#context.newPage();
    const watched = new ConsolePage(page, url);
    await page.addInitScript(WATCH);
    if (this.#atMs !== undefined) await page.addInitScript(`Date.now = () => ${this.#atMs};`);
    await page.goto(url, { waitUntil: "domcontentloaded" });
    return watched;
  }

  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Runs in the page before anything else: when the first row or card was there, what moved by itself, what held up the main thread. */
const WATCH = `
  window.watched = { shifts: [], longTasks: [], firstMs: undefined };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) watched.shifts.push({ value: entry.value, atMs: entry.startTime,
        of: entry.sources.map(({ node }) => node && (node.className || node.nodeName)).join(", ") });
    }
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) watched.longTasks.push({ ms: entry.duration, atMs: entry.startTime });
  }).observe({ type: "longtask", buffered: true });
  const look = new MutationObserver(() => {
    if (document.querySelector(".table-body .tr, .site-card, tbody tr, .event") === null) return;
    look.disconnect();
    requestAnimationFrame(() => { watched.firstMs ??= performance.now(); });
  });
  look.observe(document, { childList: true, subtree: true });
`;

export interface Watched {
  readonly shifts: readonly { readonly value: number; readonly atMs: number; readonly of: string }[];
  readonly longTasks: readonly { readonly ms: number; readonly atMs: number }[];
  readonly firstMs?: number;
}

/** One page of the console. */
export class ConsolePage {
  readonly page: Page;
  /** Errors and warnings of its console, exceptions, requests that failed or went elsewhere. */
  readonly problems: string[] = [];

  constructor(page: Page, url: string) {
    this.page = page;
    const { origin } = new URL(url);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.problems.push(message.text());
    });
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== origin)
        this.problems.push(`asked another origin: ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) this.problems.push(`${response.status()} ${response.url()}`);
    });
  }

  async go(path: string): Promise<void> {
    await this.page.goto(new URL(path, this.page.url()).href, { waitUntil: "domcontentloaded" });
  }

  /** Waits until there is something to read, and the page calls itself live. */
  async untilShown(): Promise<void> {
    await this.page.waitForFunction(isShown, undefined, { timeout: 45_000 });
    await this.page.locator(".live.ok").waitFor({ timeout: 45_000 });
  }

  async watched(): Promise<Watched> {
    return await this.page.evaluate<Watched>("window.watched");
  }

  async text(selector: string): Promise<string> {
    return await this.page.locator(selector).first().innerText();
  }

  /** Rules of axe-core that are broken in a serious way: all of them in the light theme, those of colours in the dark one too. */
  async accessibilityProblems(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const light = await this.#axe({ resultTypes: ["violations"] });
    await this.page.emulateMedia({ colorScheme: "dark" });
    const dark = await this.#axe({ runOnly: ["color-contrast"], resultTypes: ["violations"] });
    return [...light, ...dark];
  }

  async #axe(options: object): Promise<string[]> {
    const found = await this.page.evaluate<{
      violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
    }>(`axe.run(document, ${JSON.stringify(options)})`);
    return found.violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) =>
        nodes
          .slice(0, 3)
          .map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)}\n  ${failureSummary}`),
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.close();
  }
}

/** In the page, where a policy forbids to evaluate texts again and again. */
function isShown(): boolean {
  return (Reflect.get(globalThis, "watched") as Watched).firstMs !== undefined;
}
