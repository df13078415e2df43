import type { Service } from "#api/builtin.ts";
import type { OwnerReference } from "#api/object.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { SiteState } from "../network-view.ts";
import {
  CONTROLLER,
  ENTRY_SERVICE,
  EXPORTERS_ANNOTATION,
  FIRST_LISTENER_PORT,
  IMPORT_LABEL,
  JOIN_SERVICE,
  labelsOf,
  LAST_LISTENER_PORT,
  NAME_LABEL,
  NOBODY,
  ROUTER,
} from "../names.ts";
import { RESOURCES } from "#api/resources.ts";
import { listenerProtocol } from "../app-protocol.ts";
import type { ServiceListener } from "../routers/listener-book.ts";
import { clusterId, clusterLabel } from "./cluster-id.ts";
import { type Conflict, type Constituent, mergeExports, type MergedService } from "./merge-exports.ts";

/** More services of one namespace are not imported: a site that offers without end must not fill this cluster. */
export const MAX_IMPORTS = 5000;

/** What a Service may be called (RFC 1123 label). */
const SERVICE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Ours: another site's service of such a name would stand between the routers and this controller. */
export const RESERVED: ReadonlySet<string> = new Set([CONTROLLER, ROUTER, JOIN_SERVICE, ENTRY_SERVICE]);

/** A TCP port of an imported service: what routers listen for and Services lead to. */
export interface ImportedPort {
  readonly name?: string;
  readonly port: number;
  readonly appProtocol?: string;
}

/** A pod of a cluster that exports a headless service. */
export interface SourcePod {
  /** In its site. */
  readonly id: string;
  /** What it is called in DNS; as the other site says, so anything. */
  readonly hostname?: string;
  readonly ready: boolean;
}

/** A cluster that exports an imported service, as it was last heard. */
export interface Source {
  /** As ServiceImport.status has it. */
  readonly cluster: string;
  /** As labels and DNS have it. */
  readonly id: string;
  /** It has this id as its name, so that routers find it by that. */
  readonly isNamed: boolean;
  /** It is this cluster. */
  readonly local: boolean;
  /** False: it is silent, or has not been back for long enough. */
  readonly heard: boolean;
  readonly ports: readonly ImportedPort[];
  /** Whether one of its endpoints is ready. */
  readonly ready: boolean;
  /** Of a headless import; none of any other. */
  readonly pods: readonly SourcePod[];
}

/** What should stand in this namespace for one service of the network. */
export interface DesiredImport {
  readonly name: string;
  /** Of the ServiceImport, but for the addresses of this cluster. */
  readonly spec: MergedService["spec"];
  /** Of a headless import. */
  readonly ipFamilies: readonly string[];
  /** That came with the oldest export, as far as this cluster takes them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the routers carry for the service as a whole: none for a headless import. */
  readonly ports: readonly ImportedPort[];
  /** What they carry to single clusters and pods. */
  readonly carried: readonly ImportedPort[];
  /** Names of the clusters that export it, or did when they were last heard of. */
  readonly exporters: readonly string[];
  readonly sources: readonly Source[];
  /** In what the exporters differ; undefined while one of them was never heard of. */
  readonly conflicts: readonly Conflict[] | undefined;
}

export interface ImportPlan {
  /** Services that are, or stay, imported; by name. */
  readonly desired: readonly DesiredImport[];
  /** Names of imports whose last export is gone for certain. */
  readonly gone: readonly string[];
}

export interface PlanInput {
  readonly namespace: string;
  /** All sites that the routers know, this one included; undefined when no router has spoken yet. */
  readonly sites: readonly SiteState[] | undefined;
  /** Which of them this one is. */
  readonly selfId?: string | undefined;
  /** Whether what a cluster (label) offers may be seen: false for one that has just come back. */
  readonly isSteady?: (cluster: string) => boolean;
  /** ServiceImports of this namespace that carry our label. */
  readonly imports: readonly ServiceImport[];
}

/**
 * Which services of other sites, and of this one, are imported here: those of the same namespace that a reachable site exports.
 *
 * Never deletes because of silence: an import stays while one of its exporters is unknown or unreachable, also when no
 * router has spoken. It is gone when every exporter it had is reachable and exports it no longer.
 */
export function planImports(input: PlanInput): ImportPlan {
  const { sites, imports, isSteady = () => true } = input;
  const desired: DesiredImport[] = [];
  const gone: string[] = [];
  const network = sites === undefined ? undefined : indexSites(input, sites);
  const names = new Set<string>(imports.map((known) => known.metadata.name));
  for (const name of network?.byService.keys() ?? []) names.add(name);
  const known = new Map(imports.map((object) => [object.metadata.name, object]));

  for (const name of [...names].toSorted()) {
    const object = known.get(name);
    const offers = network?.byService.get(name) ?? [];
    const exporters = new Set<string>();
    for (const { heard, cluster } of offers) if (heard) exporters.add(cluster);
    for (const cluster of object === undefined ? [] : recordedExporters(object)) {
      if (network === undefined || !network.certain.has(cluster)) exporters.add(cluster);
    }
    if (exporters.size === 0) {
      if (object !== undefined) gone.push(name);
      continue;
    }
    desired.push(
      desiredImport(name, { exporters: [...exporters].toSorted(), offers, known: object, isSteady }),
    );
  }
  return { desired, gone };
}

/** Silent exporters count as they were last heard: absence of news changes nothing. */
function desiredImport(
  name: string,
  from: {
    exporters: string[];
    offers: readonly Offer[];
    known: ServiceImport | undefined;
    isSteady: (cluster: string) => boolean;
  },
): DesiredImport {
  const { exporters, offers, known, isSteady } = from;
  const counted = offers.filter(({ cluster }) => exporters.includes(cluster));
  const [first, ...rest] = counted;
  const heardOf = new Set(counted.map(({ cluster }) => cluster));
  const complete = exporters.every((cluster) => heardOf.has(cluster));
  const merged = first === undefined ? undefined : mergeExports([first, ...rest]);
  const spec = specOf(merged, complete ? undefined : known);
  const { labels = {}, annotations = {}, ipFamilies = known?.spec.ipFamilies ?? [] } = merged ?? {};
  const headless = spec.type === "Headless";
  const carried = carriedPorts(spec.ports);
  return {
    name,
    spec,
    ipFamilies,
    labels: pick(labels, (key, value) => isForeignKey(key) && LABEL_VALUE.test(value)),
    annotations: pick(annotations, isForeignKey),
    ports: headless ? [] : carried,
    carried,
    exporters,
    sources: counted.map((offer) => sourceOf(offer, { headless, isSteady: isSteady(offer.cluster) })),
    conflicts: complete ? merged?.conflicts : undefined,
  };
}

function sourceOf(
  { cluster, site, local, heard, ports, pods }: Offer,
  { headless, isSteady }: { readonly headless: boolean; readonly isSteady: boolean },
): Source {
  const id = clusterId(site.name);
  return {
    cluster,
    id,
    isNamed: id === site.name,
    local,
    heard: heard && isSteady,
    ports,
    ready: pods.some(({ ready }) => ready),
    pods: headless
      ? pods.map(({ id: pod, hostname, ready }) => ({
          id: pod,
          ...(hostname === undefined ? {} : { hostname }),
          ready,
        }))
      : [],
  };
}

/** As merged; with `known`, one exporter was never heard of since this controller started, and what it had stays. */
function specOf(merged: MergedService | undefined, known: ServiceImport | undefined): MergedService["spec"] {
  if (known === undefined) return merged?.spec ?? { type: "ClusterSetIP", ports: [] };
  const { ips: _, ipFamilies: __, ports, ...rest } = known.spec;
  const kept = ports.map((port) => ({ protocol: "TCP", ...port }));
  if (merged === undefined) return { ...rest, ports: kept };
  const names = new Set(kept.map(({ name = "" }) => name));
  const numbers = new Set(kept.map(({ protocol, port }) => `${protocol}/${port}`));
  const more = merged.spec.ports.filter(
    ({ name = "", protocol, port }) => !names.has(name) && !numbers.has(`${protocol}/${port}`),
  );
  return { ...merged.spec, type: rest.type, ports: [...kept, ...more] };
}

function pick(
  map: Readonly<Record<string, string>>,
  takes: (key: string, value: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key, value]) => takes(key, value)));
}

const KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
/** Ours, and Kubernetes' own: what another cluster exports must not stand for what this one says. */
const OWN_DOMAIN = /(^|\.)(isthmus\.dev|kubernetes\.io|k8s\.io)$/;

/** A key that API servers take, and that means nothing to Isthmus or Kubernetes. */
function isForeignKey(key: string): boolean {
  const slash = key.indexOf("/");
  return slash <= 253 && KEY.test(key) && (slash < 0 || !OWN_DOMAIN.test(key.slice(0, slash)));
}

interface Offer extends Constituent {
  readonly site: SiteState;
  readonly local: boolean;
  readonly heard: boolean;
  readonly pods: readonly SourcePod[];
}

interface SiteIndex {
  readonly byService: Map<string, Offer[]>;
  /** Clusters all of whose sites are reachable: what they do not offer, they do not export. */
  readonly certain: Set<string>;
}

function indexSites(
  { namespace, selfId }: Pick<PlanInput, "namespace" | "selfId">,
  sites: readonly SiteState[],
): SiteIndex {
  const byService = new Map<string, Offer[]>();
  const certain = new Set<string>();
  const silent = new Set<string>();
  const prefix = `${namespace}/`;
  for (const site of sites) {
    const cluster = clusterLabel(site.name);
    if (site.reachable) certain.add(cluster);
    else silent.add(cluster);
    for (const { service, ports, terms, endpoints } of site.services) {
      if (!service.startsWith(prefix)) continue;
      const tcp = ports.filter((port) => (port.protocol ?? "TCP") === "TCP");
      if (tcp.length === 0 && terms?.type !== "Headless") continue;
      const name = service.slice(prefix.length);
      if (!SERVICE_NAME.test(name) || RESERVED.has(name)) continue;
      if (byService.size >= MAX_IMPORTS && !byService.has(name)) continue;
      const offers = byService.get(name) ?? [];
      const ported = tcp.map(importedPort);
      const local = site.id === selfId;
      offers.push({ site, cluster, local, heard: site.reachable, ports: ported, terms, pods: endpoints });
      byService.set(name, offers);
    }
  }
  for (const cluster of silent) certain.delete(cluster);
  return { byService, certain };
}

/** As API servers take it; another site may say anything. */
const APP_PROTOCOL =
  /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Without what is empty. */
function importedPort({ name, port, appProtocol = "" }: ImportedPort): ImportedPort {
  return { ...(name ? { name } : {}), port, ...(APP_PROTOCOL.test(appProtocol) ? { appProtocol } : {}) };
}

/** The clusters that this import was made for: what its status says, or, until that is written, what it was created with. */
export function recordedExporters(object: ServiceImport): string[] {
  const recorded = object.status?.clusters?.map(({ cluster }) => cluster);
  if (recorded !== undefined && recorded.length > 0) return recorded;
  return (object.metadata.annotations?.[EXPORTERS_ANNOTATION] ?? "").split(",").filter((name) => name !== "");
}

/**
 * The TCP ports with names that a Service may have: the API server refuses several without a name; those get the name
 * `port-<number>`.
 */
function carriedPorts(ports: MergedService["spec"]["ports"]): ImportedPort[] {
  const tcp = ports.filter(({ protocol }) => protocol === "TCP").map(importedPort);
  if (tcp.length === 1) return tcp;
  return tcp.map((port) => (port.name === undefined ? { ...port, name: `port-${port.port}` } : port));
}

/** True for a Service that stands for an import and is ours to change. */
export function isImportService(service: Service): boolean {
  return service.metadata.labels?.[IMPORT_LABEL] !== undefined;
}

/**
 * Whether the user has written a selector of his own into a Service that stands for an import (`kubectl apply` merges it with ours): he
 * has pods for it now, and the Service is his.
 */
export function isClaimed(service: Service): boolean {
  return isImportService(service) && Object.keys(ownSelector(service)).length > 0;
}

/** The claimed Service without what was ours. A port that still leads to a router leads to the pods' port of the same number. */
export function claimed(service: Service): Service {
  const { labels = {}, ownerReferences = [], ...metadata } = service.metadata;
  const others = Object.entries(labels).filter(([key, value]) => importLabels()[key] !== value);
  const owners = ownerReferences.filter(({ kind }) => kind !== RESOURCES.sites.kind);
  return {
    ...service,
    metadata: {
      ...metadata,
      ...(others.length === 0 ? {} : { labels: Object.fromEntries(others) }),
      ...(owners.length === 0 ? {} : { ownerReferences: owners }),
    },
    spec: {
      ...service.spec,
      selector: ownSelector(service),
      ports: (service.spec.ports ?? []).map((port) =>
        typeof port.targetPort === "number" && isListenerPort(port.targetPort)
          ? { ...port, targetPort: port.port }
          : port,
      ),
    },
  };
}

function ownSelector(service: Service): Record<string, string> {
  const ours: Readonly<Record<string, string>> = { [NAME_LABEL]: ROUTER, ...NOBODY };
  const own = Object.entries(service.spec.selector ?? {}).filter(([key, value]) => ours[key] !== value);
  return Object.fromEntries(own);
}

function isListenerPort(port: number): boolean {
  return port >= FIRST_LISTENER_PORT && port <= LAST_LISTENER_PORT;
}

/** The router ports that the imported Services of this namespace already point to. */
export function listenersOf(services: readonly Service[]): ServiceListener[] {
  const listeners: ServiceListener[] = [];
  for (const service of services) {
    if (!isImportService(service)) continue;
    for (const port of service.spec?.ports ?? []) {
      if (typeof port.targetPort !== "number" || !isListenerPort(port.targetPort)) continue;
      const key = `${service.metadata.namespace ?? ""}/${service.metadata.name}`;
      const protocol = listenerProtocol(port);
      listeners.push({ service: key, port: port.port, listenerPort: port.targetPort, protocol });
    }
  }
  return listeners;
}

/**
 * The Service that clients of an imported service use: its endpoints are this site's routers. With `refuse` it has none, so that
 * clients are refused at once.
 */
export function importService(
  desired: DesiredImport,
  options: {
    namespace: string;
    owner: OwnerReference;
    targetPort: (port: number) => number;
    refuse: boolean;
  },
): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: desired.name,
      namespace: options.namespace,
      labels: importLabels(),
      ownerReferences: [options.owner],
    },
    spec: {
      type: "ClusterIP",
      selector: options.refuse ? { ...NOBODY } : { [NAME_LABEL]: ROUTER },
      ports: desired.ports.map(({ name, port, appProtocol }) => ({
        ...(name === undefined ? {} : { name }),
        protocol: "TCP" as const,
        ...(appProtocol === undefined ? {} : { appProtocol }),
        port,
        targetPort: options.targetPort(port),
      })),
    },
  };
}

export function importLabels(): Record<string, string> {
  const { [NAME_LABEL]: _, ...labels } = labelsOf(ROUTER);
  return { ...labels, [IMPORT_LABEL]: "true" };
}
