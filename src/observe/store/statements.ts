import type { Database, SQLQueryBindings, Statement } from "bun:sqlite";

/**
 * Prepared statements by their text, each prepared once. All of them have to be let go before a database closes: one that is left keeps
 * the file, and its lock.
 */
export class Statements {
  readonly #db: Database;
  readonly #prepared = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  of<Row, Bindings extends SQLQueryBindings[]>(sql: string): Statement<Row, Bindings> {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement as unknown as Statement<Row, Bindings>;
  }

  /** All of `write`, or nothing of it. By hand: the statements of `Database.transaction` are not let go. */
  transaction(write: () => void): void {
    this.#db.run("BEGIN IMMEDIATE");
    try {
      write();
      this.#db.run("COMMIT");
    } catch (error) {
      if (this.#db.inTransaction) this.#db.run("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    for (const statement of this.#prepared.values()) statement.finalize();
    this.#prepared.clear();
  }
}
