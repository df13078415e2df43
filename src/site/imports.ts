import type { Service } from "#api/builtin.ts";
import type { OwnerReference } from "#api/object.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { SiteState } from "./network-view.ts";
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
} from "./names.ts";
import { RESOURCES } from "#api/resources.ts";
import { listenerProtocol } from "./app-protocol.ts";
import type { ServiceListener } from "./listener-book.ts";

/** More services of one namespace are not imported: a site that offers without end must not fill this cluster. */
export const MAX_IMPORTS = 5000;

/** What a Service may be called (RFC 1123 label). */
const SERVICE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** Ours: another site's service of such a name would stand between the routers and this controller. */
export const RESERVED: ReadonlySet<string> = new Set([CONTROLLER, ROUTER, JOIN_SERVICE, ENTRY_SERVICE]);

/** A port that an imported service has in the network. */
export interface ImportedPort {
  readonly name?: string;
  readonly port: number;
  readonly appProtocol?: string;
}

/** What should stand in this namespace for one service of the network. */
export interface DesiredImport {
  readonly name: string;
  readonly ports: readonly ImportedPort[];
  /** Names of the clusters that export it, or did when they were last heard of. */
  readonly exporters: readonly string[];
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
  const { namespace, sites, imports } = input;
  const desired: DesiredImport[] = [];
  const gone: string[] = [];
  const network = sites === undefined ? undefined : indexSites(namespace, sites);
  const names = new Set<string>(imports.map((known) => known.metadata.name));
  for (const name of network?.byService.keys() ?? []) names.add(name);
  const known = new Map(imports.map((object) => [object.metadata.name, object]));

  for (const name of [...names].toSorted()) {
    const object = known.get(name);
    const offers = network?.byService.get(name) ?? [];
    const exporters = new Set<string>();
    for (const offer of offers) if (offer.site.reachable) exporters.add(clusterLabel(offer.site.name));
    for (const cluster of object === undefined ? [] : recordedExporters(object)) {
      if (network === undefined || !network.certain.has(cluster)) exporters.add(cluster);
    }
    if (exporters.size === 0) {
      if (object !== undefined) gone.push(name);
      continue;
    }
    // A silent exporter's ports stay as they were while nobody who is heard offers the service.
    const heard = offers.filter((offer) => offer.site.reachable);
    const ports = unionOfPorts((heard.length > 0 ? heard : offers).map((offer) => offer.ports));
    const kept = (object?.spec.ports ?? []).map(importedPort);
    desired.push({ name, ports: ports.length > 0 ? ports : kept, exporters: [...exporters].toSorted() });
  }
  return { desired, gone };
}

interface Offer {
  readonly site: SiteState;
  readonly ports: readonly ImportedPort[];
}

interface SiteIndex {
  readonly byService: Map<string, Offer[]>;
  /** Clusters all of whose sites are reachable: what they do not offer, they do not export. */
  readonly certain: Set<string>;
}

function indexSites(namespace: string, sites: readonly SiteState[]): SiteIndex {
  const byService = new Map<string, Offer[]>();
  const certain = new Set<string>();
  const silent = new Set<string>();
  const prefix = `${namespace}/`;
  for (const site of sites) {
    const cluster = clusterLabel(site.name);
    if (site.reachable) certain.add(cluster);
    else silent.add(cluster);
    for (const { service, ports } of site.services) {
      if (!service.startsWith(prefix)) continue;
      const tcp = ports.filter((port) => (port.protocol ?? "TCP") === "TCP");
      if (tcp.length === 0) continue;
      const name = service.slice(prefix.length);
      if (!SERVICE_NAME.test(name) || RESERVED.has(name)) continue;
      if (byService.size >= MAX_IMPORTS && !byService.has(name)) continue;
      const offers = byService.get(name) ?? [];
      offers.push({ site, ports: tcp.map(importedPort) });
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
 * All ports that any exporter has (KEP-1645: the union). One name for two port numbers, or no name among several, would be
 * refused by the API server: those get the name `port-<number>`.
 */
export function unionOfPorts(lists: readonly (readonly ImportedPort[])[]): ImportedPort[] {
  const byNumber = new Map<number, ImportedPort>();
  for (const list of lists)
    for (const port of list) if (!byNumber.has(port.port)) byNumber.set(port.port, port);
  const ports = [...byNumber.values()].toSorted((a, b) => a.port - b.port);
  const names = new Set<string>();
  return ports.map(({ name, ...rest }) => {
    if (name !== undefined && !names.has(name)) {
      names.add(name);
      return { name, ...rest };
    }
    return ports.length === 1 ? rest : { name: `port-${rest.port}`, ...rest };
  });
}

/** A cluster's name in the form that ServiceImport.status.clusters takes: an RFC 1123 label. */
export function clusterLabel(name: string): string {
  const label = name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .slice(0, 63)
    .replace(/^-+|-+$/g, "");
  return label === "" ? "unnamed" : label;
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
