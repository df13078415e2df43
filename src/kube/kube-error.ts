import { IsthmusError, type ErrorCode, type IsthmusErrorOptions } from "#core/errors.ts";

/** One field that the API server refused, from `status.details.causes`. */
export interface FieldCause {
  readonly field: string;
  readonly message: string;
}

export interface KubeErrorOptions extends IsthmusErrorOptions {
  /** HTTP status; absent when no answer came. */
  readonly status?: number;
  /** `reason` of the API server's Status object, such as `AlreadyExists`. */
  readonly kubeReason?: string;
  readonly causes?: readonly FieldCause[];
  readonly retryAfterMs?: number;
}

/** A request to a Kubernetes API that did not succeed, in the codes of the program. */
export class KubeError extends IsthmusError {
  readonly status: number | undefined;
  readonly kubeReason: string | undefined;
  readonly causes: readonly FieldCause[];
  /** What the server asked us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: KubeErrorOptions = {}) {
    super(code, message, options);
    this.name = "KubeError";
    this.status = options.status;
    this.kubeReason = options.kubeReason;
    this.causes = options.causes ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The resource version asked for is no longer kept by the server (410): a watcher has to list again. */
export class GoneError extends KubeError {
  constructor(message: string, options: KubeErrorOptions = {}) {
    super("EXPIRED", message, { source: "upstream", retryable: true, status: 410, ...options });
    this.name = "GoneError";
  }
}

/** What a request wanted, for messages. */
export interface Attempt {
  readonly verb: string;
  /** `services`, `sites.isthmus.dev`, `deployments.apps/status`. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** `services "west/backend"`, `sites.isthmus.dev in namespace "west"`. */
export function describeTarget(attempt: Attempt): string {
  const { resource, namespace, name } = attempt;
  if (name !== undefined) {
    return `${resource} "${namespace === undefined ? name : `${namespace}/${name}`}"`;
  }
  return namespace === undefined ? resource : `${resource} in namespace "${namespace}"`;
}
