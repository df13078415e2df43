import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "#core/clock.ts";

const LIFE_MS = 12 * 3_600_000;
const MAX_SESSIONS = 256;

export interface Session {
  /** Not the cookie: a hash of it. */
  readonly id: string;
  /** Monotonic ms. */
  readonly endsAtMs: number;
}

/** Who has logged in: kept in memory for 12 h, and the newest 256. A new start logs all out. */
export class Sessions {
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Session>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  static readonly lifeSeconds = LIFE_MS / 1000;

  /** A new session, and the cookie's value, which is kept nowhere. */
  open(): { readonly token: string; readonly session: Session } {
    const token = randomBytes(32).toString("base64url");
    const session = { id: idOf(token), endsAtMs: this.#clock.monotonicMs() + LIFE_MS };
    this.#sessions.set(session.id, session);
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= MAX_SESSIONS) break;
      this.#sessions.delete(id);
    }
    return { token, session };
  }

  find(token: string): Session | undefined {
    const session = this.#sessions.get(idOf(token));
    if (session === undefined || session.endsAtMs > this.#clock.monotonicMs()) return session;
    this.#sessions.delete(session.id);
    return undefined;
  }

  close(id: string): void {
    this.#sessions.delete(id);
  }
}

function idOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
