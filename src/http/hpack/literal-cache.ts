import type { KnownField } from "./field.ts";

const SLOTS = 32;
/** A literal that is longer is not looked for. */
const MAX_BYTES = 160;

/**
 * Remembers what literals with these octets became, so that a field a peer never puts into its table (paths, above all) is
 * found again without being decoded, and as the same object.
 */
export class LiteralCache {
  readonly #raw: Uint8Array[] = [];
  readonly #fields: (KnownField | undefined)[] = [];
  #slot = -1;

  /** The field of `bytes[from, to)`. After `undefined`, `keep` stores it. */
  find(bytes: Uint8Array, from: number, to: number): KnownField | undefined {
    this.#slot = -1;
    const length = to - from;
    if (length > MAX_BYTES) return undefined;
    let hash = length;
    for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    this.#slot = slot;
    const found = this.#fields[slot];
    if (found === undefined) return undefined;
    const raw = this.#raw[slot]!;
    if (raw.length !== length) return undefined;
    for (let i = 0; i < length; i++) {
      if (raw[i] !== bytes[from + i]) return undefined;
    }
    return found;
  }

  /** Stores what the literal of the last `find` is; the octets are copied. */
  keep(raw: Uint8Array, known: KnownField): void {
    if (this.#slot < 0) return;
    this.#raw[this.#slot] = raw.slice();
    this.#fields[this.#slot] = known;
  }
}
