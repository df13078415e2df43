import type { Io } from "../../io.ts";
import { Acts } from "../act.ts";
import { endUnlessOk, perform } from "../performance.ts";
import { ClientPod, requireTools } from "./client-pod.ts";
import { Clusters, place } from "./clusters.ts";
import { APP, CLUSTERS, HOME, nameOf, NAMESPACE, WEB } from "./places.ts";
import { playStory } from "./story.ts";

export interface DiscoveryDemoOptions {
  readonly exit: boolean;
  readonly console: boolean;
  readonly output?: "json";
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
    const at = place(HOME).join(" ");
    const stay = [
      `kubectl get serviceimports,endpointslices,services ${at}`,
      `kubectl exec deployment/client ${at} -- dig ${nameOf(APP)}`,
      `kubectl exec deployment/client ${at} -- dig ${nameOf("web-0", HOME, WEB)}`,
      `isthmus network status ${at}`,
      `isthmus sandbox down ${CLUSTERS.join(" ")}`,
    ];
    acts.end(io, { json, stay: exit ? [] : stay });
    return acts.ok;
  }).then(endUnlessOk);
}
