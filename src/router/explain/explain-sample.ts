import type { ExplainedSample, ExplainedTier } from "./explanation.ts";
import type { Balancer, Needs, PickContext } from "../selection/balancer.ts";
import type { Candidate } from "../selection/candidate.ts";
import type { SelectionPolicy } from "../selection/policy.ts";

/** So many endpoints that are out are named; the rest is counted. */
const MOST_NAMED = 5;

const SPREAD_WORDS: Readonly<Record<SelectionPolicy["spread"], string>> = {
  Endpoints: "every endpoint of the tier has the same share",
  Clusters: "every cluster of the tier has the same share",
  Weighted: "the clusters of the tier share by their weights",
  Cost: "the cheapest path first, until enough is in flight there",
  Latency: "of two endpoints by chance, the one that likely answers first",
};

const ALGORITHM_WORDS: Readonly<Record<SelectionPolicy["algorithm"], string>> = {
  RoundRobin: "whose turn it is",
  LeastRequest: "in turn among those that keep up with what is in flight",
  Random: "by chance",
  PeakEwma: "of two by chance, the one that likely answers first",
  Hash: "the same for the same key",
};

export interface SampleOptions {
  readonly tiers: readonly ExplainedTier[];
  readonly members: readonly Candidate[];
  readonly context: PickContext;
  readonly protocol: string;
}

/** One decision in words. Counts nothing. */
export function sampleOf(
  balancer: Balancer,
  { tiers, members, context, protocol }: SampleOptions,
): ExplainedSample {
  const { policy, needs } = balancer;
  const endpoint = balancer.peek(context);
  const { way } = balancer;
  const chosen = members.find((member) => member.endpoint === endpoint);
  const steps = tiers.map(
    ({ tier, clusters, why, sharePercent }) =>
      `mode ${policy.mode}: tier ${tier} (${clusters.length === 0 ? "none" : clusters.join(", ")}) ${sharePercent} %: ${why}`,
  );
  steps.push(...outOf(members));
  if (endpoint === undefined || chosen === undefined) {
    steps.push(
      protocol === "tcp"
        ? "nothing can be used: the client is reset"
        : "nothing can be used: the client gets 503 with the reason",
    );
    return { steps };
  }
  const { facts } = endpoint;
  switch (way) {
    case "cookie":
      steps.push(`the cookie names ${facts.name}, which is in use`);
      break;
    case "trial":
      steps.push(`${facts.name} was ejected and its time is over: one request tries it`);
      break;
    case "hash":
    case "turn":
      if (tiers.filter(({ sharePercent }) => sharePercent > 0).length > 1)
        steps.push(
          `tiers take turns by their shares${way === "hash" ? ", by the hash" : ""}: tier ${chosen.tier}`,
        );
      steps.push(...insideSteps(policy, { needs, byHash: way === "hash" }));
      break;
    default:
      way satisfies never;
  }
  steps.push(
    `${facts.name} in ${chosen.cluster} is chosen, with ${endpoint.inFlight} in flight${
      chosen.local ? "" : `, over a path of cost ${chosen.cost}`
    }`,
  );
  return { endpoint: endpoint.wireId, steps };
}

function insideSteps(
  { spread, algorithm }: SelectionPolicy,
  { needs, byHash }: { readonly needs: Needs; readonly byHash: boolean },
): string[] {
  const steps = [`spread ${spread}: ${SPREAD_WORDS[spread]}`];
  if (byHash) steps.push(`algorithm Hash: by ${keyWords(needs)}`);
  else if (algorithm === "Hash")
    steps.push(`algorithm Hash: the request has no ${keyWords(needs)}, so in turn`);
  else if (spread !== "Cost" && spread !== "Latency")
    steps.push(`algorithm ${algorithm}: ${ALGORITHM_WORDS[algorithm]}`);
  return steps;
}

function keyWords(needs: Needs): string {
  switch (needs.kind) {
    case "clientIp":
      return "client address";
    case "header":
    case "cookie":
      return `${needs.kind} "${needs.name}"`;
    default:
      return "key";
  }
}

function outOf(members: readonly Candidate[]): string[] {
  const byReason = Map.groupBy(
    members.filter(({ why }) => why !== undefined && why !== "tier not in use"),
    ({ why }) => why as string,
  );
  return [...byReason].map(([why, out]) => {
    const names = out.slice(0, MOST_NAMED).map(({ endpoint }) => endpoint.facts.name);
    const more = out.length > MOST_NAMED ? ` and ${out.length - MOST_NAMED} more` : "";
    return `left out, ${why}: ${names.join(", ")}${more}`;
  });
}
