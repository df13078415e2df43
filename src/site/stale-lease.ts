import type { Lease } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";

/**
 * Frees the Lease when its holder was an earlier process of this very pod: a pod has one controller, so that one is dead, and nobody
 * has to wait for the end of its lease. Whoever else holds it keeps it. Never throws: without it one only waits longer.
 */
export async function freeStaleLease(
  client: KubeClient,
  options: { readonly namespace: string; readonly name: string; readonly pod: string },
): Promise<void> {
  const { namespace, name, pod } = options;
  try {
    const lease = await client.find<Lease>(RESOURCES.leases, { namespace, name });
    // The elector's identities are the pod's name, "_" and something random; a pod's name has no "_".
    if (lease?.spec.holderIdentity?.startsWith(`${pod}_`) !== true) return;
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 };
    await client.update<Lease>(RESOURCES.leases, { ...lease, spec });
    logFor("site").info("Freed the lease of an earlier process of this pod", { lease: name, pod });
  } catch (error) {
    if (error instanceof IsthmusError && error.code === "CONFLICT") return;
    logFor("site").warning("Cannot look at the lease", { error: messageOf(error) });
  }
}
