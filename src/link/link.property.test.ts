import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { LinkPair, streamOpen } from "./testing/link-pair.ts";
import type { TestStream } from "./testing/recorder.ts";

/** More for a long look: `LINK_PROPERTY_RUNS=20000`. */
const RUNS = Number(process.env["LINK_PROPERTY_RUNS"] ?? 400);

type Side = "near" | "far";
type Command =
  | { do: "open"; side: Side }
  | { do: "send"; pick: number; size: number; give: boolean }
  | { do: "fin" | "abort" | "read" | "stopReading" | "startReading"; pick: number }
  | { do: "deliver"; lane: number; side: Side; most: number }
  | { do: "endTurn" | "settle"; pick?: undefined };

const side = fc.constantFrom<Side>("near", "far");
const pick = fc.nat(1000);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("open" as const), side }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      pick,
      size: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300_000 })),
      give: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("fin" as const, "abort", "read", "stopReading", "startReading"),
      pick,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("deliver" as const),
      lane: fc.nat(1),
      side,
      most: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400_000 })),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("endTurn" as const, "settle") }) },
);

/** The two ends of a stream, as soon as both are known. */
class Streams {
  readonly pair: LinkPair;
  readonly all: TestStream[] = [];
  /** By service name, which is unique in these tests. */
  readonly opened = new Map<string, TestStream>();

  constructor(pair: LinkPair) {
    this.pair = pair;
    for (const end of [pair.near, pair.far]) end.onAccept = (stream) => void this.all.push(stream);
  }

  run(step: Command): void {
    const { pair } = this;
    if (step.do === "open") {
      const service = `s/${this.opened.size}`;
      const stream = pair[step.side].open(streamOpen(service));
      this.opened.set(service, stream);
      this.all.push(stream);
    } else if (step.do === "deliver") {
      const wires = pair.wires[step.lane % pair.wires.length]!;
      wires[step.side === "near" ? 0 : 1].deliver(step.most);
    } else if (step.do === "endTurn") {
      pair.endTurn();
    } else if (step.do === "settle") {
      pair.settle();
    } else if (this.all.length > 0 && step.pick !== undefined) {
      this.#onStream(this.all[step.pick % this.all.length]!, step);
    }
  }

  #onStream(stream: TestStream, step: Command): void {
    const over = stream.finSent || stream.resetSent || stream.reset !== undefined;
    if (step.do === "send" && !over && stream.writable) stream.send(step.size, step.give ? "give" : "write");
    else if (step.do === "fin" && !over) stream.fin();
    else if (step.do === "abort" && stream.reset === undefined && !(stream.finSent && stream.finReceived))
      stream.abort();
    else if (step.do === "read") stream.read();
    else if (step.do === "stopReading") stream.reading = false;
    else if (step.do === "startReading") stream.reading = true;
  }

  /** Everyone reads to the end and ends; then nothing may be missing. */
  finish(): void {
    this.pair.settle();
    for (const stream of this.all) stream.reading = true;
    for (let round = 0; round < 100; round++) {
      for (const stream of this.all) stream.read();
      this.pair.settle();
    }
    for (const stream of this.all)
      if (!stream.finSent && !stream.resetSent && stream.reset === undefined) stream.fin();
    this.pair.settle();
  }

  check(): void {
    const accepted = new Map(
      [...this.pair.near.accepted, ...this.pair.far.accepted].map((stream) => [
        stream.stream.open.service,
        stream,
      ]),
    );
    for (const [service, opener] of this.opened) {
      const acceptor = accepted.get(service);
      expect(acceptor).toBeDefined();
      if (acceptor === undefined) continue;
      for (const [from, to] of [
        [opener, acceptor],
        [acceptor, opener],
      ] as const) {
        expect(to.problems).toEqual([]);
        expect(to.received).toBeLessThanOrEqual(from.sent);
        if (to.finReceived)
          expect({ fin: from.finSent, received: to.received }).toEqual({ fin: true, received: from.sent });
        if (from.resetSent)
          expect(to.reset !== undefined || to.resetSent || (to.finReceived && to.finSent)).toBe(true);
        if (!from.resetSent && !to.resetSent) {
          expect({ reset: to.reset, fin: to.finReceived, received: to.received }).toEqual({
            reset: undefined,
            fin: true,
            received: from.sent,
          });
        }
      }
    }
    expect(this.pair.memory.usedBytes).toBe(0);
    for (const end of [this.pair.near, this.pair.far]) {
      expect(end.lanes.map((lane) => lane.streams)).toEqual(end.lanes.map(() => 0));
      expect(end.lanes.map((lane) => lane.queuedBytes)).toEqual(end.lanes.map(() => 0));
      expect(end.lanes.map((lane) => lane.bulkStreams)).toEqual(end.lanes.map(() => 0));
    }
    expect(Object.values(this.pair.errors).every((count) => count === 0)).toBe(true);
  }
}

describe("streams over a link", () => {
  test("arrive whole or are reset, whatever both ends do and however the network cuts it", () => {
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 5, maxLength: 120 }),
        fc.constantFrom(1, 2),
        fc.constantFrom(700, 70_000, 1 << 22),
        (commands, lanes, capacity) => {
          const streams = new Streams(new LinkPair({ lanes, capacity }));
          for (const step of commands) streams.run(step);
          streams.finish();
          streams.check();
        },
      ),
      { numRuns: RUNS },
    );
  }, 600_000);

  test("never end with FIN when their lane is killed before it arrived", () => {
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 5, maxLength: 60 }),
        fc.constantFrom(700, 1 << 22),
        (commands, capacity) => {
          const pair = new LinkPair({ capacity });
          const streams = new Streams(pair);
          for (const step of commands) streams.run(step);
          const finished = streams.all.map((stream) => stream.finReceived);
          pair.wires[0]![0].destroy();
          pair.settle();
          streams.all.forEach((stream, i) => {
            expect(stream.problems).toEqual([]);
            expect(stream.finReceived).toBe(finished[i]!);
            const over = stream.finReceived && stream.finSent;
            if (!over && !stream.resetSent) expect(stream.reset).toBeDefined();
          });
          expect(pair.memory.usedBytes).toBe(0);
        },
      ),
      { numRuns: RUNS },
    );
  }, 600_000);
});
