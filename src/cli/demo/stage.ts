import type { Commands, Step } from "./commands.ts";
import type { AppCluster, DemoCluster } from "./places.ts";
import { APP, APP_CLUSTERS, CLIENT_CLUSTER } from "./places.ts";
import type { Situation } from "./scenarios.ts";
import { applyFile, isthmus, place, scale } from "./setup.ts";
import type { WithoutKubectl } from "./without-kubectl.ts";

/** Commands that lead from one situation to another; none for what is so already. */
export function stepsBetween(now: Situation, next: Situation, tools: StepTools): Step[] {
  const { without, linkName } = tools;
  const changed = (key: "pods" | "costs"): AppCluster[] =>
    APP_CLUSTERS.filter((name) => now[key][name] !== next[key][name]);
  return [
    ...changed("pods").map((cluster) => scale(cluster, { replicas: next.pods[cluster], without })),
    ...changed("costs").map((cluster) =>
      isthmus("link", "update", linkName, "--cost", String(next.costs[cluster]), ...place(cluster)),
    ),
    ...(now.spread === next.spread ? [] : [policyStep(next, without)]),
  ];
}

interface StepTools {
  readonly without: WithoutKubectl<DemoCluster>;
  /** Name of the link to c1, the same in every cluster. */
  readonly linkName: string;
}

/** A policy can be set by command or by file: the demo shows both. */
function policyStep({ spread }: Situation, without: WithoutKubectl<DemoCluster>): Step {
  if (spread === "Cost")
    return applyFile("fair-share/cost-policy.yaml", { cluster: CLIENT_CLUSTER, without });
  return isthmus("policy", "set", APP, "--spread", spread, ...place(CLIENT_CLUSTER));
}

/** Runs the commands, in order. */
export async function bringAbout(steps: readonly Step[], commands: Commands): Promise<void> {
  for (const step of steps) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await commands.run(step);
  }
}
