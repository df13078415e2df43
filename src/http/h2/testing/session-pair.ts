import { FakeClock } from "#core/clock.ts";
import { H2Counters } from "../counters.ts";
import type { H2Limits } from "../limits.ts";
import { Session } from "../session.ts";
import type { H2Stream } from "../types.ts";
import { pairs, Recorder } from "./recorder.ts";

export type Side = "client" | "server";

/** One end of the pair: a session, and its output that the other end has not read yet. */
export class SessionEnd {
  readonly counters = new H2Counters();
  readonly session: Session;
  closed: string | undefined;
  goAways = 0;
  readonly wire: Uint8Array[] = [];
  wireBytes = 0;
  /** The transport says that it is full past this. */
  fullBytes = Number.POSITIVE_INFINITY;

  constructor(
    role: Side,
    options: {
      clock: FakeClock;
      limits: Partial<H2Limits>;
      soon: (fn: () => void) => void;
      onStream: (stream: H2Stream, list: [string, string][], endStream: boolean) => void;
    },
  ) {
    this.session = new Session({
      role,
      limits: options.limits,
      clock: options.clock,
      counters: this.counters,
      soon: options.soon,
      send: (bytes) => {
        this.wire.push(bytes.slice());
        this.wireBytes += bytes.length;
        if (this.wireBytes > this.fullBytes) this.session.transportBlocked(true);
        // The memory was copied: let it be used again, so that a mistake shows.
        return true;
      },
      events: {
        onStream: (stream, list, endStream) => options.onStream(stream, pairs(list), endStream),
        onGoAway: () => void this.goAways++,
        onClosed: (reason) => {
          if (this.closed !== undefined) throw new Error("onClosed came twice");
          this.closed = reason;
        },
      },
    });
  }

  /** Gives at most `most` bytes to the other end. */
  deliver(to: SessionEnd, most: number): boolean {
    let left = most;
    while (left > 0) {
      const chunk = this.wire.shift();
      if (chunk === undefined) break;
      const now = chunk.slice(0, left);
      if (now.length < chunk.length) this.wire.unshift(chunk.subarray(now.length));
      this.wireBytes -= now.length;
      left -= now.length;
      to.session.receive(now);
    }
    if (this.wireBytes <= this.fullBytes) this.session.transportBlocked(false);
    return left < most;
  }
}

/** A client and a server joined by memory; a test decides when bytes move and turns end. */
export class SessionPair {
  readonly clock = new FakeClock();
  readonly client: SessionEnd;
  readonly server: SessionEnd;
  onRequest: (stream: H2Stream, list: [string, string][], endStream: boolean) => void = (stream) => {
    stream.handler = new Recorder();
  };
  #soon: (() => void)[] = [];

  constructor(limits: { client?: Partial<H2Limits>; server?: Partial<H2Limits> } = {}) {
    const make = (role: Side): SessionEnd =>
      new SessionEnd(role, {
        clock: this.clock,
        limits: limits[role] ?? {},
        soon: (fn) => void this.#soon.push(fn),
        onStream: (stream, list, endStream) => this.onRequest(stream, list, endStream),
      });
    this.client = make("client");
    this.server = make("server");
    this.client.session.start();
    this.server.session.start();
  }

  end(side: Side): SessionEnd {
    return side === "client" ? this.client : this.server;
  }

  endTurn(): boolean {
    const soon = this.#soon;
    this.#soon = [];
    for (const fn of soon) fn();
    return soon.length > 0;
  }

  /** Everything moves until nothing does. */
  settle(): void {
    for (let rounds = 0; rounds < 20_000; rounds++) {
      const turned = this.endTurn();
      const up = this.client.deliver(this.server, Number.POSITIVE_INFINITY);
      const down = this.server.deliver(this.client, Number.POSITIVE_INFINITY);
      if (!turned && !up && !down) return;
    }
    throw new Error("The sessions never come to rest");
  }
}
