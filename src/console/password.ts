import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { IsthmusError, messageOf } from "#core/errors.ts";

const MIN_LENGTH = 8;
const MAX_LENGTH = 256;

/** Compares in constant time, whatever the lengths. */
export class Password {
  readonly #key = randomBytes(32);
  readonly #expected: Buffer;

  constructor(password: string) {
    this.#expected = this.#digest(password);
  }

  is(candidate: string): boolean {
    return timingSafeEqual(this.#expected, this.#digest(candidate.slice(0, MAX_LENGTH + 1)));
  }

  #digest(text: string): Buffer {
    return createHmac("sha256", this.#key).update(text).digest();
  }
}

/** 120 bits, of characters that survive a shell and a double click. */
export function newPassword(): string {
  return randomBytes(15).toString("base64url").replaceAll("-", "x").replaceAll("_", "y");
}

/** The first line of a file. Throws INVALID when it cannot be read, is shorter than 8 characters or longer than 256. */
export function readPassword(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new IsthmusError("INVALID", `Cannot read the password from "${path}": ${messageOf(cause)}`, {
      cause,
      hint: `openssl rand -base64 18 > ${path}`,
    });
  }
  const [password = ""] = text.split(/\r?\n/, 1);
  if (password.length < MIN_LENGTH || password.length > MAX_LENGTH) {
    throw new IsthmusError(
      "INVALID",
      `The password in "${path}" has ${password.length} characters: expected ${MIN_LENGTH} to ${MAX_LENGTH} on the first line`,
      { hint: `openssl rand -base64 18 > ${path}` },
    );
  }
  return password;
}
