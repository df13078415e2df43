import { join } from "node:path";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { readRecord } from "./cluster-record.ts";
import { POD_MARKER, sandboxHome, sandboxKubeconfig } from "./home.ts";
import { contextName } from "./kubeconfig-file.ts";
import { findMarked, signalProcess } from "./node/kubelet/proc.ts";

export interface PodToKill {
  /** Default: `sandboxHome()`. */
  readonly home?: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
}

/**
 * Ends all processes of a pod with SIGKILL, as a crash does; its object stays, and its kubelet starts them again by the pod's
 * restart policy. Answers how many there were. Errors: NOT_FOUND for a cluster or pod that is not there, those of the
 * Kubernetes client.
 */
export async function killPod({ home = sandboxHome(), cluster, namespace, pod }: PodToKill): Promise<number> {
  const dir = join(home, cluster);
  if (readRecord(dir) === undefined) {
    throw new IsthmusError("NOT_FOUND", `There is no sandbox cluster "${cluster}"`, {
      hint: "isthmus sandbox status",
    });
  }
  const context = contextName(cluster);
  const client = new KubeClient(loadKubeconfig({ path: sandboxKubeconfig(home), context }));
  const { metadata } = await client.get(RESOURCES.pods, { namespace, name: pod });
  const marker = join(dir, metadata.uid ?? "");
  return findMarked(POD_MARKER, (value) => value === marker).filter((each) => signalProcess(each, "SIGKILL"))
    .length;
}
