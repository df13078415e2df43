import type { ErrorCode } from "#core/errors.ts";
import type { Connection } from "./connection.ts";
import {
  describeTarget,
  GoneError,
  KubeError,
  type Attempt,
  type FieldCause,
  type KubeErrorOptions,
} from "./kube-error.ts";

/** The parts of metav1.Status that are read. */
interface StatusBody {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
    readonly retryAfterSeconds?: number;
  };
}

export interface StatusErrorInput {
  readonly status: number;
  /** The answer's body: a Status object, or any text when something else answered. */
  readonly body: string;
  readonly attempt: Attempt;
  readonly retryAfterMs?: number | undefined;
}

/** Turns an answer with status >= 400 into an error whose message stands alone and whose hint is the next command. */
export function statusError(connection: Connection, input: StatusErrorInput): KubeError {
  const { attempt, status } = input;
  const body = parseStatus(input.body);
  const message =
    body?.message ?? (input.body.slice(0, 200).replace(/\s+/g, " ").trim() || `HTTP status ${status}`);
  const causes: FieldCause[] = (body?.details?.causes ?? []).map((cause) => ({
    field: cause.field ?? "",
    message: cause.message ?? "",
  }));
  const seconds = body?.details?.retryAfterSeconds;
  const retryAfterMs = input.retryAfterMs ?? (seconds === undefined ? undefined : seconds * 1000);
  const options: KubeErrorOptions = {
    status,
    causes,
    ...(body?.reason === undefined ? {} : { kubeReason: body.reason }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
  const target = describeTarget(attempt);
  const from = `(${connection.origin})`;
  const fail = (code: ErrorCode, text: string, hint?: string): KubeError =>
    new KubeError(code, text, hint === undefined ? options : { ...options, hint });

  switch (status) {
    case 401:
      return fail(
        "DENIED",
        `Cannot ${attempt.verb} ${target}: the API server at ${connection.server} does not accept the credentials of ${connection.origin}`,
        connection.context === undefined
          ? "The service account token may have been revoked; restart the pod"
          : `Log in again, then check with: kubectl --context ${connection.context} auth whoami`,
      );
    case 403:
      return fail(
        "DENIED",
        `Not allowed to ${attempt.verb} ${target} ${from}: ${message}`,
        canIHint(connection, attempt),
      );
    case 404:
      return attempt.name === undefined || body === undefined
        ? fail(
            "NOT_FOUND",
            `The cluster does not know ${attempt.resource} ${from}: ${message}`,
            `Its resource type may not be installed yet; see: kubectl${contextFlag(connection)} api-resources`,
          )
        : fail("NOT_FOUND", `${capital(target)} not found ${from}`);
    case 409:
      return body?.reason === "AlreadyExists"
        ? fail("ALREADY_EXISTS", `${capital(target)} exists already ${from}`)
        : fail("CONFLICT", `Cannot ${attempt.verb} ${target} ${from}: ${message}`);
    case 410:
      return new GoneError(`Cannot ${attempt.verb} ${target} ${from}: ${message}`, options);
    case 400:
    case 415:
    case 422:
      return fail("INVALID", `The API server refused ${target} ${from}: ${causeText(causes) ?? message}`);
    case 408:
    case 504:
      return fail("TIMEOUT", `The API server took too long to ${attempt.verb} ${target} ${from}: ${message}`);
    default:
      if (status === 429 || status >= 500) {
        return fail(
          "UNREACHABLE",
          `The API server cannot ${attempt.verb} ${target} now ${from}: ${message}`,
          "Try again later",
        );
      }
      return fail("FAILED", `Cannot ${attempt.verb} ${target} ${from}: HTTP status ${status}: ${message}`);
  }
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3) as ms from `nowMs`; undefined when absent or unreadable. */
export function parseRetryAfterMs(value: string | null, nowMs: number): number | undefined {
  if (value === null || value === "") return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function parseStatus(text: string): StatusBody | undefined {
  try {
    const value: StatusBody | null = JSON.parse(text);
    return value?.kind === "Status" ? value : undefined;
  } catch {
    return undefined;
  }
}

function causeText(causes: readonly FieldCause[]): string | undefined {
  if (causes.length === 0) return undefined;
  return causes
    .map(({ field, message }) => (field === "" ? message : `field "${field}": ${message}`))
    .join("; ");
}

function canIHint(connection: Connection, attempt: Attempt): string {
  const namespace = attempt.namespace === undefined ? "" : ` -n ${attempt.namespace}`;
  const verb = attempt.verb === "apply" ? "patch" : attempt.verb;
  return `Check with: kubectl${contextFlag(connection)} auth can-i ${verb} ${attempt.resource}${namespace}`;
}

function contextFlag(connection: Connection): string {
  return connection.context === undefined ? "" : ` --context ${connection.context}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
