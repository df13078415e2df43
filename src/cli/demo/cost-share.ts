import { type Random, seededRandom } from "#core/random.ts";

export interface ShareRange {
  /** Between 0 and 1. */
  readonly min: number;
  readonly max: number;
}

export interface CostShareInput {
  /** Path cost of each endpoint. */
  readonly costs: readonly number[];
  /** Each has one request in flight and sends the next one when it is answered. */
  readonly clients: number;
}

/** Chooses among endpoints that are equally good. */
type TieRule = (tied: readonly number[], state: { lastPick: number; pickedAt: readonly number[] }) => number;

/** Enough for a percent; the ranges get room for chance on top. */
const REQUESTS = 4000;

const longestUnused: TieRule = (tied, { pickedAt }) =>
  tied.reduce((best, index) => ((pickedAt[index] ?? 0) < (pickedAt[best] ?? 0) ? index : best));
const nextInOrder: TieRule = (tied, { lastPick }) => tied.find((index) => index > lastPick) ?? tied[0] ?? 0;

/** How long a request takes behind a dearer path, where it takes 1 behind the cheapest: a third less to a third more. */
const DEARER_TAKES = [0.7, 1, 1.4];
/** Random part of the duration: 0 is first in first out, 1 lets requests end in nearly any order. */
const NOISES = [0, 1];

/**
 * What share of the requests each endpoint gets under `spread: Cost`, computed from the rule and nothing else: a
 * request goes to the endpoint with the least `requests in flight + path cost`, ties rotate. The rule leaves open what
 * moves the shares: how a tie rotates (to the one not used for longest, to the next in order, to any), in which order
 * requests end, and whether they take as long behind each path. So the result is a range: least and most over all of
 * these.
 */
export function costShares({ costs, clients }: CostShareInput): ShareRange[] {
  const random = seededRandom(1);
  const any: TieRule = (tied) => tied[random.below(tied.length)] ?? 0;
  const runs: number[][] = [];
  for (const tieRule of [longestUnused, nextInOrder, any]) {
    for (const dearerTakes of DEARER_TAKES) {
      for (const noise of NOISES)
        runs.push(simulate({ costs, clients, tieRule, dearerTakes, noise, random }));
    }
  }
  return costs.map((_, index) => {
    const shares = runs.map((run) => run[index] ?? 0);
    return { min: Math.min(...shares), max: Math.max(...shares) };
  });
}

interface Simulation extends CostShareInput {
  readonly tieRule: TieRule;
  readonly dearerTakes: number;
  readonly noise: number;
  readonly random: Random;
}

function simulate({ costs, clients, tieRule, dearerTakes, noise, random }: Simulation): number[] {
  const cheapest = Math.min(...costs);
  const inFlight = costs.map(() => 0);
  const counts = costs.map(() => 0);
  const pickedAt = costs.map((_, index) => index - costs.length);
  const running: { endpoint: number; endsAt: number }[] = [];
  let lastPick = -1;
  let now = 0;
  for (let at = 0; at < REQUESTS; at++) {
    if (running.length === clients) {
      const next = running.reduce(
        (best, one, index) => (one.endsAt < (running[best]?.endsAt ?? 0) ? index : best),
        0,
      );
      for (const { endpoint, endsAt } of running.splice(next, 1)) {
        now = endsAt;
        inFlight[endpoint] = (inFlight[endpoint] ?? 0) - 1;
      }
    }
    const loads = costs.map((cost, index) => cost + (inFlight[index] ?? 0));
    const least = Math.min(...loads);
    const tied = loads.flatMap((load, index) => (load === least ? [index] : []));
    const pick = tieRule(tied, { lastPick, pickedAt });
    const takes = (costs[pick] ?? 0) > cheapest ? dearerTakes : 1;
    lastPick = pick;
    pickedAt[pick] = at;
    inFlight[pick] = (inFlight[pick] ?? 0) + 1;
    counts[pick] = (counts[pick] ?? 0) + 1;
    running.push({ endpoint: pick, endsAt: now + takes - noise * Math.log(1 - random.next()) });
  }
  return counts.map((count) => count / REQUESTS);
}
