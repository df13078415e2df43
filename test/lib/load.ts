import { OpenLoop, type Sample } from "../../bench/lib/open-loop.ts";
import type { HttpTarget } from "../../bench/lib/http-connection.ts";
import { percentile } from "../../bench/lib/stats.ts";

export interface LoadOptions {
  readonly target: HttpTarget;
  readonly perSecond: number;
  readonly connections: number;
  /** [GET] Each request carries `x-id: ID`, a POST a body of 10 bytes. */
  readonly method?: "GET" | "POST";
  /** Further header lines, each with its CRLF. */
  readonly headers?: string;
  /** [10000] */
  readonly timeoutMs?: number;
}

/** One answered or failed request. */
export interface Answered {
  readonly id: string;
  readonly dueMs: number;
  readonly doneMs: number;
  readonly status: number;
  /** Who answered; empty when nobody did. */
  readonly pod: string;
  /** Why it counts as failed: anything else than a whole answer below 500. */
  readonly failure: string | undefined;
}

let loads = 0;

/** Keeps requests coming at a fixed rate until it is stopped, and remembers every one. */
export class Load implements AsyncDisposable {
  readonly requests: Answered[] = [];
  readonly #loop: OpenLoop;
  #stopped: Promise<void> | undefined;

  constructor({ target, method = "GET", headers = "", ...options }: LoadOptions) {
    const prefix = `${++loads}-`;
    const body = method === "POST" ? "0123456789" : "";
    const length = method === "POST" ? "content-length: 10\r\n" : "";
    this.#loop = new OpenLoop({
      ...options,
      target,
      request: (n) =>
        `${method} /load HTTP/1.1\r\nhost: app.test\r\nx-id: ${prefix}${n}\r\n${length}${headers}\r\n${body}`,
      onDone: (sample) => this.requests.push(answered(`${prefix}${sample.n}`, sample)),
    });
    this.#loop.start();
  }

  /** Requests that fell due and have not ended. */
  get underWay(): number {
    return this.#loop.underWay;
  }

  get failed(): readonly Answered[] {
    return this.requests.filter(({ failure }) => failure !== undefined);
  }

  /** Of those that were due in this time. */
  between(fromMs: number, toMs = Infinity): readonly Answered[] {
    return this.requests.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs);
  }

  /** Resolves when everything that was due has been answered or has failed. */
  stop(): Promise<void> {
    this.#stopped ??= this.#loop.stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function answered(id: string, { dueMs, doneMs, outcome }: Sample): Answered {
  const { status, failure } = outcome;
  const why =
    failure ?? (status >= 500 ? `${status} ${outcome.header("x-isthmus-reason") ?? ""}`.trim() : undefined);
  return { id, dueMs, doneMs, status, pod: outcome.header("x-pod") ?? "", failure: why };
}

/** How many each pod answered; failed ones are left out. */
export function byPod(requests: readonly Answered[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { pod, failure } of requests) {
    if (failure === undefined) counts[pod] = (counts[pod] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b)));
}

/** How many failed, by reason. */
export function byFailure(requests: readonly Answered[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { failure } of requests) if (failure !== undefined) counts[failure] = (counts[failure] ?? 0) + 1;
  return counts;
}

/** `1200 requests, 0 failed, p50 1.2 ms, p99 8 ms, max 20 ms`, with the reasons of those that failed. */
export function figureOf(requests: readonly Answered[]): string {
  const times = requests.map(({ dueMs, doneMs }) => doneMs - dueMs);
  const failures = byFailure(requests);
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  const reasons = failed === 0 ? "" : ` (${JSON.stringify(failures)})`;
  const ms = (percent: number): string => percentile(times, percent).toFixed(1);
  return `${requests.length} requests, ${failed} failed${reasons}, p50 ${ms(50)} ms, p99 ${ms(99)} ms, max ${ms(100)} ms`;
}
