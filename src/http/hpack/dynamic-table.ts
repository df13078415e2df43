import { ENTRY_OVERHEAD, type Field } from "./field.ts";

/** The most a table may hold here, and what both ends start with (RFC 9113 section 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4096;

/** Slots of the ring: no entry is smaller than its overhead. */
const SLOTS = DEFAULT_TABLE_BYTES / ENTRY_OVERHEAD;

/**
 * The dynamic table of RFC 7541 section 2.3.2: first in, first out, bounded in bytes. Entries are numbered from 0 in the order
 * they came, for ever; `[oldest, inserted)` are in the table.
 */
export class DynamicTable<T extends Field> {
  /** How many ever came. */
  inserted = 0;
  oldest = 0;
  /** As RFC 7541 section 4.1 counts it. */
  bytes = 0;
  #maxBytes = DEFAULT_TABLE_BYTES;
  readonly #slots: (T | undefined)[] = [];

  get maxBytes(): number {
    return this.#maxBytes;
  }

  get count(): number {
    return this.inserted - this.oldest;
  }

  /** By number, which is in the table. */
  at(number: number): T {
    return this.#slots[number % SLOTS]!;
  }

  /** At most `DEFAULT_TABLE_BYTES`. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  /** One that is larger than the table empties it and is not kept (RFC 7541 section 4.4). */
  insert(entry: T): void {
    const size = entry.name.length + entry.value.length + ENTRY_OVERHEAD;
    this.#evict(this.#maxBytes - size);
    if (size > this.#maxBytes) return;
    this.#slots[this.inserted % SLOTS] = entry;
    this.inserted++;
    this.bytes += size;
  }

  #evict(toBytes: number): void {
    while (this.bytes > toBytes && this.oldest < this.inserted) {
      const slot = this.oldest % SLOTS;
      const entry = this.#slots[slot]!;
      this.bytes -= entry.name.length + entry.value.length + ENTRY_OVERHEAD;
      this.#slots[slot] = undefined;
      this.oldest++;
    }
  }
}
