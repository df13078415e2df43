import { type ErrorCode, IsthmusError } from "#core/errors.ts";
import type { JoinReason } from "./join-protocol.ts";

const CODES: Record<JoinReason, ErrorCode> = {
  Denied: "DENIED",
  Expired: "EXPIRED",
  AlreadyUsed: "CONFLICT",
  OtherNetwork: "DENIED",
  NotReady: "UNREACHABLE",
  Busy: "UNREACHABLE",
  Invalid: "INVALID",
  TooManyRequests: "UNREACHABLE",
  Failed: "FAILED",
};

/** A join or renewal that the issuing site refused; `reason` travels to the joiner. */
export class JoinError extends IsthmusError {
  readonly reason: JoinReason;

  constructor(reason: JoinReason, message: string, options: { readonly cause?: unknown } = {}) {
    super(CODES[reason], message, options);
    this.name = "JoinError";
    this.reason = reason;
  }
}
