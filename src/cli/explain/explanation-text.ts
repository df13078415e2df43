import type { ExplainedEndpoint, ServiceExplanation } from "#router/explain/explanation.ts";
import type { Style } from "../output/style.ts";
import { formatTable, padEnd } from "../output/table.ts";
import { durationWords, policyLines } from "./policy-words.ts";

export interface TextOptions {
  readonly style: Style;
  /** Who says so: `router isthmus-router-x of site "c1"`. */
  readonly seenBy: string;
  /** Request of the sample decision, in words. */
  readonly request?: string;
  /** Why clients do not come to the routers, where they do not. */
  readonly way?: string | undefined;
}

/** The explanation for people: the policy in sentences, then tiers, clusters and endpoints as tables. */
export function explanationText(explanation: ServiceExplanation, options: TextOptions): string {
  const { style } = options;
  const { service, port, protocol, unknownTargets } = explanation;
  const section = (title: string, body: string): string => `\n${style.bold(title)}\n${indented(body)}`;
  return [
    `${style.bold(service)} port ${port} (${protocol}), as ${options.seenBy} decides now\n`,
    ...(options.way === undefined ? [] : [`${style.warn(options.way)}\n`]),
    section("Policy", policyText(explanation)),
    section("Tiers", tierTable(explanation)),
    section("Clusters", clusterTable(explanation)),
    section("Endpoints", endpointTable(explanation, style)),
    ...(unknownTargets.length === 0
      ? []
      : [`\n${style.warn("No such cluster in the network now:")} ${unknownTargets.join(", ")}\n`]),
    ...(explanation.sample === undefined
      ? []
      : [section(`One request${options.request ?? ""}`, sampleText(explanation))]),
  ].join("");
}

function policyText({ policy }: ServiceExplanation): string {
  const lines = policyLines(policy);
  const width = Math.max(...lines.map(([name]) => name.length)) + 3;
  return lines.map(([name, words]) => `${padEnd(name, width)}${words}\n`).join("");
}

function tierTable({ tiers }: ServiceExplanation): string {
  if (tiers.length === 0) return "none: no cluster that the policy allows exports the service\n";
  return formatTable(
    ["TIER", "CLUSTERS", "HEALTHY", "SHARE", "WHY"],
    tiers.map(({ tier, clusters, healthyPercent, sharePercent, why }) => [
      String(tier),
      clusters.join(", "),
      percentText(healthyPercent),
      percentText(sharePercent),
      why,
    ]),
  );
}

function clusterTable({ clusters }: ServiceExplanation): string {
  if (clusters.length === 0) return "none\n";
  return formatTable(
    ["CLUSTER", "TIER", "COST", "READY", "SHARE", "WHY"],
    clusters.map(({ cluster, local, tier, cost, readyEndpoints, endpoints, sharePercent, why }) => [
      local ? `${cluster} (here)` : cluster,
      tier === undefined ? "-" : String(tier),
      local ? "-" : cost === undefined ? "unreachable" : String(cost),
      `${readyEndpoints} of ${endpoints}`,
      percentText(sharePercent),
      why ?? "-",
    ]),
  );
}

function endpointTable({ endpoints }: ServiceExplanation, style: Style): string {
  if (endpoints.length === 0) return "none\n";
  return formatTable(
    ["ENDPOINT", "CLUSTER", "TIER", "STATE", "SHARE", "IN-FLIGHT", "CHOSEN", "LATENCY", "WHY"],
    endpoints.map((one) => [
      one.name,
      one.cluster,
      one.tier === undefined ? "-" : String(one.tier),
      one.state === "in" ? style.good("in") : style.warn("out"),
      percentText(one.sharePercent),
      String(one.inFlight),
      String(one.picked),
      one.latencyMs === undefined ? "-" : `${one.latencyMs.toFixed(1)} ms`,
      whyText(one),
    ]),
  );
}

function whyText({ why, ejectedForMs }: ExplainedEndpoint): string {
  if (why === undefined || why === "") return "-";
  if (ejectedForMs === undefined || ejectedForMs <= 0) return why;
  return `${why}, for ${durationWords(Math.ceil(ejectedForMs / 1000) * 1000)} more`;
}

function sampleText({ sample }: ServiceExplanation): string {
  return (sample?.steps ?? []).map((step, index) => `${index + 1}. ${step}\n`).join("");
}

/** `33.3 %`, `50 %`. */
export function percentText(value: number): string {
  return `${Number(value.toFixed(1))} %`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
