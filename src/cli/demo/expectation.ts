import type { PodCount } from "./load.ts";
import type { ShareRange } from "./cost-share.ts";

/** What a scenario promises about who answers. Shares are between 0 and 1. */
export interface Expectation {
  /** For people: `a third each, within 1 %`. */
  readonly text: string;
  /** Of each pod, by cluster: every pod of a cluster has the same promise. A cluster that is not named gets nothing. */
  readonly perPod: ReadonlyMap<string, ShareRange>;
  /** How many pods have to answer, by cluster. */
  readonly pods: ReadonlyMap<string, number>;
}

export interface Measured {
  readonly requests: number;
  readonly failed: number;
  readonly pods: readonly PodCount[];
}

/** Each range is this much wider for chance, where the rule leaves any to it. */
export const CHANCE = 0.02;

/** Exactly this share, within 1 % of all requests. */
export function share(value: number): ShareRange {
  return { min: value - 0.01, max: value + 0.01 };
}

/** Sentences about what is not as promised; none when all is. */
export function deviations(expectation: Expectation, measured: Measured): string[] {
  const found: string[] = [];
  if (measured.failed > 0) found.push(`${measured.failed} of ${measured.requests} requests failed`);
  for (const [cluster, count] of expectation.pods) {
    const range = expectation.perPod.get(cluster);
    const pods = measured.pods.filter((pod) => pod.cluster === cluster);
    // A pod that may get nothing need not be seen.
    if (pods.length !== count && (range?.min ?? 0) > 0) {
      found.push(`${pods.length} of ${count} pods of ${cluster} answered`);
    }
  }
  for (const pod of measured.pods) {
    const range = expectation.perPod.get(pod.cluster);
    if (range === undefined) {
      if (pod.requests > 0) found.push(`${pod.pod} of ${pod.cluster} got ${pod.requests}, expected none`);
      continue;
    }
    const actual = pod.requests / measured.requests;
    if (actual < range.min - EPSILON || actual > range.max + EPSILON) {
      found.push(`${pod.pod} of ${pod.cluster} got ${percent(actual)}, expected ${rangeText(range)}`);
    }
  }
  return found;
}

const EPSILON = 1e-9;

/** `12.0 %` */
export function percent(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

/** `49.0 to 51.0 %` */
export function rangeText({ min, max }: ShareRange): string {
  if (min === max) return percent(min);
  return `${(Math.max(0, min) * 100).toFixed(1)} to ${percent(Math.min(1, max))}`;
}
