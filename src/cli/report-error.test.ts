import { expect, test } from "bun:test";
import { IsthmusError } from "#core/errors.ts";
import { reportError, SilentExit } from "./report-error.ts";
import { MemoryIo } from "./testing/memory-io.ts";

test("an error is one line, its hint another, and the code decides the exit code", () => {
  const io = new MemoryIo();
  const error = new IsthmusError("UNREACHABLE", "Cannot reach\nthe API server", {
    hint: "isthmus sandbox status",
  });
  expect(reportError(error, io)).toBe(3);
  expect(io.stderr).toBe("error: Cannot reach the API server\nhint: isthmus sandbox status\n");
  expect(io.stdout).toBe("");
});

test("a defect shows its stack only when asked for", () => {
  const error = new Error("boom", { cause: new TypeError("inner") });
  const quiet = new MemoryIo();
  expect(reportError(error, quiet)).toBe(1);
  expect(quiet.stderr).toBe("error: boom\n");
  const loud = new MemoryIo({ env: { ISTHMUS_DEBUG: "1" } });
  reportError(error, loud);
  expect(loud.stderr).toContain("report-error.test.ts");
  expect(loud.stderr).toContain("caused by TypeError: inner");
});

test("who has said all there is to say ends silently with his own code", () => {
  const io = new MemoryIo();
  expect(reportError(new SilentExit(130), io)).toBe(130);
  expect(io.stderr).toBe("");
});
