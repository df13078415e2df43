import type { Io } from "../../io.ts";
import { Acts } from "../act.ts";
import { endUnlessOk, perform } from "../performance.ts";
import { contextOf } from "../places.ts";
import { WithoutKubectl } from "../without-kubectl.ts";
import { ClusterView } from "./cluster-view.ts";
import { APP, CLUSTERS, HOME, NAMESPACE } from "./places.ts";
import { playStory } from "./story.ts";

export interface TrafficDemoOptions {
  readonly exit: boolean;
  readonly console: boolean;
  readonly output?: "json";
}

/** Plays global traffic over four clusters. Exit code 1 when something is not as promised. */
export async function runTrafficDemo(options: TrafficDemoOptions, io: Io): Promise<void> {
  const json = options.output === "json";
  const heading = "Four Kubernetes clusters on this machine, without containers";
  const console = options.console ? ({ home: HOME, namespace: NAMESPACE } as const) : undefined;
  const { exit } = options;
  const stage = { clusters: CLUSTERS, record: "demo-traffic.json", heading, exit, json, console };
  await perform(stage, io, async ({ commands, narrator, clients, signal, life }) => {
    const view = new ClusterView(clients, signal);
    const without = new WithoutKubectl(view, { namespace: NAMESPACE, app: APP });
    const acts = new Acts(narrator, signal);
    await playStory({ commands, narrator, without, view, signal, life }, acts);
    const place = `--context ${contextOf(HOME)} -n ${NAMESPACE}`;
    const stay = [
      `isthmus explain ${APP} ${place}`,
      `isthmus network status ${place}`,
      `kubectl get trafficpolicies,serviceimports,services,pods ${place}`,
      `isthmus sandbox down ${CLUSTERS.join(" ")}`,
    ];
    acts.end(io, { json, stay: exit ? [] : stay });
    return acts.ok;
  }).then(endUnlessOk);
}
