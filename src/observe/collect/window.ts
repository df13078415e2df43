/** Rounds that a window remembers: as many as there are in the rate window when nothing is late. */
export const WINDOW_ROUNDS = 10;

/** Of one number in one round; more is counted as so much. */
const MOST = 0x1999_9999;

/**
 * Sums of whole numbers over the last WINDOW_ROUNDS rounds, `width` of them at once. Rounds without news cost nothing: what
 * has become too old is taken off when somebody looks.
 */
export class Window {
  readonly sums: Float64Array;
  readonly #width: number;
  /** 32 bits a number: this is most of the memory of an observer of many pods. */
  readonly #slots: Uint32Array;
  #round: number;

  constructor(width: number, round: number) {
    this.#width = width;
    this.#round = round;
    this.sums = new Float64Array(width);
    this.#slots = new Uint32Array(width * WINDOW_ROUNDS);
  }

  /** Adds what happened in the `rounds` rounds up to `round`: to each its part, the rest of the division to the last. */
  add(delta: Float64Array, { round, rounds }: { readonly round: number; readonly rounds: number }): void {
    this.advance(round);
    const width = this.#width;
    const parts = Math.min(Math.max(rounds, 1), WINDOW_ROUNDS);
    for (let i = 0; i < width; i++) {
      const value = Math.min(delta[i] as number, MOST);
      if (value === 0) continue;
      this.sums[i] = (this.sums[i] as number) + value;
      const each = parts === 1 ? 0 : Math.floor(value / parts);
      this.#put(round, i, value - each * (parts - 1));
      for (let part = 1; part < parts; part++) this.#put(round - part, i, each);
    }
  }

  /** Brings the sums up to a round. */
  advance(round: number): this {
    const passed = round - this.#round;
    if (passed <= 0) return this;
    this.#round = round;
    if (passed >= WINDOW_ROUNDS) {
      this.#slots.fill(0);
      this.sums.fill(0);
      return this;
    }
    for (let at = round - passed + 1; at <= round; at++) this.#drop(at);
    return this;
  }

  #put(round: number, i: number, value: number): void {
    const at = slotOf(round) * this.#width + i;
    this.#slots[at] = (this.#slots[at] as number) + value;
  }

  /** The slot of a round that begins still holds the round that left the window. */
  #drop(round: number): void {
    const from = slotOf(round) * this.#width;
    for (let i = 0; i < this.#width; i++) {
      const value = this.#slots[from + i] as number;
      if (value === 0) continue;
      this.sums[i] = (this.sums[i] as number) - value;
      this.#slots[from + i] = 0;
    }
  }
}

function slotOf(round: number): number {
  return ((round % WINDOW_ROUNDS) + WINDOW_ROUNDS) % WINDOW_ROUNDS;
}
