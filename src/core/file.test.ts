import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { writeFileAtomic } from "./file.ts";

test("a file is replaced as a whole, private by default, with nothing left beside it", () => {
  const folder = mkdtempSync(`${tmpdir()}/isthmus-file-`);
  try {
    writeFileAtomic(`${folder}/state`, "one");
    writeFileAtomic(`${folder}/state`, "two");
    expect(readFileSync(`${folder}/state`, "utf8")).toBe("two");
    expect(statSync(`${folder}/state`).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["state"]);
  } finally {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  }
});

test("a folder that is not there is an error, not a file elsewhere", () => {
  const path = `${tmpdir()}/isthmus-no-such-folder/state`;
  expect(() => writeFileAtomic(path, "x")).toThrow();
  expect(existsSync(path)).toBe(false);
});
