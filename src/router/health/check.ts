import type { Clock } from "#core/clock.ts";
import type { HealthConfig } from "./config.ts";

export interface ProbeTarget {
  readonly type: HealthConfig["type"];
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly timeoutMs: number;
}

/** Undefined: it passed. Else why it did not, for people. */
export type Failure = string | undefined;

/** Asks an endpoint once, and calls `done` once, later. The returned function gives up; `done` is not called any more then. */
export type Prober = (target: ProbeTarget, done: (failure: Failure) => void) => () => void;

/** What is said on a connection to find out; calls `verdict` when it is clear. */
export interface Check {
  begin(): void;
  receive(chunk: Uint8Array): void;
  /** No more comes. */
  end(): void;
}

export interface CheckOptions {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly send: (bytes: Uint8Array) => void;
  readonly verdict: (failure: Failure) => void;
}

/** `host:port` as it stands in a request. */
export function authorityOf({ host, port }: ProbeTarget): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
