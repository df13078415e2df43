import type { Clock } from "#core/clock.ts";
import type { Hello } from "./hello.ts";
import type { Lane } from "./lane.ts";
import type { LinkLimits } from "./limits.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { Stream } from "./stream.ts";
import type { ProtocolErrorCounts } from "./types.ts";

/** What the lanes of a router share. */
export interface LaneContext {
  readonly clock: Clock;
  readonly limits: LinkLimits;
  readonly memory: MemoryBudget;
  readonly errors: ProtocolErrorCounts;
  /** Runs `fn` at the end of this event-loop turn. */
  readonly soon: (fn: () => void) => void;
}

/** Who a lane belongs to: first the one who made it, then its link. */
export interface LaneOwner {
  /** The peer's HELLO. Returns why it is refused, or undefined. */
  onHello(lane: Lane, hello: Hello): string | undefined;
  onStream(stream: Stream): void;
  onControl(lane: Lane, payload: Uint8Array): void;
  /** The lane answers LANE and LINK by itself; CLOSE is told by `onClosed`. */
  onGoAway(lane: Lane, kind: number, reason: string): void;
  onRtt(lane: Lane): void;
  /** The output has room: control messages may go on. */
  onRoom(lane: Lane): void;
  /** It has no stream ids left and takes no more streams. */
  onExhausted(lane: Lane): void;
  /** Once; the streams were told before. */
  onClosed(lane: Lane, reason: string): void;
}
