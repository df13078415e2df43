import type { ServiceExplanation } from "#observe/views.ts";
import { span } from "./format.ts";

/** A policy in a sentence or two. */
export function policyWords(policy: ServiceExplanation["policy"]): string {
  const { mode, targets, spread, algorithm, failover, retries, timeouts, outlier, affinity, spillAt } =
    policy;
  const to =
    targets === undefined
      ? ""
      : ` to ${targets
          .map(({ cluster, weight, priority }) =>
            [
              cluster,
              weight === undefined ? "" : `weight ${weight}`,
              priority === undefined ? "" : `priority ${priority}`,
            ]
              .filter(Boolean)
              .join(" "),
          )
          .join(", ")}`;
  const parts = [
    `${mode}${to}; spread ${spread}, chosen by ${algorithm}`,
    ...(failover === undefined
      ? []
      : [
          `below ${failover.minHealthyPercent} % healthy pods the next tier helps, within ${span(failover.rampMs)}; back: ${failover.failback}`,
        ]),
    ...(spillAt === undefined ? [] : [`more than ${spillAt} at a time spill over`]),
    `${retries.attempts} retries within a budget of ${retries.budgetPercent} %`,
    ...(outlier.enabled ? [`left out after ${outlier.consecutiveFailures} failures in a row`] : []),
    ...(affinity === undefined ? [] : [`affinity by ${affinity.type}`]),
    timeouts.requestMs === 0
      ? `to connect may take ${span(timeouts.connectMs)}`
      : `a request may take ${span(timeouts.requestMs)}, to connect ${span(timeouts.connectMs)}`,
  ];
  return `${parts.join(". ").replaceAll(/\. (\w)/g, (_, letter: string) => `. ${letter.toUpperCase()}`)}.`;
}
