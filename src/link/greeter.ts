import type { Hello } from "./hello.ts";
import type { Lane } from "./lane.ts";
import type { LaneOwner } from "./lane-context.ts";

export interface GreeterEvents {
  /** Returns why the peer is refused; else the lane has another owner now. */
  onHello(lane: Lane, hello: Hello): string | undefined;
  onClosed(lane: Lane, reason: string): void;
}

/** The owner of a lane until its HELLO came. Nothing else can come before. */
export class Greeter implements LaneOwner {
  readonly #events: GreeterEvents;

  constructor(events: GreeterEvents) {
    this.#events = events;
  }

  onHello(lane: Lane, hello: Hello): string | undefined {
    return this.#events.onHello(lane, hello);
  }

  onClosed(lane: Lane, reason: string): void {
    this.#events.onClosed(lane, reason);
  }

  onStream(): void {}
  onControl(): void {}
  onGoAway(): void {}
  onRtt(): void {}
  onRoom(): void {}
  onExhausted(): void {}
}
