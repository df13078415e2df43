import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseObjects } from "../object-file.ts";
import { exampleFile, forgetExampleFiles } from "./example-files.ts";

const CHECKOUT = join(import.meta.dir, "../../../examples");
const NAMES = [
  "fair-share/sample-app.yaml",
  "fair-share/cost-policy.yaml",
  "global-traffic/httpbin.yaml",
] as const;

test("in a checkout the files of the checkout are named", () => {
  for (const name of NAMES) {
    expect(existsSync(exampleFile(name))).toBe(true);
    expect(readFileSync(exampleFile(name), "utf8")).toBe(readFileSync(join(CHECKOUT, name), "utf8"));
  }
});

test("without one a copy with the same text is written, and goes again", () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-examples-"));
  try {
    const copies = join(dir, "copies");
    const places = { checkout: join(dir, "no-checkout"), copies };
    for (const name of NAMES) {
      const path = exampleFile(name, places);
      expect(path).toBe(join(copies, name));
      expect(readFileSync(path, "utf8")).toBe(readFileSync(join(CHECKOUT, name), "utf8"));
      expect(parseObjects(readFileSync(path, "utf8")).length).toBeGreaterThan(0);
    }
    forgetExampleFiles(copies);
    expect(existsSync(copies)).toBe(false);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
