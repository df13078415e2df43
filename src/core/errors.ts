/**
 * The one error class, and the one table of codes.
 *
 * `source` says who has to act: the user (input), downstream (who called us), upstream (whom we called), or us.
 * A user error prints what was wrong, what was expected and the next command; never a stack.
 */

/** What a process ends with: 1 a failed check or wait, 2 wrong usage, 3 something could not be reached. */
export type ExitCode = 1 | 2 | 3;

export type ErrorSource = "user" | "downstream" | "upstream" | "internal";

interface CodeInfo {
  readonly source: ErrorSource;
  readonly exit: ExitCode;
  readonly retryable: boolean;
}

/** Every code that a user can meet. docs/errors.md has an anchor for each. */
export const ERROR_CODES = {
  USAGE: { source: "user", exit: 2, retryable: false },
  INVALID: { source: "user", exit: 2, retryable: false },
  NOT_FOUND: { source: "user", exit: 1, retryable: false },
  CONFLICT: { source: "user", exit: 1, retryable: true },
  ALREADY_EXISTS: { source: "user", exit: 1, retryable: false },
  DENIED: { source: "user", exit: 1, retryable: false },
  EXPIRED: { source: "user", exit: 1, retryable: false },
  ADDRESS_IN_USE: { source: "user", exit: 1, retryable: false },
  UNREACHABLE: { source: "upstream", exit: 3, retryable: true },
  UNTRUSTED: { source: "upstream", exit: 3, retryable: false },
  TIMEOUT: { source: "upstream", exit: 1, retryable: true },
  PROTOCOL: { source: "downstream", exit: 1, retryable: false },
  FAILED: { source: "internal", exit: 1, retryable: false },
  INTERNAL: { source: "internal", exit: 1, retryable: false },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface IsthmusErrorOptions {
  /** What to do next, as a command where there is one. */
  readonly hint?: string;
  readonly cause?: unknown;
  readonly source?: ErrorSource;
  readonly retryable?: boolean;
}

export class IsthmusError extends Error {
  readonly code: ErrorCode;
  readonly source: ErrorSource;
  readonly retryable: boolean;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: IsthmusErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "IsthmusError";
    this.code = code;
    this.source = options.source ?? ERROR_CODES[code].source;
    this.retryable = options.retryable ?? ERROR_CODES[code].retryable;
    this.hint = options.hint;
  }

  get exitCode(): ExitCode {
    return ERROR_CODES[this.code].exit;
  }
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*\n\s*/g, " ").trim();
}
