import type { MemoryBudget, MemoryHolder } from "./memory-budget.ts";
import type { Stream } from "./stream.ts";

export interface LaneMemoryOptions {
  readonly budget: MemoryBudget;
  readonly streams: ReadonlyMap<number, Stream>;
  readonly soon: (fn: () => void) => void;
  readonly shed: (stream: Stream, heldBytes: number) => void;
}

/** What the streams of one lane hold, counted in the budget of the router. */
export class LaneMemory implements MemoryHolder {
  /** Written and not in the output yet. */
  pendingBytes = 0;
  /** Received and not consumed. */
  unconsumedBytes = 0;
  readonly #options: LaneMemoryOptions;

  constructor(options: LaneMemoryOptions) {
    this.#options = options;
    options.budget.join(this);
  }

  leave(): void {
    this.#options.budget.leave(this);
  }

  /** Whether windows may grow. */
  get plenty(): boolean {
    return this.#options.budget.plenty;
  }

  pendingChanged(bytes: number): void {
    this.pendingBytes += bytes;
    this.#account(bytes);
  }

  unconsumedChanged(bytes: number): void {
    this.unconsumedBytes += bytes;
    this.#account(bytes);
  }

  largestBytes(): number {
    const stream = this.#largest();
    return stream === undefined ? 0 : heldBytes(stream);
  }

  shedLargest(): void {
    const stream = this.#largest();
    if (stream !== undefined) this.#options.shed(stream, heldBytes(stream));
  }

  #account(bytes: number): void {
    const { budget, soon } = this.#options;
    budget.usedBytes += bytes;
    if (bytes > 0 && budget.exceeded) soon(() => budget.shed());
  }

  #largest(): Stream | undefined {
    let largest: Stream | undefined;
    for (const stream of this.#options.streams.values()) {
      if (heldBytes(stream) > (largest === undefined ? 0 : heldBytes(largest))) largest = stream;
    }
    return largest;
  }
}

function heldBytes(stream: Stream): number {
  return stream.pendingBytes + stream.unconsumedBytes;
}
