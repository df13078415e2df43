import { describe, expect, test } from "bun:test";
import { FRAME, GOAWAY } from "./constants.ts";
import { LinkPair, streamOpen } from "./testing/link-pair.ts";
import type { TestStream } from "./testing/recorder.ts";
import type { ProtocolErrorKind } from "./types.ts";

function accepted(pair: LinkPair, index = 0): TestStream {
  const stream = pair.far.accepted[index];
  if (stream === undefined) throw new Error(`No stream ${index} was accepted`);
  return stream;
}

function frame(type: number, streamId: number, payload: readonly number[] = []): Uint8Array {
  return Uint8Array.of(payload.length & 0xff, payload.length >> 8, 0, type, streamId, 0, 0, 0, ...payload);
}

/** Puts bytes on the wire as the dialler's end would. */
function inject(pair: LinkPair, bytes: Uint8Array): void {
  pair.far.lanes[0]!.onData(bytes);
}

describe("a lane", () => {
  test("carries frames of all streams of a turn in one write", () => {
    const pair = new LinkPair();
    const streams = Array.from({ length: 20 }, () => pair.near.open(streamOpen()));
    pair.settle();
    const before = pair.near.lanes[0]!.stats();
    for (const stream of streams) stream.send(100);
    pair.settle();
    const after = pair.near.lanes[0]!.stats();
    expect(after.framesOut - before.framesOut).toBe(20);
    expect(after.socketWrites - before.socketWrites).toBe(1);
  });

  test("gives a stream that reads no more than its first credit, and others go on", () => {
    const pair = new LinkPair();
    pair.far.reading = false;
    const slow = pair.near.open(streamOpen());
    for (let i = 0; i < 8; i++) slow.send(100_000);
    pair.settle();
    expect(accepted(pair).received).toBe(262_144);
    expect(slow.writable).toBe(false);
    pair.far.reading = true;
    const fast = pair.near.open(streamOpen());
    for (let i = 0; i < 50; i++) {
      fast.send(100_000);
      pair.settle();
      expect(fast.writable).toBe(true);
    }
    expect(accepted(pair, 1).received).toBe(5_000_000);
    accepted(pair).reading = true;
    accepted(pair).read();
    pair.settle();
    expect(accepted(pair).received).toBe(800_000);
    expect(slow.writable).toBe(true);
  });

  test("with 100 slow readers holds no more than their credit and what they were handed, and one fast stream is whole", () => {
    const pair = new LinkPair({ capacity: 256 * 1024 });
    pair.far.reading = false;
    const slow = Array.from({ length: 100 }, () => pair.near.open(streamOpen("s/slow")));
    while (slow.some((stream) => stream.writable)) {
      for (const stream of slow) while (stream.writable) stream.send(65_536);
      pair.settle();
    }
    pair.far.reading = true;
    const fast = pair.near.open(streamOpen("s/fast"));
    for (let i = 0; i < 100; i++) {
      fast.send(65_536);
      pair.settle();
      expect(fast.writable).toBe(true);
    }
    const far = pair.far.accepted.find((stream) => stream.stream.open.service === "s/fast");
    expect(far?.received).toBe(6_553_600);
    expect(pair.memory.usedBytes).toBeGreaterThanOrEqual(100 * 262_144);
    expect(pair.memory.usedBytes).toBeLessThanOrEqual(100 * (262_144 + 65_536));
    console.log(`100 slow readers: ${(pair.memory.usedBytes / 1024 / 1024).toFixed(1)} MiB held`);
  });

  test("takes turns: streams that wait for the same lane advance alike", () => {
    const pair = new LinkPair({
      capacity: 64 * 1024,
      limits: { initialWindowBytes: 1 << 24, maxWindowBytes: 1 << 24 },
    });
    const bulk = Array.from({ length: 4 }, () => pair.near.open(streamOpen()));
    const refill = (stream: TestStream): void => {
      stream.onWritableOnce = () => refill(stream);
      stream.send(400_000);
    };
    for (const stream of bulk) refill(stream);
    const run = (rounds: number): number[] => {
      for (let i = 0; i < rounds; i++) {
        pair.endTurn();
        pair.wires[0]![0].deliver(16_384);
      }
      return pair.far.accepted.map((stream) => stream.received);
    };
    const first = run(100);
    const received = run(400).map((bytes, i) => bytes - first[i]!);
    expect(Math.min(...received)).toBeGreaterThan(1_000_000);
    expect(Math.max(...received) - Math.min(...received)).toBeLessThanOrEqual(4 * 65_536);
  });

  test("lets a small request pass the bulk that waits", () => {
    const pair = new LinkPair({
      capacity: 64 * 1024,
      limits: { initialWindowBytes: 1 << 24, maxWindowBytes: 1 << 24 },
    });
    const bulk = Array.from({ length: 10 }, () => pair.near.open(streamOpen("s/bulk")));
    for (const stream of bulk) stream.send(1_000_000);
    for (let i = 0; i < 20; i++) {
      pair.endTurn();
      pair.wires[0]![0].deliver();
    }
    const sentBefore = pair.far.accepted.reduce((sum, stream) => sum + stream.received, 0);
    const small = pair.near.open(streamOpen("s/small"));
    small.send(200);
    const arrived = (): boolean =>
      pair.far.accepted.some((stream) => stream.stream.open.service === "s/small" && stream.received === 200);
    while (!arrived()) {
      pair.endTurn();
      pair.wires[0]![0].deliver();
    }
    const sentAfter = pair.far.accepted.reduce((sum, stream) => sum + stream.received, 0);
    // What was in the output and on the wire goes first, the 8 MB that wait do not.
    expect(sentAfter - sentBefore).toBeLessThan(500_000);
  });

  test("stays within its output bound however much its streams have", () => {
    const pair = new LinkPair({
      capacity: 1024,
      limits: { initialWindowBytes: 1 << 24, maxWindowBytes: 1 << 24 },
    });
    const streams = Array.from({ length: 200 }, () => pair.near.open(streamOpen()));
    for (const stream of streams) for (let i = 0; i < 5; i++) stream.send(16_000);
    pair.endTurn();
    const lane = pair.near.lanes[0]!;
    expect(lane.output.size).toBeLessThan(1024 * 1024 + 65_536);
    expect(lane.queuedBytes).toBeGreaterThan(200 * 5 * 15_000);
    for (const stream of streams) stream.fin();
    pair.settle();
    for (const stream of pair.far.accepted)
      expect([stream.received, stream.finReceived]).toEqual([80_000, true]);
  });

  test("widens the window of a fast reader to the product of bandwidth and delay, and not beyond", () => {
    const pair = new LinkPair({ capacity: 1 << 24 });
    // Liveness looks each 250 ms; what it sends arrives 40 ms later.
    pair.clock.advance(40);
    for (let i = 0; i < 300; i++) {
      pair.clock.advance(210);
      pair.endTurn();
      pair.clock.advance(40);
      pair.settle();
    }
    expect(pair.far.lanes[0]!.leastRttMs).toBe(40);
    const stream = pair.near.open(streamOpen());
    const refill = (): void => {
      stream.onWritableOnce = refill;
      while (stream.send(65_536));
    };
    refill();
    const perRound: number[] = [];
    for (let i = 0; i < 24; i++) {
      pair.clock.advance(20);
      const before = pair.far.accepted[0]?.received ?? 0;
      pair.settleOneWay();
      perRound.push(accepted(pair).received - before);
    }
    expect(perRound[0]).toBe(262_144);
    expect(Math.max(...perRound)).toBeGreaterThan(3_500_000);
    expect(Math.max(...perRound)).toBeLessThanOrEqual(4 * 1024 * 1024);
  });

  test("lets the stream that holds most go when memory runs out", () => {
    const pair = new LinkPair({ memoryBytes: 1_000_000 });
    pair.far.reading = false;
    const streams = [50_000, 250_000, 100_000, 250_000, 250_000, 240_000].map((bytes) => {
      const stream = pair.near.open(streamOpen());
      stream.send(bytes);
      pair.settle();
      return stream;
    });
    pair.settle();
    expect(pair.memory.usedBytes).toBeLessThanOrEqual(1_000_000);
    expect(pair.memory.sheds).toBe(1);
    expect(streams.map((stream) => stream.reset?.code)).toEqual([
      undefined,
      "OVERLOAD",
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(accepted(pair, 1).reset?.code).toBe("OVERLOAD");
  });

  test("refuses streams past its limit with a code that is safe to retry", () => {
    const pair = new LinkPair({ limits: { maxStreamsPerLane: 3 } });
    const streams = Array.from({ length: 4 }, () => pair.near.open(streamOpen()));
    pair.settle();
    expect(streams.map((stream) => stream.reset?.code)).toEqual([undefined, undefined, undefined, "REFUSED"]);
    streams[0]!.fin();
    accepted(pair).fin();
    pair.settle();
    const next = pair.near.open(streamOpen());
    pair.settle();
    expect(next.reset).toBeUndefined();
  });

  test("refuses a stream that nobody takes", () => {
    const pair = new LinkPair();
    pair.far.onStream = () => {};
    const stream = pair.near.open(streamOpen());
    pair.settle();
    expect(stream.reset).toEqual({ code: "REFUSED", reason: "Nobody took the stream" });
  });

  test("gives the reset code and reason of the peer", () => {
    const pair = new LinkPair();
    const stream = pair.near.open(streamOpen());
    pair.settle();
    accepted(pair).stream.reset("NO_ENDPOINT", "No endpoint of ns/echo is ready");
    pair.settle();
    expect(stream.reset).toEqual({ code: "NO_ENDPOINT", reason: "No endpoint of ns/echo is ready" });
  });
});

describe("bad input closes the lane and is counted", () => {
  const cases: [string, ProtocolErrorKind, Uint8Array][] = [
    ["DATA on a stream that was never opened", "badStream", frame(FRAME.DATA, 99, [1])],
    ["FIN on a stream that was never opened", "badStream", frame(FRAME.FIN, 99)],
    ["WINDOW on an own stream that was never opened", "badStream", frame(FRAME.WINDOW, 2, [1, 0, 0, 0])],
    ["OPEN with an id of the other side", "badStream", frame(FRAME.OPEN, 2, [1, 80, 0, 1, 97, 0, 0, 0, 0])],
    ["OPEN that cannot be read", "badPayload", frame(FRAME.OPEN, 9, [1, 0, 0, 1, 97, 0, 0, 0, 0])],
    ["a second HELLO", "secondHello", frame(FRAME.HELLO, 0, [123, 125])],
    ["an unknown type", "unknownType", frame(77, 1)],
    ["an acknowledgement of what was never sent", "badPayload", frame(FRAME.CONTROL, 0, [0, 9, 0, 0, 0])],
    [
      "a control message out of order",
      "badPayload",
      frame(FRAME.CONTROL, 0, [1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ],
  ];

  test.each(cases)("%s: %s", (_name, kind, bytes) => {
    const pair = new LinkPair();
    const stream = pair.near.open(streamOpen());
    pair.settle();
    inject(pair, bytes);
    pair.settle();
    expect(pair.errors[kind]).toBe(1);
    expect(stream.reset?.code).toBe("LINK_LOST");
    expect(accepted(pair).reset?.code).toBe("LINK_LOST");
    expect(pair.near.events.at(-1)).toStartWith(`down: Protocol error ${kind}: `);
    expect(pair.far.events.at(-1)).toStartWith(`down: Protocol error ${kind}: `);
  });

  test("an OPEN whose id was used before", () => {
    const pair = new LinkPair();
    pair.near.open(streamOpen());
    pair.settle();
    inject(pair, frame(FRAME.OPEN, 1, [1, 80, 0, 1, 97, 0, 0, 0, 0]));
    expect(pair.errors.badStream).toBe(1);
  });

  test("more DATA than there is credit for", () => {
    const pair = new LinkPair({ limits: { initialWindowBytes: 1024 } });
    pair.far.reading = false;
    pair.near.open(streamOpen());
    pair.settle();
    inject(
      pair,
      frame(
        FRAME.DATA,
        1,
        Array.from({ length: 1024 }, () => 0),
      ),
    );
    expect(pair.errors.overCredit).toBe(0);
    inject(pair, frame(FRAME.DATA, 1, [0]));
    expect(pair.errors.overCredit).toBe(1);
  });

  test("DATA and FIN after FIN", () => {
    for (const bytes of [frame(FRAME.DATA, 1, [0]), frame(FRAME.FIN, 1)]) {
      const pair = new LinkPair();
      pair.near.open(streamOpen());
      pair.settle();
      inject(pair, frame(FRAME.FIN, 1));
      inject(pair, bytes);
      expect(pair.errors.badStream).toBe(1);
    }
  });

  test("but frames for a stream that is just over are let pass", () => {
    const pair = new LinkPair();
    pair.near.open(streamOpen());
    pair.settle();
    accepted(pair).abort();
    for (const bytes of [
      frame(FRAME.DATA, 1, [0]),
      frame(FRAME.WINDOW, 1, [1, 0, 0, 0]),
      frame(FRAME.FIN, 1),
    ]) {
      inject(pair, bytes);
    }
    pair.settle();
    expect(pair.far.lanes[0]!.closed).toBe(false);
  });

  test("a peer that asks without end and never reads the answers", () => {
    const pair = new LinkPair({ capacity: 1000, limits: { laneCloseBytes: 100_000 } });
    const ping = frame(FRAME.PING, 0, [1, 0, 0, 0, 0, 0, 0, 0]);
    for (let i = 0; i < 10_000; i++) inject(pair, ping);
    pair.endTurn();
    expect(pair.errors.notReading).toBe(1);
    expect(pair.far.lanes[0]!.closed).toBe(true);
  });
});

describe("liveness", () => {
  test("an idle lane pings each second and stays up", () => {
    const pair = new LinkPair();
    const before = pair.near.lanes[0]!.stats().framesIn;
    for (let i = 0; i < 40; i++) {
      pair.clock.advance(250);
      pair.settle();
    }
    const frames = pair.near.lanes[0]!.stats().framesIn - before;
    expect(frames).toBeGreaterThanOrEqual(8);
    expect(frames).toBeLessThanOrEqual(24);
    expect(pair.near.lanes[0]!.closed).toBe(false);
  });

  test("two seconds without a byte are the end: streams are reset with LINK_LOST", () => {
    const pair = new LinkPair();
    const stream = pair.near.open(streamOpen());
    pair.settle();
    pair.clock.advance(1900);
    expect(stream.reset).toBeUndefined();
    pair.clock.advance(600);
    expect(stream.reset).toEqual({
      code: "LINK_LOST",
      reason: "Nothing was heard from the peer for 2000 ms",
    });
    expect(pair.near.events.at(-1)).toBe("down: Nothing was heard from the peer for 2000 ms");
  });

  test("a peer that never says HELLO is cut after the handshake time", () => {
    const pair = new LinkPair({ limits: { deadMs: 60_000, pingMs: 30_000 } });
    const [wire] = pair.addHalfLane();
    pair.clock.advance(4900);
    expect(wire.closed).toBe(false);
    pair.clock.advance(200);
    expect(pair.near.lanes[1]!.closed).toBe(true);
    expect(pair.near.events.at(-1)).toBe("greeting failed: The peer sent no HELLO within 5000 ms");
  });
});

describe("GOAWAY", () => {
  test("a draining link finishes its streams, refuses new ones, then closes without a reset", () => {
    const pair = new LinkPair({ lanes: 2 });
    const running = pair.near.open(streamOpen());
    running.send(1000);
    pair.settle();
    pair.near.link.goAway();
    expect(pair.near.events.at(-1)).toBe("down: This router drains the link");
    pair.settle();
    expect(pair.far.events.at(-1)).toBe("down: The router drains");
    for (const end of [pair.near, pair.far]) {
      const late = end.open(streamOpen());
      pair.settle();
      expect(late.reset?.code).toBe("REFUSED");
    }
    accepted(pair).send(300_000);
    pair.settle();
    running.fin();
    accepted(pair).fin();
    pair.settle();
    expect([running.received, running.finReceived, running.reset]).toEqual([300_000, true, undefined]);
    expect(accepted(pair).reset).toBeUndefined();
    expect([...pair.near.lanes, ...pair.far.lanes].every((lane) => lane.closed)).toBe(true);
  });

  test("a stream that was opened while GOAWAY was on its way is refused, which is safe to retry", () => {
    const pair = new LinkPair();
    const stream = pair.near.open(streamOpen());
    pair.far.link.goAway();
    pair.settle();
    expect(stream.reset?.code).toBe("REFUSED");
    expect(pair.far.accepted).toEqual([]);
  });

  test("of one lane leaves the link up on the others", () => {
    const pair = new LinkPair({ lanes: 2 });
    const stream = pair.near.open(streamOpen());
    pair.settle();
    pair.near.lanes[0]!.goAway(GOAWAY.LANE, "test");
    pair.settle();
    expect([pair.near.link.lanes, pair.far.link.lanes]).toEqual([1, 1]);
    const next = pair.near.open(streamOpen());
    pair.settle();
    expect(next.reset).toBeUndefined();
    stream.fin();
    accepted(pair).fin();
    pair.settle();
    expect(pair.near.lanes[0]!.closed).toBe(true);
    expect(pair.near.events).toEqual(["up far"]);
  });

  test("a lane asks to be replaced before its stream ids run out", () => {
    const pair = new LinkPair({ limits: { lastStreamId: 7 } });
    for (let i = 0; i < 4; i++) pair.near.open(streamOpen());
    pair.settle();
    expect(pair.near.replaced).toEqual([pair.near.lanes[0]!]);
    pair.addLane();
    pair.settle();
    const next = pair.near.open(streamOpen());
    pair.settle();
    expect(next.reset).toBeUndefined();
  });
});
