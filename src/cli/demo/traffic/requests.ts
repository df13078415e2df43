import type { Narrator } from "../narrator.ts";
import { type Answer, HttpConnection, type Target } from "../http-client.ts";
import { type LoadResult, runLoad } from "../load.ts";
import { Unexpected } from "../act.ts";
import type { ClusterView } from "./cluster-view.ts";
import { type Member, MEMBERS } from "./places.ts";

const TIMEOUT_MS = 10_000;

/** Sends one request, printed as curl would be typed, and its answer. */
export async function curl(url: string, narrator: Narrator): Promise<Answer> {
  const { hostname, port, pathname } = new URL(url);
  narrator.command(`curl ${url}`);
  const answer = await ask({ host: hostname, port: Number(port) }, pathname);
  narrator.output(answer.error ?? (answer.status === 200 ? answer.body : `HTTP status ${answer.status}`));
  return answer;
}

/** One request on a connection of its own. */
export async function ask(target: Target, path: string): Promise<Answer> {
  const connection = new HttpConnection(target, TIMEOUT_MS);
  const answer = await connection.get(path, true);
  await connection.close();
  return answer;
}

/** Requests by cluster; those that no pod of a known cluster answered under "elsewhere". */
export type Counts = ReadonlyMap<Member | "elsewhere", number>;

/**
 * Sends requests one after another on one kept connection and says who answered: with nothing else in flight the shares
 * are exact.
 */
export async function inSequence(
  input: { readonly target: Target; readonly view: ClusterView; readonly signal: AbortSignal },
  requests: number,
): Promise<{ readonly load: LoadResult; readonly counts: Counts }> {
  const { target, view, signal } = input;
  const load = await runLoad({
    target,
    path: "/",
    requests,
    clients: 1,
    keepAlive: true,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  signal.throwIfAborted();
  const clusters = await view.clusterOfPods();
  const counts = new Map<Member | "elsewhere", number>();
  for (const { pod, requests: count } of load.pods) {
    const cluster = clusters.get(pod) ?? "elsewhere";
    counts.set(cluster, (counts.get(cluster) ?? 0) + count);
  }
  return { load, counts };
}

/** `cluster-1 150, cluster-3 150` */
export function countsText(counts: Counts): string {
  return [...MEMBERS, "elsewhere" as const]
    .flatMap((name) => {
      const count = counts.get(name) ?? 0;
      return count === 0 ? [] : `${name} ${count}`;
    })
    .join(", ");
}

/** Throws `Unexpected` unless exactly these clusters answered, in equal shares within one request each. */
export function expectEqual(
  { load, counts }: { readonly load: LoadResult; readonly counts: Counts },
  clusters: readonly Member[],
): void {
  if (load.failed > 0) {
    throw new Unexpected(`${load.failed} of ${load.requests} requests failed: ${failuresText(load)}`);
  }
  const each = load.requests / clusters.length;
  const off = [...MEMBERS, "elsewhere" as const].some((name) => {
    const wanted = clusters.some((cluster) => cluster === name) ? each : 0;
    return Math.abs((counts.get(name) ?? 0) - wanted) > (wanted === 0 ? 0 : 1);
  });
  if (off) {
    throw new Unexpected(
      `expected ${Math.round(each)} each from ${clusters.join(", ")}, got ${countsText(counts)}`,
    );
  }
}

export function failuresText({ failures }: Pick<LoadResult, "failures">): string {
  return [...failures].map(([why, count]) => `${count} times ${why}`).join(", ");
}
