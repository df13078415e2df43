/** The console over real clusters with real traffic: `isthmus console` as people start it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Browser, type ConsolePage, hasChromium } from "./lib/chromium.ts";
import { eventually } from "../lib/linked-clusters.ts";
import { RealConsole, SERVICE } from "./lib/real-console.ts";

/** The promise, from the click to what is drawn. */
const RED_WITHIN_MS = 3000;

describe.skipIf(!hasChromium)("the console of a sandbox", () => {
  const real = new RealConsole();
  let browser: Browser;
  const open = async (path: string): Promise<ConsolePage> => {
    const page = await browser.open(real.url + path);
    await page.untilShown();
    return page;
  };

  beforeAll(async () => {
    [browser] = await Promise.all([Browser.start(), real.up()]);
    real.load();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await real.down();
  }, 60_000);

  test("the network shows each site, what links them, and that something flows", async () => {
    await using page = await open("/");
    const cards = page.page.locator(".site-card strong");
    await eventually(async () => (await cards.count()) === 3);
    expect((await cards.allInnerTexts()).toSorted()).toEqual(["c1", "c2", "c3"]);
    expect(await page.page.locator(".link-label.up").count()).toBe(2);
    await eventually(async () => /[1-9]/.test(await page.text(".site-card .card-rate")));
    await eventually(async () => (await page.page.locator(".dots").count()) > 0);
    expect(page.problems).toEqual([]);
  });

  test("services, service, flows, site and activity show what is there; nothing moves while it is live", async () => {
    await using page = await open("/services");
    const row = page.page.locator(".table-body .tr", { hasText: "app" });
    await eventually(async () => /4\/4[\s\S]*[1-9][\d.,]*\/s[\s\S]*100 %/.test(await row.innerText()));
    expect(await row.locator("svg.share-bar").getAttribute("aria-label")).toMatch(
      /^c2 \d+(\.\d)? %(, wanted 50\.0 %)?; c3 \d+(\.\d)? %(, wanted 50\.0 %)?$/,
    );
    await page.go(`/services/${SERVICE}`);
    await page.untilShown();
    await eventually(async () => (await page.page.locator(".pod-legend li").count()) === 4);
    await page.page.locator(".uplot canvas").first().waitFor();
    expect(await page.text(".explanation")).toContain("takes 100 %");
    const settledMs = await page.page.evaluate<number>("performance.now()");
    await Bun.sleep(4000);
    expect((await page.watched()).shifts.filter(({ atMs }) => atMs > settledMs)).toEqual([]);
    await page.go(`/flows?service=${encodeURIComponent(SERVICE)}`);
    await page.untilShown();
    const flow = page.page.locator(".table-body .tr").first();
    await flow.click();
    await page.page.locator(".detail").waitFor();
    expect(await page.text(".detail")).toContain("GET /");
    await page.page.locator(".site-list a", { hasText: "c1" }).click();
    await page.page.locator(".checks .status").first().waitFor({ timeout: 15_000 });
    await page.go("/activity");
    await page.page.locator(".event").first().waitFor({ timeout: 10_000 });
    expect(page.problems).toEqual([]);
  });

  test("a link that is cut turns red in less than 3 s, and is green again when it is restored", async () => {
    await using page = await open("/");
    const startMs = performance.now();
    await page.page
      .getByRole("button", { name: /^Cut link/ })
      .last()
      .click();
    await page.page
      .locator(".link.down, .link.connecting")
      .first()
      .waitFor({ state: "attached", timeout: 20_000 });
    const tookMs = performance.now() - startMs;
    await page.page.locator(".link-label.down").waitFor({ timeout: 20_000 });
    console.log(`figure: console, a cut link is red after ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(RED_WITHIN_MS);
    await page.page.getByRole("button", { name: /^Restore link/ }).click();
    await eventually(async () => (await page.page.locator(".link-label.up").count()) === 2, 30_000);
    expect(page.problems).toEqual([]);
  });

  test("at rest the pods' totals are what the router counted, and what was sent", async () => {
    await real.rest();
    await using page = await open(`/services/${SERVICE}`);
    const totals = async (): Promise<number[]> =>
      await page.page
        .locator("td[data-total]")
        .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute("data-total"))));
    const counted = await real.counted();
    await eventually(async () => (await totals()).reduce((sum, total) => sum + total, 0) === counted, 10_000);
    expect(counted).toBe(real.sent);
    expect(await totals()).toHaveLength(4);
    real.load();
  });

  test("more load, one pod more: what is asked for by a click is seen", async () => {
    await using page = await open(`/services/${SERVICE}`);
    await page.page.getByRole("button", { name: "One pod more at c2" }).click();
    await page.page.locator(".notice.ok").first().waitFor({ timeout: 10_000 });
    await eventually(async () => (await page.page.locator("td[data-total]").count()) === 5, 20_000);
    await page.page.getByRole("button", { name: /^100 requests per second from/ }).click();
    await eventually(async () => {
      const rate = Number((await page.text(".stat dd")).replace(/[/,s]/g, ""));
      return rate > 60;
    }, 30_000);
    await page.page.getByRole("button", { name: /^No more load/ }).click();
    expect(page.problems).toEqual([]);
  });
});
