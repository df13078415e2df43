import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { LinkPair } from "./testing/link-pair.ts";

/** A message that tells itself from every other of its test. */
function message(index: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 13 + index * 101) & 0xff);
}

describe("control messages", () => {
  test("of any size arrive whole and in order", () => {
    const pair = new LinkPair();
    const sizes = [0, 1, 16_384, 16_385, 1_000_000, 5];
    sizes.forEach((size, i) => pair.near.link.sendControl(message(i, size)));
    pair.settle();
    expect(pair.far.controls).toEqual(sizes.map((size, i) => message(i, size)));
    expect(pair.near.link.stats().bufferedBytes).toBe(0);
  });

  test("of 16 MiB arrive, a longer one is refused where it is sent", () => {
    const pair = new LinkPair();
    pair.near.link.sendControl(new Uint8Array(16 * 1024 * 1024));
    pair.settle();
    expect(pair.far.controls.map((each) => each.length)).toEqual([16 * 1024 * 1024]);
    expect(() => pair.near.link.sendControl(new Uint8Array(16 * 1024 * 1024 + 1))).toThrow(
      "Cannot send a control message of 16777217 bytes: expected at most 16777216",
    );
  });

  test("arrive once and in order, whichever lanes die under them", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("send" as const), near: fc.boolean(), size: fc.nat(60_000) }),
      fc.record({
        do: fc.constant("deliver" as const),
        near: fc.boolean(),
        size: fc.integer({ min: 1, max: 40_000 }),
      }),
      fc.record({ do: fc.constantFrom("kill" as const, "endTurn"), near: fc.boolean(), size: fc.nat(3) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pair = new LinkPair({ lanes: 2, capacity: 30_000 });
        const sent: { near: Uint8Array[]; far: Uint8Array[] } = { near: [], far: [] };
        for (const { do: what, near, size } of steps) {
          const alive = pair.wires.filter(([wire]) => !wire.closed);
          if (what === "send") {
            const from = near ? "near" : "far";
            const bytes = message(sent[from].length, size);
            sent[from].push(bytes);
            pair[from].link.sendControl(bytes);
          } else if (what === "deliver") {
            for (const wires of alive) wires[near ? 0 : 1].deliver(size);
          } else if (what === "endTurn") {
            pair.endTurn();
          } else if (pair.near.link.lanes > 1 && pair.far.link.lanes > 1) {
            alive[size % alive.length]![near ? 0 : 1].destroy();
            pair.addLane(30_000);
          }
        }
        pair.settle();
        expect(pair.far.controls).toEqual(sent.near);
        expect(pair.near.controls).toEqual(sent.far);
        expect(pair.near.link.stats().bufferedBytes + pair.far.link.stats().bufferedBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("that a peer does not take end the link, before they fill the memory", () => {
    const pair = new LinkPair({ capacity: 1000, limits: { maxControlQueueBytes: 1_000_000 } });
    for (let i = 0; i < 11; i++) pair.near.link.sendControl(new Uint8Array(100_000));
    pair.endTurn();
    expect(pair.near.events.at(-1)).toBe("down: The peer takes no control messages");
  });

  test("let streams through", () => {
    const pair = new LinkPair({ capacity: 100_000 });
    pair.near.link.sendControl(new Uint8Array(8_000_000));
    for (let i = 0; i < 5; i++) {
      pair.endTurn();
      pair.wires[0]![0].deliver();
    }
    const stream = pair.near.open({
      service: "ns/echo",
      port: 80,
      endpoint: "",
      protocol: "tcp",
      client: "",
      hops: [],
      trace: "",
    });
    stream.send(1000);
    for (let i = 0; i < 10; i++) {
      pair.endTurn();
      pair.wires[0]![0].deliver();
    }
    expect(pair.far.accepted[0]?.received).toBe(1000);
    expect(pair.far.controls).toEqual([]);
    pair.settle();
    expect(pair.far.controls.length).toBe(1);
  });
});

describe("the cost of a link", () => {
  test("is set by the dialler at both ends", () => {
    const pair = new LinkPair();
    let told = 0;
    Object.assign(pair.far, { onCost: () => void told++ });
    pair.near.session?.setCost(50);
    pair.settle();
    expect([pair.near.link.cost, pair.far.link.cost, told]).toEqual([50, 50, 1]);
  });
});

describe("lanes of a link", () => {
  test("take new streams where least waits, and small ones keep away from bulk", () => {
    const pair = new LinkPair({ lanes: 2 });
    const { link } = pair.near;
    const open = {
      service: "a/b",
      port: 1,
      endpoint: "",
      protocol: "tcp",
      client: "",
      hops: [],
      trace: "",
    } as const;
    const bulk = pair.near.open(open);
    bulk.send(400_000);
    expect(pair.near.lanes[0]!.queuedBytes).toBeGreaterThan(100_000);
    pair.near.open(open);
    expect(pair.near.lanes.map((lane) => lane.streams)).toEqual([1, 1]);
    pair.settle();
    expect(pair.near.lanes.map((lane) => [lane.queuedBytes, lane.bulkStreams])).toEqual([
      [0, 1],
      [0, 0],
    ]);
    pair.near.open(open);
    expect(pair.near.lanes.map((lane) => lane.streams)).toEqual([1, 2]);
    expect(link.lanes).toBe(2);
  });

  test("that are lost reset their own streams only, and the link stays up", () => {
    const pair = new LinkPair({ lanes: 2 });
    const open = {
      service: "a/b",
      port: 1,
      endpoint: "",
      protocol: "tcp",
      client: "",
      hops: [],
      trace: "",
    } as const;
    const first = pair.near.open(open);
    first.send(400_000);
    const second = pair.near.open(open);
    pair.settle();
    pair.wires[0]![1].destroy();
    pair.settle();
    expect([first.reset?.code, second.reset]).toEqual(["LINK_LOST", undefined]);
    expect(pair.far.accepted.map((stream) => stream.reset?.code)).toEqual(["LINK_LOST", undefined]);
    expect([pair.near.events, pair.far.events]).toEqual([["up far"], ["up near"]]);
    expect(pair.near.link.lanes).toBe(1);
  });
});
