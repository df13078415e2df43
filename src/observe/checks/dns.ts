import type { ConfigMap, Deployment, Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { NAME_LABEL } from "#site/names.ts";
import { type Category, type Check, failed, ok, skipped, warning } from "./check.ts";
import type { Facts } from "./facts.ts";

const DNS = "isthmus-dns";
const ZONE = "clusterset.local";
/** Where clusters keep the configuration of CoreDNS. */
const COREDNS = { namespace: "kube-system", name: "coredns" } as const;

const installed: Check = {
  name: "names of imported services are answered",
  async run(facts) {
    const [deployment] = await deployments(facts);
    if (deployment === undefined) {
      if (servesItself(await corefile(facts).catch(() => undefined)))
        return ok("by CoreDNS itself (multicluster)");
      return skipped(`${DNS} is not installed`, facts.command("dns install"));
    }
    const { namespace = facts.namespace } = deployment.metadata;
    const wanted = deployment.spec.replicas ?? 1;
    const { readyReplicas = 0 } = deployment.status ?? {};
    const count = `${readyReplicas} of ${wanted} pods ready in namespace ${namespace}`;
    const hint = `kubectl -n ${namespace} get pods -l ${NAME_LABEL}=${DNS}`;
    if (readyReplicas === 0) return failed(count, hint);
    return readyReplicas < wanted ? warning(count, hint) : ok(count);
  },
};

const asked: Check = {
  name: "cluster DNS asks it",
  async run(facts) {
    const [deployment] = await deployments(facts);
    const text = await corefile(facts);
    const block = stub(text);
    const hint = facts.command("dns install --coredns --apply");
    if (deployment === undefined) {
      if (block === undefined || servesItself(text)) return skipped("Nothing to ask");
      return failed(
        `The Corefile forwards ${ZONE} to ${block.join(", ")}, and ${DNS} is not installed`,
        hint,
      );
    }
    if (text === undefined)
      return skipped(
        `There is no ConfigMap "${COREDNS.namespace}/${COREDNS.name}": is it another DNS server?`,
      );
    if (block === undefined)
      return warning(`The Corefile has no block for ${ZONE}: pods cannot use the names`, hint);
    const { namespace = facts.namespace } = deployment.metadata;
    const { client, signal } = facts;
    const service = await client.find<Service>(RESOURCES.services, { namespace, name: DNS, signal });
    const addresses = service?.spec.clusterIPs ?? [service?.spec.clusterIP ?? ""];
    if (!block.some((one) => addresses.some((address) => address !== "" && one.includes(address))))
      return failed(
        `The Corefile forwards ${ZONE} to ${block.join(", ")}, and Service "${DNS}" is at ${addresses.join(", ") || "no address"}`,
        hint,
      );
    return ok(`${ZONE} goes to ${block.join(", ")}`);
  },
};

export const dns: Category = { category: "DNS", checks: [installed, asked] };

/** In whatever namespace, where the user may look at all; else in this one. */
function deployments(facts: Facts): Promise<readonly Deployment[]> {
  const labelSelector = `${NAME_LABEL}=${DNS}`;
  const { client, namespace, signal } = facts;
  return facts.once("dns deployments", async () => {
    try {
      return (await client.list<Deployment>(RESOURCES.deployments, { labelSelector, signal })).items;
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== "DENIED") throw error;
      return (await client.list<Deployment>(RESOURCES.deployments, { namespace, labelSelector, signal }))
        .items;
    }
  });
}

function corefile(facts: Facts): Promise<string | undefined> {
  const { client, signal } = facts;
  return facts.once("corefile", async () => {
    const found = await client.find<ConfigMap>(RESOURCES.configMaps, { ...COREDNS, signal });
    return found?.data?.["Corefile"];
  });
}

/** Where the Corefile forwards the zone to; undefined when it has no block for it. */
export function stub(text: string | undefined): string[] | undefined {
  const block = new RegExp(`(?:^|\\s)${ZONE.replace(".", "\\.")}(?::\\d+)?[^{}\\n]*\\{([^}]*)`, "m").exec(
    text ?? "",
  );
  if (block === null) return undefined;
  const [, to = ""] = /^\s*forward\s+\S+\s+(.+)$/m.exec(block[1] ?? "") ?? [];
  return to.trim().split(/\s+/).filter(Boolean);
}

/** CoreDNS from 1.12.2 on can serve the zone from ServiceImports by itself. */
function servesItself(text: string | undefined): boolean {
  return new RegExp(`^\\s*multicluster\\s+.*${ZONE.replace(".", "\\.")}`, "m").test(text ?? "");
}
