import { expect, test } from "bun:test";
import { retain } from "./bytes.ts";

test("a large part is kept as it is, a small part is copied", () => {
  const chunk = new Uint8Array(1000).fill(7);
  const large = retain(chunk, 750);
  expect(large.length).toBe(250);
  expect(large.buffer).toBe(chunk.buffer);
  const small = retain(chunk, 751);
  expect(small.length).toBe(249);
  expect(small.buffer.byteLength).toBe(249);
  expect(retain(chunk.subarray(0, 100), 0).buffer.byteLength).toBe(100);
});
