import { FakeClock } from "#core/clock.ts";
import { Greeter } from "../greeter.ts";
import { createHello } from "../hello.ts";
import { Lane } from "../lane.ts";
import type { LaneContext } from "../lane-context.ts";
import { DEFAULT_LIMITS, type LinkLimits } from "../limits.ts";
import { MemoryBudget } from "../memory-budget.ts";
import { LinkSession } from "../session.ts";
import { ProtocolErrorCounts, type StreamOpen } from "../types.ts";
import { MemoryWire } from "./memory-wire.ts";
import { LinkRecorder } from "./recorder.ts";

export interface LinkPairOptions {
  readonly lanes?: number;
  readonly limits?: Partial<LinkLimits>;
  readonly capacity?: number;
  readonly memoryBytes?: number;
}

export function streamOpen(service = "ns/echo"): StreamOpen {
  return {
    service,
    port: 80,
    endpoint: "",
    protocol: "tcp",
    client: "10.0.0.1:5000",
    hops: ["a"],
    trace: "",
  };
}

/** Two ends of a link in one process, over memory, with a clock that stands still and turns that end when told. */
export class LinkPair {
  readonly clock = new FakeClock();
  readonly errors = new ProtocolErrorCounts();
  readonly memory: MemoryBudget;
  readonly near = new LinkRecorder();
  readonly far = new LinkRecorder();
  /** [dialler's end, acceptor's end] of each lane. */
  readonly wires: [MemoryWire, MemoryWire][] = [];
  readonly context: LaneContext;
  #soon: (() => void)[] = [];

  constructor(options: LinkPairOptions = {}) {
    this.memory = new MemoryBudget(options.memoryBytes ?? 1 << 30);
    this.context = {
      clock: this.clock,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      memory: this.memory,
      errors: this.errors,
      soon: (fn) => void this.#soon.push(fn),
    };
    for (let i = 0; i < (options.lanes ?? 1); i++) this.addLane(options.capacity);
    this.settle();
  }

  addLane(capacity?: number): void {
    const wires = MemoryWire.pair(capacity);
    this.wires.push(wires);
    this.#lane(wires[0], this.near);
    this.#lane(wires[1], this.far);
  }

  /** A lane of the dialler whose other end says nothing. */
  addHalfLane(): [MemoryWire, MemoryWire] {
    const wires = MemoryWire.pair();
    this.#lane(wires[0], this.near);
    return wires;
  }

  /** One way of a round trip: what each end sent so far arrives, and what it is answered does not yet. */
  settleOneWay(): void {
    this.endTurn();
    const most = this.wires.map(([a, b]) => [a.inFlight, b.inFlight] as const);
    this.wires.forEach(([a, b], i) => {
      a.deliver(most[i]![0]);
      b.deliver(most[i]![1]);
    });
    this.endTurn();
  }

  /** Ends the turn: runs what was put off until now. */
  endTurn(): boolean {
    const due = this.#soon;
    this.#soon = [];
    for (const fn of due) fn();
    return due.length > 0;
  }

  /** Until nothing moves any more. */
  settle(): void {
    for (let moved = true; moved;) {
      moved = this.endTurn();
      for (const [a, b] of this.wires) {
        if (a.deliver()) moved = true;
        if (b.deliver()) moved = true;
      }
    }
  }

  #lane(wire: MemoryWire, recorder: LinkRecorder): void {
    const dialler = recorder === this.near;
    const self = { siteName: dialler ? "near" : "far", routerId: "r1", version: "1" };
    const owner = new Greeter({
      onHello: (lane, hello) => {
        recorder.session ??= new LinkSession({
          name: "test",
          direction: dialler ? "dialled" : "accepted",
          remote: { ...hello, siteId: hello.siteName },
          cost: hello.cost,
          handler: recorder,
          context: this.context,
          onReplace: (old) => recorder.replaced.push(old),
          onDown: () => {},
        });
        recorder.session.join(lane);
        return undefined;
      },
      onClosed: (_lane, reason) => recorder.events.push(`greeting failed: ${reason}`),
    });
    const hello = createHello(self, { link: "l1", linkName: "test", cost: 1, limits: this.context.limits });
    recorder.lanes.push(new Lane({ wire, owner, dialler, hello, context: this.context }));
  }
}
