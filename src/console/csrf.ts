import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** Header that carries the token with what changes something. A page of another origin cannot set it without leave, which nobody gets. */
export const CSRF_HEADER = "x-isthmus-csrf";

/** One token for each session, good until the process ends. */
export class Csrf {
  readonly #key = randomBytes(32);

  token(session: string): string {
    return this.#digest(session).toString("base64url");
  }

  is(candidate: string | null, session: string): boolean {
    const given = Buffer.from(candidate ?? "", "base64url");
    const expected = this.#digest(session);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  #digest(session: string): Buffer {
    return createHmac("sha256", this.#key).update(session).digest();
  }
}
