import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { H2_ERROR } from "./constants.ts";
import type { H2Limits } from "./limits.ts";
import { fields, request, response } from "./testing/fields.ts";
import { Recorder } from "./testing/recorder.ts";
import { SessionPair, type Side } from "./testing/session-pair.ts";

/** More for a long look: `H2_PROPERTY_RUNS=20000`. */
const RUNS = Number(process.env["H2_PROPERTY_RUNS"] ?? 300);

const side = fc.constantFrom<Side>("client", "server");
const pick = fc.nat(1000);
const size = fc.oneof(fc.nat(300), fc.integer({ min: 1, max: 200_000 }));
const most = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 300_000 }));

const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("open" as const), end: fc.boolean() }) },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant("data" as const), side, pick, size, end: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("answer" as const, "trailers"), side, pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), side, pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("stop" as const, "read"), side, pick }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant("deliver" as const), side, most }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("full" as const), side, most }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("endTurn" as const, "settle", "tick") }) },
);
const leave = fc.option(fc.record({ side, at: fc.nat(80) }));
const limits = fc.record({
  streamWindowBytes: fc.constantFrom(1000, 65_535, 256 * 1024),
  maxStreamWindowBytes: fc.constantFrom(256 * 1024, 300_000),
  connectionWindowBytes: fc.constantFrom(65_535, 100_000, 1024 * 1024),
  maxStreams: fc.constantFrom(1, 3, 100),
});

/** One direction of a stream. */
class Direction {
  /** Every byte is what its place in the stream says, so that a loss or a swap shows. */
  readonly from: Recorder;
  readonly to: Recorder;
  readonly salt: number;
  sent = 0;
  ended = false;
  headers = false;

  constructor(from: Recorder, to: Recorder, salt: number) {
    this.from = from;
    this.to = to;
    this.salt = salt;
  }

  write(bytes: number, end: boolean): void {
    const { stream } = this.from;
    if (stream === undefined || stream.over || this.ended) return;
    const chunk = new Uint8Array(bytes);
    for (let i = 0; i < bytes; i++) chunk[i] = this.octet(this.sent + i);
    this.sent += bytes;
    this.ended = end;
    const held = stream.heldBytes;
    const more = stream.data(chunk, end);
    // It was told to stop exactly when something waits; the memory is the session's then, and free otherwise.
    if (more) expect(stream.heldBytes).toBe(0);
    if (stream.heldBytes === held) chunk.fill(0xee);
  }

  trailers(): void {
    const { stream } = this.from;
    if (stream === undefined || stream.over || this.ended) return;
    this.ended = true;
    stream.headers(fields(["x-trailer", String(this.salt)]), true);
  }

  octet(at: number): number {
    return (at * 31 + this.salt * 7 + (at >> 8)) & 0xff;
  }

  check(): void {
    let at = 0;
    for (const chunk of this.to.chunks) {
      for (const octet of chunk) if (octet !== this.octet(at++)) throw new Error(`Octet ${at - 1} is wrong`);
    }
    expect(at).toBeLessThanOrEqual(this.sent);
    if (this.to.ended) {
      expect(this.ended).toBeTrue();
      expect(at).toBe(this.sent);
    }
  }
}

class Exchange {
  readonly client = new Recorder();
  readonly server = new Recorder();
  readonly up: Direction;
  readonly down: Direction;
  answered = false;

  constructor(salt: number) {
    this.up = new Direction(this.client, this.server, salt);
    this.down = new Direction(this.server, this.client, salt + 1);
  }

  answer(): void {
    if (this.answered || this.server.stream === undefined || this.server.stream.over) return;
    this.answered = true;
    this.server.stream.headers(response(), false);
  }
}

function run(
  commands: readonly (typeof command extends fc.Arbitrary<infer C> ? C : never)[],
  options: { client: Partial<H2Limits>; server: Partial<H2Limits>; leave: { side: Side; at: number } | null },
): void {
  const pair = new SessionPair(options);
  const exchanges: Exchange[] = [];
  pair.onRequest = (stream, list, end) => {
    const exchange = exchanges[Number(list.find(([name]) => name === "x-number")?.[1])]!;
    expect(exchange.server.stream).toBeUndefined();
    exchange.server.stream = stream;
    exchange.server.ended = end;
    stream.handler = exchange.server;
  };
  const at = (index: number): Exchange | undefined => exchanges[index % Math.max(1, exchanges.length)];
  const recorder = (of: Exchange | undefined, which: Side): Recorder | undefined => of?.[which];
  commands.forEach((now, step) => {
    if (options.leave?.at === step) pair.end(options.leave.side).session.goAway();
    switch (now.do) {
      case "open": {
        const exchange = new Exchange(exchanges.length * 2);
        const list = request("POST", ["x-number", String(exchanges.length)]);
        exchanges.push(exchange);
        exchange.up.ended = now.end;
        exchange.client.stream = pair.client.session.request(list, now.end, exchange.client);
        break;
      }
      case "data": {
        const exchange = at(now.pick);
        if (now.side === "server") exchange?.answer();
        exchange?.[now.side === "client" ? "up" : "down"].write(now.size, now.end);
        break;
      }
      case "answer":
        at(now.pick)?.answer();
        break;
      case "trailers": {
        const exchange = at(now.pick);
        if (now.side === "server") exchange?.answer();
        exchange?.[now.side === "client" ? "up" : "down"].trailers();
        break;
      }
      case "reset":
        recorder(at(now.pick), now.side)?.stream?.reset(H2_ERROR.CANCEL);
        break;
      case "stop": {
        const reader = recorder(at(now.pick), now.side);
        if (reader !== undefined) reader.reading = false;
        break;
      }
      case "read": {
        const reader = recorder(at(now.pick), now.side);
        if (reader === undefined) break;
        reader.reading = true;
        reader.read();
        break;
      }
      case "deliver":
        pair.end(now.side).deliver(pair.end(now.side === "client" ? "server" : "client"), now.most);
        break;
      case "full":
        pair.end(now.side).fullBytes = now.most;
        break;
      case "endTurn":
        pair.endTurn();
        break;
      case "settle":
        pair.settle();
        break;
      case "tick":
        for (const end of [pair.client, pair.server]) end.session.tick(pair.clock.monotonicMs());
        break;
    }
  });
  // Whatever was stopped goes on, and everything comes to its end.
  for (const end of [pair.client, pair.server]) end.fullBytes = Number.POSITIVE_INFINITY;
  pair.settle();
  for (const { client, server } of exchanges) {
    for (const reader of [client, server]) {
      reader.reading = true;
      reader.read();
    }
  }
  pair.settle();
  for (const exchange of exchanges) {
    const { client, server, up, down } = exchange;
    for (const direction of [up, down]) {
      direction.check();
      // What was sent is there, unless one end gave up.
      const { from, to } = direction;
      const given = client.reset ?? server.reset ?? (client.stream?.over || server.stream?.over);
      if (from.stream !== undefined && to.stream !== undefined && !given)
        expect(to.bytes).toBe(direction.sent);
      if (from.stream !== undefined) expect(from.stream.heldBytes).toBe(0);
    }
    for (const [reader, windowOf] of [
      [client, options.client],
      [server, options.server],
    ] as const) {
      expect(reader.mostUnconsumed).toBeLessThanOrEqual(windowOf.maxStreamWindowBytes ?? 0);
    }
    if (client.ended && server.ended) expect(client.stream?.over || client.reset !== undefined).toBeTrue();
  }
  for (const end of [pair.client, pair.server]) {
    expect(end.session.heldBytes).toBe(0);
    const { refusedStreams, ...others } = end.counters;
    expect(refusedStreams === 0 || end === pair.server).toBeTrue();
    expect(Object.values(others).reduce((sum, count) => sum + count, 0)).toBe(0);
    if (options.leave === null) expect(end.closed).toBeUndefined();
  }
  // All credit came back: a new stream can send a full connection window.
  const open = exchanges.filter(({ client }) => client.stream !== undefined && !client.stream.over);
  expect(pair.client.session.streams).toBe(open.length);
}

test("whatever two sessions do, bytes arrive once and in order, and windows hold", () => {
  fc.assert(
    fc.property(
      fc.array(command, { maxLength: 80 }),
      fc.record({ client: limits, server: limits, leave }),
      (commands, options) => run(commands, options),
    ),
    { numRuns: RUNS },
  );
}, 60_000);

test("a reset at any moment leaves nothing behind, and the connection goes on", () => {
  const steps = ["open", "answer", "up", "down", "endUp", "endDown"];
  fc.assert(
    fc.property(fc.shuffledSubarray(steps), fc.nat(6), side, fc.boolean(), (order, when, by, settle) => {
      const small = { connectionWindowBytes: 65_535 };
      const pair = new SessionPair({ client: small, server: small });
      pair.settle();
      const exchange = new Exchange(0);
      pair.onRequest = (stream) => {
        exchange.server.stream = stream;
        stream.handler = exchange.server;
      };
      exchange.client.stream = pair.client.session.request(request("POST"), false, exchange.client);
      pair.settle();
      [...order.slice(0, when), "reset", ...order.slice(when)].forEach((step) => {
        if (step === "answer" || step.endsWith("own")) exchange.answer();
        if (step === "up" || step === "endUp") exchange.up.write(100_000, step === "endUp");
        if (step === "down" || step === "endDown") exchange.down.write(100_000, step === "endDown");
        if (step === "reset") exchange[by].stream!.reset(H2_ERROR.CANCEL);
        if (settle) pair.settle();
      });
      pair.settle();
      expect([pair.client.session.streams, pair.server.session.streams]).toEqual([0, 0]);
      exchange.up.check();
      exchange.down.check();

      const next = new Exchange(5);
      pair.onRequest = (stream) => {
        next.server.stream = stream;
        stream.handler = next.server;
      };
      next.client.stream = pair.client.session.request(request("POST"), false, next.client);
      pair.settle();
      next.up.write(200_000, true);
      pair.settle();
      next.answer();
      next.down.write(200_000, true);
      pair.settle();
      next.up.check();
      next.down.check();
      expect([next.client.ended, next.server.ended]).toEqual([true, true]);
    }),
    { numRuns: 40 },
  );
}, 60_000);
