import type { Service } from "#api/builtin.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import { type ExportTerms, TERMS_LIMITS } from "#router/export-terms.ts";

export interface TermsResult {
  readonly terms: ExportTerms;
  /** What does not travel, for people. */
  readonly left: readonly string[];
}

/** What other sites are told of a Service beside its TCP ports and endpoints, so that all of them merge the same (KEP-1645). */
export function termsOf(service: Service, exported: ServiceExport | undefined): TermsResult {
  const { spec } = service;
  const headless = spec.clusterIP === "None";
  const createdMs = Date.parse(exported?.metadata.creationTimestamp ?? "");
  const left: string[] = [];
  const travels = (what: "exportedLabels" | "exportedAnnotations"): Record<string, string> | undefined => {
    const given = exported?.spec?.[what];
    if (given === undefined || Object.keys(given).length === 0) return undefined;
    if (fits(given, what === "exportedLabels" ? 63 : TERMS_LIMITS.characters)) return given;
    left.push(what);
    return undefined;
  };
  const labels = travels("exportedLabels");
  const annotations = travels("exportedAnnotations");
  const affinity = headless ? undefined : spec.sessionAffinity;
  const affinitySeconds =
    affinity === "ClientIP" ? spec.sessionAffinityConfig?.clientIP?.timeoutSeconds : undefined;
  const others = (spec.ports ?? []).filter(({ protocol = "TCP" }) => protocol !== "TCP");
  const terms: ExportTerms = {
    type: headless ? "Headless" : "ClusterSetIP",
    ...(Number.isNaN(createdMs) ? {} : { createdMs }),
    ...(affinity === undefined ? {} : { sessionAffinity: affinity }),
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    ...(spec.internalTrafficPolicy === undefined
      ? {}
      : { internalTrafficPolicy: spec.internalTrafficPolicy }),
    ...(spec.trafficDistribution === undefined ? {} : { trafficDistribution: spec.trafficDistribution }),
    ...(spec.ipFamilies === undefined ? {} : { ipFamilies: spec.ipFamilies.slice(0, 2) }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(others.length === 0
      ? {}
      : {
          otherPorts: others.slice(0, 100).map(({ name, port, protocol = "TCP", appProtocol }) => ({
            ...(name ? { name } : {}),
            port,
            protocol,
            ...(appProtocol ? { appProtocol } : {}),
          })),
        }),
  };
  return { terms, left };
}

function fits(map: Readonly<Record<string, string>>, longestValue: number): boolean {
  const entries = Object.entries(map);
  if (entries.length > TERMS_LIMITS.entries) return false;
  if (entries.some(([key, value]) => key.length > 320 || value.length > longestValue)) return false;
  return entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0) <= TERMS_LIMITS.characters;
}
