import { expect, test } from "bun:test";
import { IsthmusError } from "#core/errors.ts";
import { MemoryIo } from "../../testing/memory-io.ts";
import type { LoadResult } from "../load.ts";
import { Narrator } from "../narrator.ts";
import { Acts, Unexpected } from "../act.ts";
import { type Outage, rampText } from "./outage.ts";
import type { Member } from "./places.ts";
import { countsText, expectEqual } from "./requests.ts";
import { type Slot, timelineTable } from "./timeline.ts";

function acts(): { acts: Acts; io: MemoryIo; abort: AbortController } {
  const io = new MemoryIo();
  const abort = new AbortController();
  return { acts: new Acts(new Narrator(io, "out"), abort.signal), io, abort };
}

test("a promise that is not kept is told, and the story goes on; what breaks ends it", async () => {
  const { acts: story, io } = acts();
  await story.play("one", () => Promise.resolve("all is well"));
  await story.play("two", () => Promise.reject(new Unexpected("got the wrong answer")));
  await story.play("three", () => Promise.resolve("still here"));
  expect(story.ok).toBe(false);
  await story.play("four", () => Promise.reject(new IsthmusError("FAILED", "kubectl is broken")));
  await story.play("five", () => Promise.resolve("never played"));
  expect(story.results).toEqual([
    { name: "one", ok: true, detail: "all is well" },
    { name: "two", ok: false, detail: "got the wrong answer" },
    { name: "three", ok: true, detail: "still here" },
    { name: "four", ok: false, detail: "kubectl is broken" },
  ]);
  expect(io.stdout).toContain("\none\n\n\n  ✓ all is well\n");
  expect(io.stdout).toContain("✗ got the wrong answer");
});

test("an interruption is no failed promise", async () => {
  const { acts: story, abort } = acts();
  const reason = new Error("interrupted");
  abort.abort(reason);
  const played = story.play("one", () => Promise.reject(new Error("connection closed")));
  expect(await played.catch((error: unknown) => error)).toBe(reason);
  expect(story.results).toEqual([]);
});

function load(requests: number, failed = 0): LoadResult {
  const failures = new Map(failed === 0 ? [] : [["status 503", failed] as const]);
  return { requests, failed, failures, p50Ms: 1, p99Ms: 1, perSecond: 1, pods: [] };
}

function counts(entries: [Member | "elsewhere", number][]) {
  return { load: load(300), counts: new Map(entries) };
}

test("equal shares are exact within one request, and no other cluster may answer", () => {
  const both: Member[] = ["cluster-1", "cluster-3"];
  const good = counts([
    ["cluster-3", 149],
    ["cluster-1", 151],
  ]);
  expect(() => expectEqual(good, both)).not.toThrow();
  expect(countsText(good.counts)).toBe("cluster-1 151, cluster-3 149");
  const off = counts([
    ["cluster-1", 152],
    ["cluster-3", 148],
  ]);
  expect(() => expectEqual(off, both)).toThrow(
    "expected 150 each from cluster-1, cluster-3, got cluster-1 152",
  );
  const third = counts([
    ["cluster-1", 150],
    ["cluster-3", 149],
    ["cluster-2", 1],
  ]);
  expect(() => expectEqual(third, both)).toThrow(Unexpected);
  expect(() => expectEqual({ load: load(300, 2), counts: good.counts }, both)).toThrow(
    "2 of 300 requests failed: 2 times status 503",
  );
});

/** Half seconds with 100 requests each, of which so many from the clients' own cluster. */
function slots(own: readonly number[]): Slot[] {
  return own.map((count, index) => ({
    fromMs: index * 500,
    requests: 100,
    counts: new Map<Member, number>([
      ["cluster-2", count],
      ["cluster-1", 100 - count],
    ]),
  }));
}

function seen(own: readonly number[]): Outage {
  return { requests: 1, failed: 0, slots: slots(own), diedMs: 900 };
}

test("coming back is a ramp, not a jump, and it has an end", () => {
  expect(rampText(seen([100, 100, 0, 5, 20, 40, 60, 70, 80, 100, 100]))).toBe(
    "share of cluster-2, each half second: 5 %, 20 %, 40 %, 60 %, 70 %, 80 %, 100 %",
  );
  // The kill was slow: until it worked, the dying pod still answered.
  expect(rampText(seen([100, 100, 60, 3, 20, 40, 60, 80, 100]))).toStartWith(
    "share of cluster-2, each half second: 3 %, 20 %",
  );
  // The machine stood still: half a second with one request.
  const still = seen([100, 100, 0, 5, 20, 40, 60, 70, 80, 100, 100]);
  const stood = still.slots.map((slot, at) =>
    at === 7 ? { ...slot, requests: 1, counts: new Map() } : slot,
  );
  expect(rampText({ ...still, slots: stood })).toBe(
    "share of cluster-2, each half second: 5 %, 20 %, 40 %, 60 %, 80 %, 100 %",
  );
  expect(() => rampText(seen([100, 100, 100, 100]))).toThrow("expected that the share of cluster-2 grows");
  expect(() => rampText(seen([100, 100, 0, 0, 50, 100, 100]))).toThrow(
    "expected a ramp of 5 s, saw 50 %, 100 %",
  );
  expect(() => rampText(seen([100, 100, 0, 0, 10, 20, 30]))).toThrow(
    "expected that the share of cluster-2 grows",
  );
  expect(() => rampText(seen([100, 100, 0, 0, 0]))).toThrow(Unexpected);
});

test("who answered is shown by second", () => {
  expect(timelineTable(slots([100, 0]))).toBe(
    [
      "FROM    REQUESTS   CLUSTER-1   CLUSTER-2   CLUSTER-3",
      "0 s     100        0           100         0",
      "0.5 s   100        100         0           0",
      "",
    ].join("\n"),
  );
});
