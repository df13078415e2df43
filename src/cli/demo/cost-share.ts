import { seededRandom } from "#core/random.ts";

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

/** Requests end in the order in which they began. */
const firstOut = (): number => 0;

/**
 * What share of the requests each endpoint gets under `spread: Cost`, computed from the rule and nothing else: a
 * request goes to the endpoint with the least `requests in flight + path cost`, ties rotate. The rule leaves three
 * things open that move the shares: in which order requests finish (first in first out, or any), how a tie rotates
 * (to the one not used for longest, to the next in order, to any), and whether the router sees the end of a request
 * before or after the next one. So the result is a range: least and most over all of these.
 */
export function costShares({ costs, clients }: CostShareInput): ShareRange[] {
  const random = seededRandom(1);
  const any: TieRule = (tied) => tied[random.below(tied.length)] ?? 0;
  const anyOut = (running: number): number => random.below(running);

  const runs: number[][] = [];
  for (const tieRule of [longestUnused, nextInOrder, any]) {
    for (const finishes of [firstOut, anyOut]) {
      for (const late of [false, true]) runs.push(simulate({ costs, clients, tieRule, finishes, late }));
    }
  }
  return costs.map((_, index) => {
    const shares = runs.map((run) => run[index] ?? 0);
    return { min: Math.min(...shares), max: Math.max(...shares) };
  });
}

interface Simulation extends CostShareInput {
  readonly tieRule: TieRule;
  /** Which of the running requests ends next. */
  readonly finishes: (running: number) => number;
  /** The end of a request is seen after the next one was placed. */
  readonly late: boolean;
}

function simulate({ costs, clients, tieRule, finishes, late }: Simulation): number[] {
  const inFlight = costs.map(() => 0);
  const counts = costs.map(() => 0);
  const pickedAt = costs.map((_, index) => index - costs.length);
  const running: number[] = [];
  let lastPick = -1;
  const place = (at: number): void => {
    const loads = costs.map((cost, index) => cost + (inFlight[index] ?? 0));
    const least = Math.min(...loads);
    const tied = loads.flatMap((load, index) => (load === least ? [index] : []));
    const pick = tieRule(tied, { lastPick, pickedAt });
    lastPick = pick;
    pickedAt[pick] = at;
    inFlight[pick] = (inFlight[pick] ?? 0) + 1;
    counts[pick] = (counts[pick] ?? 0) + 1;
    running.push(pick);
  };
  for (let at = 0; at < REQUESTS; at++) {
    if (at < clients) {
      place(at);
      continue;
    }
    const [ended = 0] = running.splice(finishes(clients), 1);
    if (late) place(at);
    inFlight[ended] = (inFlight[ended] ?? 0) - 1;
    if (!late) place(at);
  }
  return counts.map((count) => count / REQUESTS);
}
