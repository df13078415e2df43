import type { Step } from "../commands.ts";
import { exampleFile, type ExampleName } from "../example-files.ts";
import { contextOf } from "../places.ts";
import { isthmus } from "../setup.ts";
import type { WithoutKubectl } from "../without-kubectl.ts";
import { NAMESPACE, type TrafficCluster } from "./places.ts";

type Without = WithoutKubectl<TrafficCluster>;

/** Options that lead to the namespace of the story in that cluster. */
export function place(cluster: TrafficCluster): string[] {
  return ["--context", contextOf(cluster), "-n", NAMESPACE];
}

export function isthmusIn(cluster: TrafficCluster, ...words: string[]): Step {
  return isthmus(...words, ...place(cluster));
}

export function createNamespace(cluster: TrafficCluster, without: Without): Step {
  return {
    program: "kubectl",
    words: ["create", "namespace", NAMESPACE, "--context", contextOf(cluster)],
    instead: () => without.createNamespace(cluster),
  };
}

export function applyExample(
  cluster: TrafficCluster,
  { name, without }: { name: ExampleName; without: Without },
): Step {
  return applyFile(cluster, { file: exampleFile(name), without });
}

export function applyFile(
  cluster: TrafficCluster,
  { file, without }: { file: string; without: Without },
): Step {
  return {
    program: "kubectl",
    words: ["apply", "-f", file, ...place(cluster)],
    instead: () => without.apply(file, cluster),
  };
}
