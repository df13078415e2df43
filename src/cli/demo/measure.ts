import { type Clock, systemClock } from "#core/clock.ts";
import type { AppPod } from "./cluster-eye.ts";
import { deviations, type Expectation, type Measured } from "./expectation.ts";
import type { Target } from "./http-client.ts";
import { HttpConnection } from "./http-client.ts";
import { type LoadResult, podOf, runLoad } from "./load.ts";
import { CLIENTS, REQUESTS } from "./places.ts";
import { expectationOf, type Scenario } from "./scenarios.ts";

/** One load on one situation, and what there is to say about it. */
export interface Column {
  readonly title: string;
  readonly load: LoadResult;
  /** The pods there are, those without a request too. */
  readonly pods: Measured["pods"];
  readonly expectation: Expectation;
  readonly deviations: readonly string[];
}

export interface ScenarioResult {
  readonly scenario: Scenario;
  /** First the 5 clients, then the single one. */
  readonly columns: readonly [Column, Column];
}

export interface MeasureInput {
  readonly scenario: Scenario;
  readonly target: Target;
  readonly pods: readonly AppPod[];
  readonly keepAlive: boolean;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 10_000;

/** Sends the 1,000 requests of the scenario from 5 clients, then 1,000 from one, and compares with what was promised. */
export async function measure(input: MeasureInput): Promise<ScenarioResult> {
  const { scenario } = input;
  const path = scenario.workMs > 0 ? `/delay/${scenario.workMs}` : "/";
  const many = await column(input, { clients: CLIENTS, path });
  // A single client has never more than one request in flight, so how long the app works changes nothing.
  const one = await column(input, { clients: 1, path: "/" });
  return { scenario, columns: [many, one] };
}

async function column(input: MeasureInput, side: { clients: number; path: string }): Promise<Column> {
  const { scenario, target, keepAlive, signal } = input;
  const { clients, path } = side;
  const load = await runLoad({
    target,
    path,
    requests: REQUESTS,
    clients,
    keepAlive,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  signal.throwIfAborted();
  const pods = inClusters(load, input.pods);
  const expectation = expectationOf(scenario, { clients });
  return {
    title: clients === 1 ? "1 client" : `${clients} clients`,
    load,
    pods,
    expectation,
    deviations: deviations(expectation, { requests: load.requests, failed: load.failed, pods }),
  };
}

/** Who answered, with the cluster that the pod is in according to that cluster's API, not to the app. */
export function inClusters(load: Pick<LoadResult, "pods">, known: readonly AppPod[]): Measured["pods"] {
  const rest = load.pods.filter(({ pod }) => !known.some((one) => one.pod === pod));
  const counted = known.map(({ cluster, pod }) => ({
    cluster,
    pod,
    requests: load.pods.filter((one) => one.pod === pod).reduce((sum, one) => sum + one.requests, 0),
  }));
  return [...counted, ...rest];
}

/**
 * Asks from c1 again and again until the pod answers: when that was, monotonic ms. Undefined when it did not within
 * 10 s or `signal` was aborted.
 */
export async function firstAnswer(
  input: { target: Target; isNew: (pod: string) => boolean; signal: AbortSignal },
  clock: Clock = systemClock,
): Promise<number | undefined> {
  const endMs = clock.monotonicMs() + TIMEOUT_MS;
  while (clock.monotonicMs() < endMs && !input.signal.aborted) {
    const connection = new HttpConnection(input.target, TIMEOUT_MS);
    // oxlint-disable-next-line no-await-in-loop -- one request after the other
    const answer = podOf(await connection.get("/", true));
    const atMs = clock.monotonicMs();
    // oxlint-disable-next-line no-await-in-loop
    await connection.close();
    if (typeof answer !== "string" && input.isNew(answer.pod)) return atMs;
  }
  return undefined;
}
