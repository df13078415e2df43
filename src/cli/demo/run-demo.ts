import type { Io } from "../io.ts";
import { ClusterEye } from "./cluster-eye.ts";
import { endUnlessOk, perform } from "./performance.ts";
import { APP, APP_CLUSTERS, CLIENT_CLUSTER, CLUSTERS, NAMESPACE } from "./places.ts";
import { playScenarios } from "./play.ts";
import { isOk, jsonScenario } from "./report.ts";
import { setUp, setUpGreeter, showService } from "./setup.ts";
import { WithoutKubectl } from "./without-kubectl.ts";
import { farewell, summary } from "./words.ts";

export interface DemoOptions {
  readonly scenario: "1" | "2" | "3" | "4" | "all";
  readonly exit: boolean;
  readonly keepAlive: boolean;
  readonly console: boolean;
  readonly output?: "json";
}

/** Runs the demo of fair shares. Exit code 1 when an expectation does not hold. */
export async function runDemo(options: DemoOptions, io: Io): Promise<void> {
  const { exit } = options;
  const json = options.output === "json";
  const heading = "Three Kubernetes clusters on this machine, without containers";
  const console = options.console ? ({ home: CLIENT_CLUSTER, namespace: NAMESPACE } as const) : undefined;
  const stage = { clusters: CLUSTERS, record: "demo.json", heading, exit, json, console };
  await perform(stage, io, async ({ commands, narrator, clients, signal, life }) => {
    const eye = new ClusterEye(clients, signal);
    const without = new WithoutKubectl(eye);
    await setUp({ commands, narrator, without });
    const target = await eye.target();
    await showService({ commands, narrator, without });
    if (life.url !== undefined) {
      await setUpGreeter({ commands, narrator, without });
      life.keepAsking([
        { cluster: CLIENT_CLUSTER, service: APP },
        ...APP_CLUSTERS.map((cluster) => ({ cluster, service: "greeter" })),
      ]);
    }
    const played = await playScenarios({
      ...options,
      commands,
      narrator,
      eye,
      without,
      target,
      signal,
      life,
    });
    if (json)
      io.out(`${JSON.stringify({ scenarios: inOrder(played.results.map(jsonScenario)) }, undefined, 2)}\n`);
    narrator.block(summary(played, narrator.style));
    if (!exit) narrator.block(farewell(narrator.style));
    return played.results.every(isOk);
  }).then(endUnlessOk);
}

/** The four scenarios first, then the variants of them, so that a program finds the n-th where it looks for it. */
function inOrder<T extends { readonly name: string }>(scenarios: readonly T[]): T[] {
  const variant = (one: T): number => (/^\d:/.test(one.name) ? 0 : 1);
  return scenarios.toSorted((a, b) => variant(a) - variant(b));
}
