import type { Service } from "#api/builtin.ts";
import type { ServiceImport, ServiceImportSpec } from "#api/kinds/service-import.ts";
import { covers } from "#controller/compare.ts";
import { type DesiredImport, importLabels } from "./imports.ts";
import { EXPORTED_KEYS_ANNOTATION, EXPORTERS_ANNOTATION } from "../names.ts";

/** What an import says but for its addresses, for comparing. */
export function contentText(desired: DesiredImport): string {
  const { spec, labels, annotations, ipFamilies } = desired;
  return JSON.stringify([specText({ ...spec, ipFamilies: [...ipFamilies] }), labels, annotations]);
}

/** A spec in one order of fields, without addresses. */
function specText(spec: Omit<ServiceImportSpec, "ports"> & Pick<DesiredImport["spec"], "ports">): string {
  const { type, sessionAffinity, sessionAffinityConfig, internalTrafficPolicy, trafficDistribution } = spec;
  const ports = spec.ports.map(({ name, protocol, port, appProtocol }) => [
    name,
    protocol,
    port,
    appProtocol,
  ]);
  const timeout = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const families = type === "Headless" ? spec.ipFamilies : [];
  return JSON.stringify([
    type,
    ports,
    sessionAffinity,
    timeout,
    internalTrafficPolicy,
    trafficDistribution,
    families,
  ]);
}

/** Labels and annotations of the ServiceImport: ours, and those that came with the export. */
export function importMetadata(
  desired: DesiredImport,
): Required<Pick<ServiceImport["metadata"], "labels" | "annotations">> {
  const { labels, annotations } = desired;
  const keys = { labels: Object.keys(labels).toSorted(), annotations: Object.keys(annotations).toSorted() };
  const carries = keys.labels.length > 0 || keys.annotations.length > 0;
  return {
    labels: { ...labels, ...importLabels() },
    annotations: {
      ...annotations,
      [EXPORTERS_ANNOTATION]: desired.exporters.join(","),
      ...(carries ? { [EXPORTED_KEYS_ANNOTATION]: JSON.stringify(keys) } : {}),
    },
  };
}

/** The spec of the ServiceImport with the addresses of this cluster. */
export function importSpec(desired: DesiredImport, addresses: readonly string[]): ServiceImportSpec {
  const { ports, ...rest } = desired.spec;
  const headless = rest.type === "Headless";
  const ips = headless ? [] : [...addresses];
  const families = headless ? [...desired.ipFamilies] : ips.map((ip) => (ip.includes(":") ? "IPv6" : "IPv4"));
  return {
    ...rest,
    ports: ports.map((port) => ({ ...port })),
    ips,
    ...(families.length === 0 ? {} : { ipFamilies: families }),
  };
}

/** Whether an import says all that it should. */
export function saysAsWanted(
  known: ServiceImport,
  { desired, ips }: { desired: DesiredImport; ips: readonly string[] },
): boolean {
  const spec = importSpec(desired, ips);
  const ports = known.spec.ports.map((port) => ({ protocol: "TCP", ...port }));
  return (
    hasMetadata(known.metadata, importMetadata(desired)) &&
    specText({ ...known.spec, ports }) === specText({ ...spec, ports: desired.spec.ports }) &&
    (known.spec.ips ?? []).join() === (spec.ips ?? []).join() &&
    (known.spec.ipFamilies ?? []).join() === (spec.ipFamilies ?? []).join()
  );
}

/** The metadata of an import without what came with an export before: labels and annotations that are to be there are written anew. */
export function withoutExported(known: ServiceImport["metadata"]): ServiceImport["metadata"] {
  const text = known.annotations?.[EXPORTED_KEYS_ANNOTATION];
  if (text === undefined) return known;
  let keys: unknown;
  try {
    keys = JSON.parse(text);
  } catch {
    keys = {};
  }
  const listed = (what: "labels" | "annotations"): Set<unknown> => {
    const list: unknown = typeof keys === "object" && keys !== null ? Reflect.get(keys, what) : undefined;
    return new Set(Array.isArray(list) ? list : []);
  };
  return {
    ...known,
    labels: without(known.labels, listed("labels")),
    annotations: without(known.annotations, listed("annotations").add(EXPORTED_KEYS_ANNOTATION)),
  };
}

function without(
  map: Readonly<Record<string, string>> | undefined,
  gone: ReadonlySet<unknown>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !gone.has(key)));
}

/** Whether labels and annotations of an import are as wanted, and no exported one is there that is not. */
function hasMetadata(known: ServiceImport["metadata"], wanted: ReturnType<typeof importMetadata>): boolean {
  return (
    covers(known, { labels: wanted.labels, annotations: wanted.annotations }) &&
    known.annotations?.[EXPORTED_KEYS_ANNOTATION] === wanted.annotations[EXPORTED_KEYS_ANNOTATION]
  );
}

/** What others wrote stays; our labels and annotations are in it. */
export function merged(known: Service["metadata"], wanted: Service["metadata"]): Service["metadata"] {
  return {
    ...known,
    labels: { ...known.labels, ...wanted.labels },
    annotations: { ...known.annotations, ...wanted.annotations },
    ...(wanted.ownerReferences === undefined ? {} : { ownerReferences: wanted.ownerReferences }),
  };
}

/** Whether the Service says what is wanted: selector and ports exactly, since more of either would send clients elsewhere. */
export function isAsWanted(known: Service, wanted: Service): boolean {
  return (
    routing(known) === routing(wanted) &&
    covers(known.metadata, {
      labels: wanted.metadata.labels,
      ownerReferences: wanted.metadata.ownerReferences,
    })
  );
}

function routing(service: Service): string {
  const selector = Object.entries(service.spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const ports = (service.spec.ports ?? []).map(
    ({ name, port, targetPort, appProtocol }) =>
      `${port}/${name ?? ""}/${targetPort ?? ""}/${appProtocol ?? ""}`,
  );
  return `${selector.toSorted(compareText).join()} ${ports.toSorted(compareText).join()}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
