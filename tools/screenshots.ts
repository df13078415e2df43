/**
 * Draws docs/images/*.png: the console over its generated network, at a fixed time, so that the same source gives the same pictures.
 * Needs Chromium; with the font Inter, if it is there.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatedObserver } from "#console/testing/generated-observer.ts";
import { Browser, type ConsolePage } from "../test/browser/lib/chromium.ts";
import { palettePng } from "./palette-png.ts";

const root = new URL("..", import.meta.url).pathname;
/** One in the past: the pages' clock is set to it as well. */
const AT_MS = Date.UTC(2026, 10, 21, 9, 42, 7);
const MAX_BYTES = 200_000;

const VIEWS: readonly (readonly [name: string, path: string, height: number])[] = [
  ["network", "/", 810],
  ["services", "/services", 620],
  ["service", "/services/interconnect/app", 900],
  ["flows", "/flows", 700],
];

/** What a page needs before its picture is taken, besides that it shows something. */
async function settle(page: ConsolePage, name: string): Promise<void> {
  await page.untilShown();
  if (name === "service") await page.page.locator(".uplot canvas").first().waitFor();
  if (name === "flows") {
    await page.page
      .locator(".table-body .tr", { hasText: /503|Unavailable/ })
      .first()
      .click();
    await page.page.locator(".detail").waitFor();
  }
  await Bun.sleep(700);
}

const fonts = mkdtempSync(join(tmpdir(), "isthmus-fonts-"));
const conf = join(fonts, "fonts.conf");
const prefer = (family: string): string =>
  `<alias binding="strong"><family>${family}</family><prefer><family>Inter</family></prefer></alias>`;
await Bun.write(
  conf,
  `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>${prefer("system-ui")}${prefer("sans-serif")}</fontconfig>`,
);
process.env["FONTCONFIG_FILE"] = conf;
process.env["TZ"] = "UTC";

const server = await generatedObserver({ nowMs: () => AT_MS, historyMs: 3_600_000 });
try {
  for (const theme of ["light", "dark"] as const) {
    for (const [name, path, height] of VIEWS) {
      await using browser = await Browser.start({ theme, width: 1440, height, scale: 1.5, atMs: AT_MS });
      await using page = await browser.open(server.url + path);
      await settle(page, name);
      const picture = palettePng(await page.page.screenshot({ animations: "allow" }));
      const file = `docs/images/${name}-${theme}.png`;
      await Bun.write(root + file, picture);
      console.log(`${file} ${(picture.length / 1000).toFixed(0)} kB`);
      if (picture.length > MAX_BYTES) throw new Error(`${file} is larger than ${MAX_BYTES} bytes`);
    }
  }
} finally {
  await server.stop();
  rmSync(fonts, { recursive: true, force: true });
}
