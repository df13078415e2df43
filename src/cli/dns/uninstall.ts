import type { ClusterRoleBinding } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { DNS } from "#site/dns/dns-manifests.ts";
import type { Session } from "../session.ts";
import { removeStub } from "./coredns.ts";

export interface DnsUninstallOptions {
  readonly zone: string;
}

const NAMESPACED = [RESOURCES.services, RESOURCES.deployments, RESOURCES.serviceAccounts];
const OF_THE_CLUSTER = [RESOURCES.clusterRoleBindings, RESOURCES.clusterRoles];

/** Takes away what `dns install` made, the change of the Corefile first: nobody is sent to a server that is gone. */
export async function uninstallDns({ zone }: DnsUninstallOptions, session: Session): Promise<void> {
  const { client, io, namespace } = session;
  const binding = await client.find<ClusterRoleBinding>(RESOURCES.clusterRoleBindings, { name: DNS });
  const other = binding?.subjects?.find((subject) => subject.namespace !== namespace)?.namespace;
  if (other !== undefined) {
    io.out(`DNS is installed in namespace "${other}", not in "${namespace}": nothing was taken away\n`);
    return;
  }
  const diff = await removeStub(zone.toLowerCase().replace(/\.$/, ""), session);
  io.out(diff);
  let gone = diff !== "";
  for (const def of NAMESPACED) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    gone = (await client.delete(def, { namespace, name: DNS, propagation: "Background" })) || gone;
  }
  for (const def of OF_THE_CLUSTER) {
    // oxlint-disable-next-line no-await-in-loop
    gone = (await client.delete(def, { name: DNS })) || gone;
  }
  io.out(
    gone
      ? `DNS is gone from namespace "${namespace}"\n`
      : `DNS is not installed in namespace "${namespace}"\n`,
  );
}
