import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { csrfOf, type Served, served } from "#console/testing/served.ts";

const PROGRAM = Bun.which("chromium");
if (PROGRAM === null) console.log("notice: no chromium here: no hostile page was tried on the console");

let profile: string;
let browser: BrowserContext;
let hostile: Bun.Server<undefined>;
let server: Served;

beforeAll(async () => {
  if (PROGRAM === null) return;
  server = served();
  hostile = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response("<!doctype html><title>hostile</title><body></body>", {
        headers: { "content-type": "text/html" },
      }),
  });
  profile = mkdtempSync(join(tmpdir(), "isthmus-hostile-"));
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: PROGRAM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      // What a DNS server of the attacker says.
      "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1",
    ],
  });
}, 60_000);

afterAll(async () => {
  if (PROGRAM === null) return;
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
  await hostile.stop(true);
  await server[Symbol.asyncDispose]();
}, 30_000);

/** Pages that somebody else serves: of another site, and of another port of this machine, which is the same site. */
async function eachHostile(attack: (page: Page, target: string) => Promise<void>): Promise<void> {
  const target = server.console.url;
  for (const origin of [`http://evil.example:${hostile.port}`, `http://127.0.0.1:${hostile.port}`]) {
    const page = await browser.newPage();
    await page.goto(origin);
    await attack(page, target);
    await page.close();
  }
  expect(server.performed).toEqual([]);
}

describe.skipIf(PROGRAM === null)("a hostile page in a browser that can reach the console", () => {
  test("reads nothing by fetch, with or without leave (CORS), and by no stream", async () => {
    await eachHostile(async (page, target) => {
      const seen = await page.evaluate(`(async (url) => {
        const results = [];
        for (const path of ["/api/v1/network", "/api/v1/about", "/", "/assets/main-1.js"]) {
          for (const mode of ["cors", "no-cors"]) {
            try {
              const answer = await fetch(url + path, { mode, credentials: "include" });
              results.push([path, mode, answer.type, (await answer.text()).length].join(" "));
            } catch {
              results.push("refused");
            }
          }
        }
        const streamed = await new Promise((resolve) => {
          const source = new EventSource(url + "/api/v1/network", { withCredentials: true });
          source.addEventListener("view", () => resolve("read"));
          source.addEventListener("error", () => resolve("refused"));
        });
        return [...results, streamed];
      })("${target}")`);
      expect(new Set(seen as string[])).toEqual(new Set(["refused"]));
    });
  }, 60_000);

  test("gets no script or picture of it into the page", async () => {
    await eachHostile(async (page, target) => {
      const loaded = await page.evaluate(`(async (url) => {
        const load = (name, field, path) =>
          new Promise((resolve) => {
            const element = document.createElement(name);
            element.addEventListener("load", () => resolve("loaded"));
            element.addEventListener("error", () => resolve("refused"));
            if (name === "link") element.rel = "stylesheet";
            element[field] = url + path;
            document.body.append(element);
          });
        return await Promise.all([
          load("script", "src", "/assets/main-1.js"),
          load("script", "src", "/api/v1/about"),
          load("img", "src", "/"),
          load("link", "href", "/login.css"),
        ]);
      })("${target}")`);
      expect(new Set(loaded as string[])).toEqual(new Set(["refused"]));
    });
  }, 60_000);

  test("changes nothing by fetch, beacon or form, even when it knows the token", async () => {
    const csrf = await csrfOf(server);
    await eachHostile(async (page, target) => {
      const body = JSON.stringify({ do: "kill-pod", site: "c2", pod: "web" });
      const input = JSON.stringify({ url: `${target}/api/v1/controls`, text: body, token: csrf });
      await page.evaluate(`(async ({ url, text, token }) => {
        const attempts = [
          { headers: { "content-type": "application/json", "x-isthmus-csrf": token } },
          { headers: { "content-type": "text/plain" }, mode: "no-cors" },
          { headers: { "content-type": "application/x-www-form-urlencoded" }, mode: "no-cors" },
        ];
        for (const init of attempts)
          await fetch(url, { method: "POST", credentials: "include", body: text, ...init }).catch(() => {});
        navigator.sendBeacon(url, text);
      })(${input})`);
      await page.setContent(
        `<form method="post" enctype="text/plain" action="${target}/api/v1/controls"><input name='${body.slice(0, -1)},"x":"' value='"}'></form>`,
      );
      await Promise.all([page.waitForNavigation(), page.evaluate(`document.querySelector("form").submit()`)]);
      expect(await page.textContent("body")).toContain("Another origin asks");
    });
  }, 60_000);

  test("cannot show it in a frame", async () => {
    await eachHostile(async (page, target) => {
      await page.setContent(`<iframe src="${target}/"></iframe><object data="${target}/"></object>`);
      await page.waitForTimeout(500);
      for (const frame of page.frames()) {
        if (frame === page.mainFrame()) continue;
        expect(await frame.title().catch(() => "")).not.toBe("Isthmus");
      }
    });
    expect(server.console.refused.get("framed")).toBeGreaterThan(0);
  }, 60_000);

  test("gets nothing under a name of its own that leads here (DNS rebinding)", async () => {
    const page = await browser.newPage();
    const answer = await page.goto(`http://rebound.example:${server.console.port}/`);
    expect(answer?.status()).toBe(421);
    // It is the same origin there, so nothing but the name gives it away.
    const seen = await page.evaluate(`(async () => {
      const network = await fetch("/api/v1/network");
      const change = await fetch("/api/v1/controls", { method: "POST", body: "{}" });
      return [network.status, change.status];
    })()`);
    expect(seen).toEqual([421, 421]);
    expect(server.performed).toEqual([]);
    await page.close();
  }, 60_000);

  test("may lead to it by a link, and knows nothing of it then", async () => {
    const page = await browser.newPage();
    await page.goto(`http://evil.example:${hostile.port}`);
    await page.setContent(`<a href="${server.console.url}/flows">look</a>`);
    const [popup] = await Promise.all([
      page.context().waitForEvent("page"),
      page.evaluate(`void window.open("${server.console.url}/flows")`),
    ]);
    await popup.waitForLoadState();
    expect(await popup.title()).toBe("Isthmus");
    // Cross-Origin-Opener-Policy cuts the tie between both.
    expect(await popup.evaluate("window.opener")).toBeNull();
    await popup.close();
    await page.close();
  }, 60_000);
});

test.skipIf(PROGRAM === null)(
  "a person logs in on a page without script, gets the view that was asked for, and logs out",
  async () => {
    const password = "correct horse battery";
    await using locked = served({ auth: { mode: "password", password } });
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    await page.goto(`${locked.console.url}/flows?status=5xx`);
    await page.fill("#password", "wrong");
    await page.click("button");
    expect(await page.textContent('[role="alert"]')).toBe("That is not the password");
    await page.fill("#password", password);
    await page.click("button");
    expect(page.url()).toBe(`${locked.console.url}/flows?status=5xx`);
    expect(await page.title()).toBe("Isthmus");
    await page.goto(`${locked.console.url}/logout`);
    await page.click("button");
    expect(page.url()).toBe(`${locked.console.url}/login`);
    await page.goto(locked.console.url);
    expect(page.url()).toBe(`${locked.console.url}/login`);
    expect(problems.filter((text) => /policy|refused|blocked/i.test(text))).toEqual([]);
    await page.close();
  },
  60_000,
);
