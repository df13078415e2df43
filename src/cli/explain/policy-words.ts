import type { ExplainedPolicy } from "#router/explain/explanation.ts";

/** The policy in force as lines of a name and a sentence, in the order in which a router applies them. */
export function policyLines(policy: ExplainedPolicy): [name: string, words: string][] {
  const { spillAt, hash, failover } = policy;
  return [
    ["Mode", modeWords(policy)],
    ["Targets", targetWords(policy)],
    ...(failover === undefined ? [] : [["Failover", failoverWords(failover)] as [string, string]]),
    ["Spread", withMeaning(policy.spread, SPREADS)],
    ...(spillAt === undefined
      ? []
      : [["Spill", `the next path takes part at ${spillAt} requests in flight`] as [string, string]]),
    ["Algorithm", withMeaning(policy.algorithm, ALGORITHMS)],
    ...(hash === undefined ? [] : [["Hash", `by ${sourceWords(hash)}`] as [string, string]]),
    ["Affinity", affinityWords(policy)],
    ["Retries", retryWords(policy)],
    ["Timeouts", timeoutWords(policy)],
    ["Outliers", outlierWords(policy)],
  ];
}

const SPREADS: Readonly<Record<string, string>> = {
  Endpoints: "every ready endpoint gets the same share",
  Clusters: "every cluster gets the same share",
  Weighted: "clusters share by the weights of the targets",
  Cost: "the cheapest path first",
  Latency: "the faster of two at random",
};

const ALGORITHMS: Readonly<Record<string, string>> = {
  RoundRobin: "in turn",
  LeastRequest: "in turn among those that keep up",
  Random: "at random",
  PeakEwma: "the one with the lowest latency and load",
  Hash: "the same one for the same key",
};

function withMeaning(value: string, meanings: Readonly<Record<string, string>>): string {
  const meaning = meanings[value];
  return meaning === undefined ? value : `${value}: ${meaning}`;
}

function modeWords({ mode, targets = [] }: ExplainedPolicy): string {
  const others = targets.length === 0 ? "all others" : "the targets";
  if (mode === "Local") return "Local: only this cluster";
  if (mode === "Failover") return `Failover: this cluster first, then ${others}`;
  if (mode === "ActiveActive") return `ActiveActive: this cluster and ${others} together`;
  return mode;
}

function targetWords({ mode, targets = [] }: ExplainedPolicy): string {
  if (targets.length === 0) return mode === "Local" ? "none" : "every cluster that exports the service";
  return targets
    .map(({ cluster, weight, priority }) => {
      const more = [
        ...(weight === undefined ? [] : [weight === 0 ? "weight 0: no new work" : `weight ${weight}`]),
        ...(priority === undefined ? [] : [`priority ${priority}`]),
      ];
      return more.length === 0 ? cluster : `${cluster} (${more.join(", ")})`;
    })
    .join(", ");
}

function failoverWords(failover: NonNullable<ExplainedPolicy["failover"]>): string {
  const { minHealthyPercent: min, rampMs, failback } = failover;
  const used = min <= 1 ? "while anything of it is healthy" : `while ${min} % of it are healthy`;
  const back =
    failback === "Manual" ? "a better tier comes back when told to" : "a better tier comes back by itself";
  return `a tier is used ${used}; ${back}, over ${durationWords(rampMs)}`;
}

function sourceWords({ source, name }: { readonly source: string; readonly name?: string }): string {
  if (source === "ClientIP") return "the client's address";
  return `the ${source.toLowerCase()} ${name === undefined ? "" : `"${name}"`}`.trimEnd();
}

function affinityWords({ affinity }: ExplainedPolicy): string {
  if (affinity === undefined || affinity.type === "None") return "none";
  const { type, cookie, timeoutSeconds } = affinity;
  const time = timeoutSeconds === undefined ? "" : `, for ${durationWords(timeoutSeconds * 1000)}`;
  const by = type === "ClientIP" ? "address" : `cookie${cookie === undefined ? "" : ` "${cookie}"`}`;
  return `a client stays where it was, by its ${by}${time}`;
}

function retryWords({ retries: { attempts, budgetPercent } }: ExplainedPolicy): string {
  if (attempts === 0) return "none";
  return `${attempts} more, on other endpoints, for at most ${budgetPercent} % of the requests`;
}

function timeoutWords({ timeouts }: ExplainedPolicy): string {
  const { connectMs, requestMs, idleMs, httpIdleMs } = timeouts;
  return [
    `connect ${limitWords(connectMs)}`,
    `request ${limitWords(requestMs)}`,
    `idle ${limitWords(idleMs)}`,
    `idle between requests ${limitWords(httpIdleMs)}`,
  ].join(", ");
}

function limitWords(ms: number): string {
  return ms === 0 ? "unlimited" : durationWords(ms);
}

function outlierWords({ outlier }: ExplainedPolicy): string {
  if (!outlier.enabled) return "not looked for";
  const { consecutiveFailures: count, serverErrors, maxEjectedPercent: most } = outlier;
  const { baseEjectionMs, maxEjectionMs } = outlier;
  const what = serverErrors ? "failures or 5xx answers" : "failures";
  return `out after ${count} ${what} in a row, for ${durationWords(baseEjectionMs)} at first and ${durationWords(maxEjectionMs)} at most; never more than ${most} % of a tier`;
}

/** `500ms`, `1s`, `1m30s`: as one would type it. */
export function durationWords(ms: number): string {
  if (ms < 1000 || ms % 1000 !== 0) return ms < 1000 ? `${Math.round(ms)}ms` : `${ms / 1000}s`;
  const seconds = ms / 1000;
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor((seconds % 3600) / 60),
    seconds % 60,
  ];
  return [
    hours > 0 ? `${hours}h` : "",
    minutes > 0 ? `${minutes}m` : "",
    rest > 0 || seconds === 0 ? `${rest}s` : "",
  ].join("");
}
