import { systemClock } from "#core/clock.ts";
import { formatTable } from "../../output/table.ts";
import type { Target } from "../http-client.ts";
import { type LoadResult, runLoad } from "../load.ts";
import type { ClusterView } from "./cluster-view.ts";
import { type Member, MEMBERS } from "./places.ts";

/** Clients and how long the app works on each of their requests: about 500 requests/s. */
const CLIENTS = 20;
const WORK_MS = 40;
const TIMEOUT_MS = 10_000;

interface Seen {
  readonly pod: string;
  readonly atMs: number;
}

/** Who answered from one moment to the next. */
export interface Slot {
  /** From the beginning of the load, ms. */
  readonly fromMs: number;
  readonly requests: number;
  readonly counts: ReadonlyMap<Member, number>;
}

/** Kept connections that ask without pause until stopped, and who answered when. */
export class RunningLoad {
  readonly #begin = systemClock.monotonicMs();
  readonly #stop = new AbortController();
  readonly #seen: Seen[] = [];
  readonly #result: Promise<LoadResult>;
  readonly #clusters = new Map<string, Member>();

  constructor(target: Target, signal: AbortSignal) {
    this.#result = runLoad({
      target,
      path: `/delay/${WORK_MS}`,
      requests: Number.POSITIVE_INFINITY,
      clients: CLIENTS,
      keepAlive: true,
      timeoutMs: TIMEOUT_MS,
      signal: AbortSignal.any([signal, this.#stop.signal]),
      onAnswer: (pod, atMs) => this.#seen.push({ pod, atMs }),
    });
  }

  /** `20 clients, about 500 requests/s` */
  static get words(): string {
    return `${CLIENTS} clients on kept connections, the app works ${WORK_MS} ms on each request`;
  }

  /** Since it began, ms. */
  get elapsedMs(): number {
    return systemClock.monotonicMs() - this.#begin;
  }

  /** Learns in which clusters the pods are that are there now: some will be gone when one wants to know. */
  async look(view: ClusterView): Promise<void> {
    for (const [pod, cluster] of await view.clusterOfPods()) this.#clusters.set(pod, cluster);
  }

  /** Answers from a cluster within the last `windowMs`, as part of all of them; 0 when there were none. */
  recentShare(cluster: Member, windowMs: number): number {
    const from = systemClock.monotonicMs() - windowMs;
    const recent = this.#seen.filter(({ atMs }) => atMs >= from);
    const own = recent.filter(({ pod }) => this.#clusters.get(pod) === cluster);
    return recent.length === 0 ? 0 : own.length / recent.length;
  }

  /** Ends it and waits for what is in flight. */
  async stop(): Promise<LoadResult> {
    this.#stop.abort();
    return this.#result;
  }

  /** The answers in slots of this length. */
  slots(slotMs: number): Slot[] {
    const count = Math.ceil(Math.max(0, ...this.#seen.map(({ atMs }) => atMs - this.#begin)) / slotMs);
    return Array.from({ length: count }, (_, index): Slot => {
      const fromMs = index * slotMs;
      const inside = this.#seen.filter(({ atMs }) => {
        const at = atMs - this.#begin;
        return at >= fromMs && at < fromMs + slotMs;
      });
      const counts = new Map<Member, number>();
      for (const { pod } of inside) {
        const cluster = this.#clusters.get(pod);
        if (cluster !== undefined) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
      }
      return { fromMs, requests: inside.length, counts };
    });
  }
}

/** Requests by second and cluster. */
export function timelineTable(slots: readonly Slot[]): string {
  return formatTable(
    ["FROM", "REQUESTS", ...MEMBERS.map((name) => name.toUpperCase())],
    slots.map(({ fromMs, requests, counts }) => [
      `${fromMs / 1000} s`,
      String(requests),
      ...MEMBERS.map((name) => String(counts.get(name) ?? 0)),
    ]),
  );
}
