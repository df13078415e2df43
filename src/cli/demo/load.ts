import { type Clock, systemClock } from "#core/clock.ts";
import { type Answer, HttpConnection, type Target } from "./http-client.ts";

export interface LoadOptions {
  readonly target: Target;
  readonly path: string;
  /** In all, over all clients. */
  readonly requests: number;
  /** Each sends its next request when its last one is answered. */
  readonly clients: number;
  /** One connection per client; otherwise one per request. */
  readonly keepAlive: boolean;
  readonly timeoutMs: number;
  /** No further requests once it is aborted. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Each good answer as it comes: who, and when it came, monotonic ms. */
  readonly onAnswer?: (pod: string, atMs: number) => void;
}

export interface PodCount {
  readonly cluster: string;
  readonly pod: string;
  readonly requests: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  /** Why requests failed, and how often. */
  readonly failures: ReadonlyMap<string, number>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  /** Who answered, sorted by cluster and pod. */
  readonly pods: readonly PodCount[];
}

/** Sends the requests and counts who answered. Never throws for a failed request: it is counted. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const clock = options.clock ?? systemClock;
  const latencies: number[] = [];
  const failures = new Map<string, number>();
  const pods = new Map<string, PodCount>();
  let started = 0;

  const client = async (): Promise<void> => {
    let connection = new HttpConnection(options.target, options.timeoutMs);
    while (started < options.requests && options.signal?.aborted !== true) {
      started++;
      const begin = clock.monotonicMs();
      // oxlint-disable-next-line no-await-in-loop -- a client sends one request after the other
      const answer = await connection.get(options.path, !options.keepAlive);
      const pod = podOf(answer);
      if (typeof pod === "string") {
        failures.set(pod, (failures.get(pod) ?? 0) + 1);
      } else {
        const atMs = clock.monotonicMs();
        latencies.push(atMs - begin);
        options.onAnswer?.(pod.pod, atMs);
        const key = `${pod.cluster}/${pod.pod}`;
        pods.set(key, { ...pod, requests: (pods.get(key)?.requests ?? 0) + 1 });
      }
      if (options.keepAlive && typeof pod !== "string") continue;
      // oxlint-disable-next-line no-await-in-loop
      await connection.close();
      connection = new HttpConnection(options.target, options.timeoutMs);
    }
    await connection.close();
  };

  const begin = clock.monotonicMs();
  await Promise.all(Array.from({ length: options.clients }, client));
  const seconds = (clock.monotonicMs() - begin) / 1000;
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    requests: started,
    failed: [...failures.values()].reduce((sum, count) => sum + count, 0),
    failures,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    perSecond: seconds > 0 ? started / seconds : 0,
    pods: [...pods.values()].toSorted((a, b) => compare(`${a.cluster}/${a.pod}`, `${b.cluster}/${b.pod}`)),
  };
}

/** Who answered, or why the request counts as failed. */
export function podOf(answer: Answer): { cluster: string; pod: string } | string {
  if (answer.error !== undefined) return answer.error;
  if (answer.status !== 200) return `status ${answer.status}`;
  try {
    const value: unknown = JSON.parse(answer.body);
    if (typeof value === "object" && value !== null && "pod" in value && typeof value.pod === "string") {
      const cluster = "cluster" in value && typeof value.cluster === "string" ? value.cluster : "";
      return { cluster, pod: value.pod };
    }
  } catch {
    if (answer.pod !== undefined) return { cluster: "", pod: answer.pod };
  }
  return "answer that names no pod";
}

/** Nearest-rank percentile of sorted values, rounded to 0.01; 0 when there are none. */
export function percentile(sorted: readonly number[], fraction: number): number {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? 0;
  return Math.round(value * 100) / 100;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
