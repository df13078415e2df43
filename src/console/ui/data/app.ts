import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { AboutView, Control, LinkEdge, NetworkView } from "#observe/views.ts";
import { hrefOf, parseRoute, type Route, type ViewName } from "../domain/routes.ts";
import { SiteColours } from "../domain/site-colours.ts";
import { getJson, postJson } from "./api.ts";
import { LiveStream, type LiveState } from "./live-stream.ts";
import { Shortcuts } from "./shortcuts.ts";
import { Theme } from "./theme.ts";

/** A page that nobody looks at for so long gives its connections back: a browser has six for all pages of one origin. */
const REST_AFTER_MS = 5000;
/** Views whose last state is kept, so that going back shows something at once. */
const KEPT_VIEWS = 24;
const NOTICE_MS = 12_000;

export interface Notice {
  readonly id: number;
  readonly tone: "ok" | "bad";
  readonly text: string;
  readonly hint?: string;
  /** What takes it back. */
  readonly undo?: { readonly label: string; readonly control: Control };
}

/** What the whole page shares: where it is, what it knows of the network, and whether that is live. */
export class App {
  readonly route = signal<Route>(parseRoute(location.pathname, location.search));
  readonly about = signal<AboutView | undefined>(undefined);
  readonly network = signal<NetworkView | undefined>(undefined);
  /** Every link seen since the page was opened: one that has gone keeps its place on the map. */
  readonly seenLinks = new Map<string, Pick<LinkEdge, "id" | "from" | "to">>();
  readonly colours = new SiteColours();
  readonly theme = new Theme();
  readonly shortcuts = new Shortcuts();
  readonly notices = signal<readonly Notice[]>([]);
  readonly dialog = signal<"help" | "palette" | undefined>(undefined);
  /** Ticks each second, for "3 s ago". */
  readonly nowMs = signal(Date.now());
  readonly live: ReadonlySignal<LiveState>;
  readonly kept = new Map<string, unknown>();
  readonly #states = signal<ReadonlyMap<string, LiveState>>(new Map());
  readonly #streams = new Map<string, LiveStream>();
  #noticeId = 0;

  constructor() {
    this.live = computed(() => worst([...this.#states.value.values()]));
  }

  start(): void {
    setInterval(() => (this.nowMs.value = Date.now()), 1000);
    addEventListener("popstate", () => (this.route.value = parseRoute(location.pathname, location.search)));
    addEventListener("online", () => this.#streams.forEach((stream) => stream.hurry()));
    document.addEventListener("click", (event) => this.#followLink(event));
    document.addEventListener("keydown", (event) => this.shortcuts.press(event));
    this.#restWhenHidden();
    void this.#askAbout();
    this.stream("/api/v1/network", (_, data) => {
      const network = data as NetworkView;
      for (const { id, from, to } of network.links) this.seenLinks.set(id, { id, from, to });
      this.colours.know(network.sites.map(({ name }) => name));
      this.network.value = network;
    });
  }

  /** Streams a view until the function that it gives is called. */
  stream(
    url: string,
    onEvent: (event: string, data: unknown) => void,
    onState?: (state: LiveState) => void,
  ): () => void {
    const key = `${url}#${++this.#noticeId}`;
    const stream = new LiveStream({
      url,
      onEvent,
      onState: (state) => {
        const before = this.#states.value.get(key);
        if (before?.kind === state.kind && state.kind === "live") return;
        this.#states.value = new Map(this.#states.value).set(key, state);
        onState?.(state);
      },
    });
    this.#streams.set(key, stream);
    if (!document.hidden) stream.open();
    return () => {
      stream.close();
      this.#streams.delete(key);
      const rest = new Map(this.#states.value);
      rest.delete(key);
      this.#states.value = rest;
    };
  }

  go(href: string, options: { readonly replace?: boolean } = {}): void {
    const url = new URL(href, location.href);
    if (url.pathname + url.search === location.pathname + location.search) return;
    if (options.replace === true) history.replaceState(null, "", href);
    else history.pushState(null, "", href);
    this.route.value = parseRoute(url.pathname, url.search);
  }

  /** Changes choices of the view that is shown; undefined takes one away. */
  choose(
    query: Readonly<Record<string, string | undefined>>,
    options: { readonly push?: boolean } = {},
  ): void {
    const { view, name, query: before } = this.route.peek();
    this.go(hrefOf(view, name, { ...before, ...query }), { replace: options.push !== true });
  }

  open(view: ViewName, name = "", query: Readonly<Record<string, string | undefined>> = {}): void {
    this.go(hrefOf(view, name, query));
  }

  keep(url: string, data: unknown): void {
    this.kept.delete(url);
    this.kept.set(url, data);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT_VIEWS) break;
      this.kept.delete(oldest);
    }
  }

  siteName(id: string): string {
    return this.network.value?.sites.find((site) => site.id === id)?.name ?? id;
  }

  /** The command that reaches a site's cluster: in the sandbox each has its context. */
  cli(command: string, site?: string): string {
    const about = this.about.value;
    const prefix = about?.cli ?? "isthmus";
    const there =
      about?.sandbox === true && site !== undefined
        ? prefix.replace(`sandbox-${about.site}`, `sandbox-${site}`)
        : prefix;
    return `${there} ${command}`;
  }

  /** Breaks or mends something, and says how it went. */
  async control(control: Control, undo?: Notice["undo"]): Promise<void> {
    const csrf = this.about.peek()?.csrf ?? "";
    const answer = await postJson<{ message: string }>("/api/v1/controls", { body: control, csrf });
    if (answer.ok) {
      this.notify({ tone: "ok", text: answer.value.message, ...(undo === undefined ? {} : { undo }) });
    } else {
      const { message, hint } = answer.error;
      this.notify({ tone: "bad", text: message, ...(hint === undefined ? {} : { hint }) });
    }
  }

  notify(notice: Omit<Notice, "id">): void {
    const id = ++this.#noticeId;
    this.notices.value = [...this.notices.value.slice(-2), { ...notice, id }];
    setTimeout(() => this.dismiss(id), NOTICE_MS);
  }

  dismiss(id: number): void {
    this.notices.value = this.notices.value.filter((notice) => notice.id !== id);
  }

  async #askAbout(): Promise<void> {
    const answer = await getJson<AboutView>("/api/v1/about");
    if (answer.ok) this.about.value = answer.value;
    else setTimeout(() => void this.#askAbout(), 2000);
  }

  #followLink(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.origin !== location.origin || link.hasAttribute("download")) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }

  #restWhenHidden(): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(timer);
      if (document.hidden)
        timer = setTimeout(() => this.#streams.forEach((stream) => stream.rest()), REST_AFTER_MS);
      else this.#streams.forEach((stream) => stream.open());
    });
  }
}

/** The state of the page is that of its worst stream. */
function worst(states: readonly LiveState[]): LiveState {
  const order = ["reconnecting", "refused", "connecting", "resting"] as const;
  for (const kind of order) {
    const found = states.find((state) => state.kind === kind);
    if (found !== undefined) return found;
  }
  return { kind: states.length === 0 ? "connecting" : "live" };
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("Outside of the app");
  return app;
}
