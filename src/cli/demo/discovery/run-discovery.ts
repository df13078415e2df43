import type { Io } from "../../io.ts";
import { endUnlessOk, perform } from "../performance.ts";
import { type ActResult, Acts } from "../traffic/act.ts";
import { ClientPod, requireTools } from "./client-pod.ts";
import { Clusters, place } from "./clusters.ts";
import { APP, CLUSTERS, HOME, nameOf, NAMESPACE, WEB } from "./places.ts";
import { playStory } from "./story.ts";

export interface DiscoveryDemoOptions {
  readonly exit: boolean;
  readonly console: boolean;
  readonly output?: "json";
}

/** What `isthmus demo discovery -o json` prints. */
interface DiscoveryDemoResult {
  readonly steps: readonly ActResult[];
  readonly ok: boolean;
}

/** Plays service discovery over two clusters. Exit code 1 when something is not as promised. */
export async function runDiscoveryDemo(options: DiscoveryDemoOptions, io: Io): Promise<void> {
  requireTools();
  const json = options.output === "json";
  const heading = "Two Kubernetes clusters on this machine, without containers";
  const console = options.console ? ({ home: HOME, namespace: NAMESPACE } as const) : undefined;
  const { exit } = options;
  const stage = { clusters: CLUSTERS, record: "demo-discovery.json", heading, exit, json, console };
  await perform(stage, io, async ({ commands, narrator, clients, signal }) => {
    const acts = new Acts(narrator, signal);
    const client = new ClientPod(commands, signal);
    await playStory({ commands, narrator, clusters: new Clusters(clients, signal), client }, acts);
    const result: DiscoveryDemoResult = { steps: acts.results, ok: acts.ok };
    if (json) io.out(`${JSON.stringify(result, undefined, 2)}\n`);
    const { style } = narrator;
    narrator.heading("Summary");
    for (const { name, ok } of acts.results)
      narrator.block(`${ok ? style.good("✓") : style.bad("✗")} ${name}`);
    if (!exit) {
      const at = place(HOME).join(" ");
      narrator.heading("The clusters stay. Look around:");
      for (const line of [
        `kubectl get serviceimports,endpointslices,services ${at}`,
        `kubectl exec deployment/client ${at} -- dig ${nameOf(APP)}`,
        `kubectl exec deployment/client ${at} -- dig ${nameOf("web-0", HOME, WEB)}`,
        `isthmus network status ${at}`,
        `isthmus sandbox down ${CLUSTERS.join(" ")}`,
      ]) {
        narrator.command(line);
      }
    }
    return acts.ok;
  }).then(endUnlessOk);
}
