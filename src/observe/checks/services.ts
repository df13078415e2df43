import type { EndpointSlice, Service } from "#api/builtin.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { MCS_SERVICE_LABEL, SERVICE_NAME_LABEL, SHADOW_LABEL } from "#site/names.ts";
import { type Category, type Check, failed, ok, skipped, summed, type Verdict, warning } from "./check.ts";
import type { Facts } from "./facts.ts";

const exportsOffered: Check = {
  name: "exports are offered",
  async run(facts) {
    const exports = await facts.list<ServiceExport>(RESOURCES.serviceExports);
    if (exports.length === 0) return skipped("None");
    const ready = await readyOf(SERVICE_NAME_LABEL, facts);
    const shadows = new Map(
      (await facts.list<Service>(RESOURCES.services)).flatMap(({ metadata }) => {
        const of = metadata.labels?.[SHADOW_LABEL];
        return of === undefined ? [] : [[of, metadata.name] as const];
      }),
    );
    const judged = exports.map((one) => {
      const { name } = one.metadata;
      const pods = ready.get(shadows.get(name) ?? name) ?? 0;
      return { name: `export "${name}" is offered`, verdict: exportVerdict(one, { pods, facts }) };
    });
    return summed(judged, (count) => `${count} ${count === 1 ? "export is" : "exports are"} offered`);
  },
};

function exportVerdict(one: ServiceExport, { pods, facts }: { pods: number; facts: Facts }): Verdict {
  const { name } = one.metadata;
  const { conditions } = one.status ?? {};
  const hint = facts.kubectl(`describe serviceexport ${name}`);
  const valid = conditionOf(conditions, "Valid");
  if (valid === undefined) return failed("The controller has not looked at it yet", hint);
  if (valid.status !== "True") return failed(valid.message, hint);
  const ready = conditionOf(conditions, "Ready");
  if (ready?.status !== "True") return failed(ready?.message ?? "No router has taken it up yet", hint);
  const conflict = conditionOf(conditions, "Conflict");
  if (conflict?.status === "True") return warning(`Exporters differ: ${conflict.message}`, hint);
  if (pods === 0)
    return warning(
      "No pod of it is ready in this cluster",
      facts.kubectl(`get endpointslices -l ${SERVICE_NAME_LABEL}=${name}`),
    );
  return ok();
}

const importsServe: Check = {
  name: "imports serve",
  async run(facts) {
    const imports = await facts.list<ServiceImport>(RESOURCES.serviceImports);
    if (imports.length === 0) return skipped("None: no other cluster exports a service to this namespace");
    const ready = await readyOf(MCS_SERVICE_LABEL, facts);
    const judged = imports.map((one) => {
      const { name } = one.metadata;
      const verdict = importVerdict(one, { ready: ready.get(name) ?? 0, facts });
      return { name: `import "${name}" serves`, verdict };
    });
    return summed(judged, (count) => `${count} ${count === 1 ? "import serves" : "imports serve"}`);
  },
};

function importVerdict(one: ServiceImport, { ready, facts }: { ready: number; facts: Facts }): Verdict {
  const { metadata, spec, status } = one;
  const { name } = metadata;
  const clusters = (status?.clusters ?? []).map(({ cluster }) => cluster).join(", ");
  const condition = conditionOf(status?.conditions, "Ready");
  if (condition?.status === "False" && condition.reason === "Local")
    return ok("by this cluster's policy clients stay with local pods");
  if (spec.type === "ClusterSetIP" && (spec.ips ?? []).length === 0)
    return failed(
      condition?.message || "It has no address yet",
      facts.kubectl(`describe serviceimport ${name}`),
    );
  if (ready === 0)
    return failed(
      `No pod of it is ready in any cluster that exports it (${clusters || "none"})`,
      facts.command(`explain ${name}`),
    );
  if (condition?.status === "False" && spec.type === "ClusterSetIP")
    return failed(condition.message, facts.kubectl(`describe serviceimport ${name}`));
  return ok();
}

const policiesHold: Check = {
  name: "policies are in force",
  async run(facts) {
    const policies = await facts.list<TrafficPolicy>(RESOURCES.trafficPolicies);
    if (policies.length === 0) return skipped("None: every service has the default policy");
    const judged = policies.map((one) => ({
      name: `policy "${one.metadata.name}" is in force`,
      verdict: policyVerdict(one, facts),
    }));
    return summed(judged, (count) => `${count} ${count === 1 ? "policy is" : "policies are"} in force`);
  },
};

function policyVerdict({ metadata, status }: TrafficPolicy, facts: Facts): Verdict {
  const hint = facts.command(`explain ${metadata.name}`);
  const ready = conditionOf(status?.conditions, "Ready");
  if (ready === undefined) return failed("The controller has not looked at it yet", hint);
  if (ready.status !== "True") return failed(ready.message, hint);
  const targets = conditionOf(status?.conditions, "TargetsFound");
  return targets?.status === "False" ? warning(targets.message, hint) : ok();
}

/** Endpoints that are ready, by the Service or import that their slices are of. */
async function readyOf(label: string, facts: Facts): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { metadata, endpoints } of await facts.list<EndpointSlice>(RESOURCES.endpointSlices)) {
    const of = metadata.labels?.[label];
    if (of === undefined) continue;
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).length;
    counts.set(of, (counts.get(of) ?? 0) + ready);
  }
  return counts;
}

export const services: Category = {
  category: "Services",
  checks: [exportsOffered, importsServe, policiesHold],
};
