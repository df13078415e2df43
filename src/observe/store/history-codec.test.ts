import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { COUNTS } from "../collect/counts.ts";
import { decodeHistory, encodeHistory, noHistory, type HistoryEntry } from "./history-codec.ts";

const count = fc.oneof(fc.nat(200), fc.nat(Number.MAX_SAFE_INTEGER));

const entries: fc.Arbitrary<HistoryEntry> = fc
  .record({
    counts: fc.array(fc.oneof(fc.constant(0), count), { minLength: COUNTS, maxLength: COUNTS }),
    pods: fc.array(fc.tuple(fc.integer({ min: 1, max: 1_000_000 }), count, count), { maxLength: 30 }),
  })
  .map(({ counts, pods }) => ({
    counts: Float64Array.from(counts),
    pods: new Map(pods.map(([id, total, bad]) => [id, { total, bad }])),
  }));

test("What was packed comes back as it was", () => {
  fc.assert(
    fc.property(entries, (entry) => {
      const read = noHistory();
      decodeHistory(encodeHistory(entry), read);
      expect(read.counts).toEqual(entry.counts);
      expect(new Map(read.pods)).toEqual(new Map(entry.pods));
    }),
  );
});

test("Two entries read into one add up", () => {
  const entry: HistoryEntry = {
    counts: noHistory().counts.fill(3),
    pods: new Map([[7, { total: 300, bad: 1 }]]),
  };
  const read = noHistory();
  decodeHistory(encodeHistory(entry), read);
  decodeHistory(encodeHistory(entry), read);
  expect(read.counts).toEqual(noHistory().counts.fill(6));
  expect(read.pods.get(7)).toEqual({ total: 600, bad: 2 });
});

test("Bytes that are cut off or made up end, and give numbers", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const read = noHistory();
      decodeHistory(bytes, read);
      expect(read.counts.every((value) => value >= 0)).toBe(true);
    }),
  );
});
