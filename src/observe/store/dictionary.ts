import type { Statement } from "bun:sqlite";
import type { Statements } from "./statements.ts";

/**
 * Texts that come again and again, as numbers. Past `max` texts a new one has none and is to be stored as it is: what
 * clients send must not grow this without bound.
 */
export class Dictionary {
  readonly #ids = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  readonly #insert: Statement<unknown, [number, string]>;
  readonly #max: number;
  #next = 1;

  constructor(db: Statements, { table, column, max }: { table: string; column: string; max: number }) {
    this.#max = max;
    for (const { id, text } of db
      .of<{ id: number; text: string }, []>(`SELECT id, ${column} AS text FROM ${table}`)
      .all()) {
      this.#ids.set(text, id);
      this.#texts.set(id, text);
      this.#next = Math.max(this.#next, id + 1);
    }
    this.#insert = db.of(`INSERT INTO ${table} (id, ${column}) VALUES (?, ?)`);
  }

  get size(): number {
    return this.#ids.size;
  }

  get isFull(): boolean {
    return this.#ids.size >= this.#max;
  }

  /** Inside a transaction. */
  idOf(text: string): number | undefined {
    const known = this.#ids.get(text);
    if (known !== undefined || this.isFull) return known;
    const id = this.#next++;
    this.#insert.run(id, text);
    this.#ids.set(text, id);
    this.#texts.set(id, text);
    return id;
  }

  find(text: string): number | undefined {
    return this.#ids.get(text);
  }

  textOf(id: number): string | undefined {
    return this.#texts.get(id);
  }

  entries(): Iterable<[number, string]> {
    return this.#texts;
  }

  forget(ids: Iterable<number>): void {
    for (const id of ids) {
      const text = this.#texts.get(id);
      if (text !== undefined) this.#ids.delete(text);
      this.#texts.delete(id);
    }
  }
}
