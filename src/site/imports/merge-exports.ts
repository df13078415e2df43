import type { ServiceImportSpec } from "#api/kinds/service-import.ts";
import type { ExportTerms } from "#router/export-terms.ts";

/** A port of an exported service, as a ServiceImport has it. */
export interface MergedPort {
  readonly name?: string;
  readonly protocol: string;
  readonly port: number;
  readonly appProtocol?: string;
}

/** What one cluster exports under the name. */
export interface Constituent {
  readonly cluster: string;
  /** TCP ports. */
  readonly ports: readonly Omit<MergedPort, "protocol">[];
  /** Absent: a router of before they were told; it says nothing and contradicts nobody but in ports. */
  readonly terms?: ExportTerms | undefined;
}

export type ConflictReason =
  | "PortConflict"
  | "TypeConflict"
  | "SessionAffinityConflict"
  | "SessionAffinityConfigConflict"
  | "LabelsConflict"
  | "AnnotationsConflict"
  | "InternalTrafficPolicyConflict"
  | "TrafficDistributionConflict"
  | "IPFamilyConflict";

export interface Conflict {
  readonly reason: ConflictReason;
  readonly message: string;
}

/** One service out of the exports of all clusters. */
export interface MergedService {
  readonly spec: Pick<
    ServiceImportSpec,
    "type" | "sessionAffinity" | "sessionAffinityConfig" | "internalTrafficPolicy" | "trafficDistribution"
  > & { readonly ports: readonly MergedPort[] };
  /** Of the winner; of a ClusterSetIP the importing cluster has its own. */
  readonly ipFamilies: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly conflicts: readonly Conflict[];
}

const PROTOCOLS: ReadonlySet<string> = new Set(["TCP", "UDP", "SCTP"]);
const DEFAULT_AFFINITY_SECONDS = 10_800;

/**
 * What KEP-1645 ("Constraints and Conflict Resolution") makes of several exports: ports are united, by name and then by protocol and
 * number; all else is as the oldest export has it, and of one age the first by cluster name. Where exporters differ, that is a
 * conflict. Pure, and the order of the constituents does not matter: each exporting site judges for itself, and all find the same. Needs at
 * least one.
 *
 * Address families are no conflict of a ClusterSetIP service: routers stand between, so that any client reaches any pod.
 */
export function mergeExports(constituents: readonly [Constituent, ...Constituent[]]): MergedService {
  const all = (alike(constituents) ? [viewOf(oldestOf(constituents))] : constituents.map(viewOf)).toSorted(
    byAge,
  ) as [View, ...View[]];
  const [winner] = all;
  const comparable = all.filter(({ told }) => told);
  const sameType = comparable.filter(({ type }) => type === winner.type);
  const clusterSet = winner.type === "ClusterSetIP";
  const conflicts: Conflict[] = [];
  const judge = (
    reason: ConflictReason,
    field: string,
    { among, value }: { among: readonly View[]; value: (of: View) => string },
  ): void => {
    if (among.length < 2) return;
    const wins = value(winner);
    const others = among.filter((one) => value(one) !== wins);
    if (others.length === 0) return;
    const message = `${field}: ${others.length} of ${all.length} clusters disagree with cluster "${winner.cluster}", whose export is the oldest (${others
      .slice(0, 5)
      .map(({ cluster }) => cluster)
      .join(", ")}${others.length > 5 ? ", …" : ""})`;
    conflicts.push({ reason, message });
  };
  judge("PortConflict", "ports", { among: all, value: ({ ports }) => portSet(ports) });
  if (winner.told) {
    judge("TypeConflict", "type", { among: comparable, value: ({ type }) => type });
    if (clusterSet) {
      judge("SessionAffinityConflict", "sessionAffinity", {
        among: sameType,
        value: ({ affinity }) => affinity,
      });
      judge("SessionAffinityConfigConflict", "sessionAffinityConfig", {
        among: sameType.filter(({ affinity }) => affinity === winner.affinity),
        value: ({ affinitySeconds }) => String(affinitySeconds),
      });
    }
    judge("LabelsConflict", "exportedLabels", { among: comparable, value: ({ labels }) => mapText(labels) });
    judge("AnnotationsConflict", "exportedAnnotations", {
      among: comparable,
      value: ({ annotations }) => mapText(annotations),
    });
    judge("InternalTrafficPolicyConflict", "internalTrafficPolicy", {
      among: sameType,
      value: ({ internalTrafficPolicy = "Cluster" }) => internalTrafficPolicy,
    });
    judge("TrafficDistributionConflict", "trafficDistribution", {
      among: sameType,
      value: ({ trafficDistribution = "" }) => trafficDistribution,
    });
    if (!clusterSet)
      judge("IPFamilyConflict", "ipFamilies", {
        among: sameType,
        value: ({ ipFamilies }) => ipFamilies.toSorted().join(),
      });
  }
  const { internalTrafficPolicy, trafficDistribution, affinity, affinitySeconds } = winner;
  return {
    spec: {
      type: winner.type,
      ports: unitePorts(all.map(({ ports }) => ports)),
      ...(clusterSet && winner.told ? { sessionAffinity: affinity } : {}),
      ...(clusterSet && affinity === "ClientIP"
        ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } } }
        : {}),
      ...(internalTrafficPolicy === undefined ? {} : { internalTrafficPolicy }),
      ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    },
    ipFamilies: winner.ipFamilies,
    labels: winner.labels,
    annotations: winner.annotations,
    conflicts,
  };
}

/** A constituent in the words of the API, whatever the other site wrote. */
interface View {
  readonly cluster: string;
  readonly told: boolean;
  readonly createdMs: number;
  readonly type: "ClusterSetIP" | "Headless";
  readonly ports: readonly MergedPort[];
  readonly affinity: "ClientIP" | "None";
  readonly affinitySeconds: number;
  readonly internalTrafficPolicy: string | undefined;
  readonly trafficDistribution: string | undefined;
  readonly ipFamilies: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

function viewOf({ cluster, ports, terms }: Constituent): View {
  const tcp = ports.map((port) => ({ ...port, protocol: "TCP" }));
  const others = (terms?.otherPorts ?? []).filter(({ protocol }) => PROTOCOLS.has(protocol));
  const { internalTrafficPolicy: policy, affinitySeconds = 0 } = terms ?? {};
  return {
    cluster,
    told: terms !== undefined,
    createdMs: terms?.createdMs ?? Infinity,
    type: terms?.type === "Headless" ? "Headless" : "ClusterSetIP",
    ports: [...tcp, ...others].map(({ name, protocol, port, appProtocol }) => ({
      ...(name ? { name } : {}),
      protocol,
      port,
      ...(appProtocol ? { appProtocol } : {}),
    })),
    affinity: terms?.sessionAffinity === "ClientIP" ? "ClientIP" : "None",
    affinitySeconds: affinitySeconds >= 1 ? affinitySeconds : DEFAULT_AFFINITY_SECONDS,
    internalTrafficPolicy: policy === "Local" || policy === "Cluster" ? policy : undefined,
    trafficDistribution: terms?.trafficDistribution || undefined,
    ipFamilies: [...new Set(terms?.ipFamilies ?? [])].filter((one) => one === "IPv4" || one === "IPv6"),
    labels: terms?.labels ?? {},
    annotations: terms?.annotations ?? {},
  };
}

/** Whether they differ in nothing but their age, as most do: then there is nothing to judge. */
function alike(constituents: readonly Constituent[]): boolean {
  const [first, ...rest] = constituents.map(({ ports, terms }) =>
    JSON.stringify([ports, terms === undefined ? undefined : { ...terms, createdMs: 0 }]),
  );
  return rest.every((text) => text === first);
}

function oldestOf(constituents: readonly [Constituent, ...Constituent[]]): Constituent {
  const ageOf = ({ terms }: Constituent): number => terms?.createdMs ?? Infinity;
  return constituents.reduce((oldest, one) => {
    const [a, b] = [ageOf(one), ageOf(oldest)];
    return a < b || (a === b && one.cluster < oldest.cluster) ? one : oldest;
  });
}

function byAge(a: View, b: View): number {
  if (a.createdMs !== b.createdMs) return a.createdMs < b.createdMs ? -1 : 1;
  const [left, right] = [a.cluster, b.cluster];
  if (left !== right) return left < right ? -1 : 1;
  const [one, other] = [JSON.stringify(a), JSON.stringify(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** By name, then by protocol and number; who is older goes first. */
function unitePorts(lists: readonly (readonly MergedPort[])[]): MergedPort[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  const united: MergedPort[] = [];
  for (const port of lists.flat()) {
    const name = port.name ?? "";
    const number = `${port.protocol}/${port.port}`;
    if (names.has(name) || numbers.has(number)) continue;
    names.add(name);
    numbers.add(number);
    united.push(port);
  }
  return united.toSorted((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
}

function portSet(ports: readonly MergedPort[]): string {
  return ports
    .map(({ name = "", protocol, port, appProtocol = "" }) => `${name}/${protocol}/${port}/${appProtocol}`)
    .toSorted()
    .join();
}

function mapText(map: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
