import { expect, test } from "bun:test";
import { lines } from "./lines.ts";

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    yield bytes.subarray(start, cut);
    start = cut;
  }
}

test("lines are the same wherever the bytes are cut", async () => {
  const bytes = Buffer.from("äö\n\n{}\r\n😀 last\ntail");
  for (let a = 0; a <= bytes.length; a++) {
    for (let b = a; b <= bytes.length; b++) {
      expect(await Array.fromAsync(lines(pieces(bytes, [a, b])))).toEqual(["äö", "{}\r", "😀 last"]);
    }
  }
  expect((await Array.fromAsync(lines(pieces(bytes, [3]), { tail: true }))).at(-1)).toBe("tail");
});

test("a line over the bound is refused, complete or not, and not kept", async () => {
  const bytes = Buffer.from("12345678\n123456789\n");
  expect(await Array.fromAsync(lines(pieces(bytes.subarray(0, 9), [4]), { maxBytes: 8 }))).toEqual([
    "12345678",
  ]);
  for (const cuts of [[], [12], [18]]) {
    expect(Array.fromAsync(lines(pieces(bytes, cuts), { maxBytes: 8 }))).rejects.toThrow(
      "longer than 8 bytes",
    );
  }
});
