import type { EndpointSlice, Service } from "#api/builtin.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import type { ServiceConfig } from "#router/config.ts";
import { termsOf } from "./export-terms.ts";
import { CLUSTERSET_LABEL, IMPORT_LABEL } from "./names.ts";
import { podHostname } from "./pod-hostname.ts";
import { isShadow } from "./policy/take-over.ts";

/** The service that the router may offer to the network, or why there is none (a reason of KEP-1645, and a sentence). */
export type ExportVerdict =
  | {
      readonly valid: true;
      readonly config: ServiceConfig;
      /** What does not travel: ports, exported labels. */ readonly ignored: readonly string[];
    }
  | { readonly valid: false; readonly reason: "NoService" | "InvalidServiceType"; readonly message: string };

export interface ExportInput {
  readonly namespace: string;
  readonly name: string;
  readonly service: Service | undefined;
  readonly exported?: ServiceExport | undefined;
  /** EndpointSlices with its pods; undefined while they are not known, and then `before` stands. */
  readonly slices: readonly EndpointSlice[] | undefined;
  /** What was resolved last. */
  readonly before?: ServiceConfig | undefined;
  readonly health?: ServiceConfig["health"];
}

/**
 * What a ServiceExport offers: the Service of the same name with the endpoints of its EndpointSlices. Endpoints that are
 * not ready or are terminating are listed as not ready, so that others see them and send them nothing new. TCP only.
 */
export function resolveExport(input: ExportInput): ExportVerdict {
  const { namespace, name, service, exported, slices, before, health } = input;
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) {
    return {
      valid: false,
      reason: "NoService",
      message: `There is no Service "${name}" in namespace "${namespace}"`,
    };
  }
  if (service.metadata.labels?.[IMPORT_LABEL] !== undefined) {
    return {
      valid: false,
      reason: "NoService",
      message: `Service "${name}" stands for the imported service; exporting it needs a Service with pods of its own`,
    };
  }
  if (isShadow(service) || service.metadata.labels?.[CLUSTERSET_LABEL] !== undefined) {
    return {
      valid: false,
      reason: "NoService",
      message: `Service "${name}" only stands for another one; export that one`,
    };
  }
  if (service.spec?.type === "ExternalName") {
    return {
      valid: false,
      reason: "InvalidServiceType",
      message: `Service "${name}" has the type ExternalName, which cannot be exported`,
    };
  }
  const all = service.spec?.ports ?? [];
  const ports = all.filter((port) => (port.protocol ?? "TCP") === "TCP");
  if (ports.length === 0 && service.spec?.clusterIP !== "None") {
    return { valid: false, reason: "InvalidServiceType", message: `Service "${name}" has no TCP port` };
  }
  const probed = health?.port === undefined || ports.some(({ port }) => port === health.port);
  const { terms, left } = termsOf(service, exported);
  const config: ServiceConfig = {
    service: `${namespace}/${name}`,
    ports: ports.map((port) => ({
      ...(port.name === undefined || port.name === "" ? {} : { name: port.name }),
      port: port.port,
      protocol: "TCP" as const,
      ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
    })),
    ...(exported === undefined ? {} : { terms }),
    ...(health === undefined || !probed ? {} : { health }),
    endpoints:
      slices === undefined
        ? (before?.endpoints ?? [])
        : endpointsOf(ports, { slices, named: service.spec?.clusterIP === "None" }),
  };
  const otherPorts = all.filter((port) => !ports.includes(port));
  const ignored = [...otherPorts.map((port) => `${port.port}/${port.protocol ?? ""}`), ...left];
  return { valid: true, config, ignored };
}

type ServicePorts = NonNullable<NonNullable<Service["spec"]>["ports"]>;
type EndpointConfig = ServiceConfig["endpoints"][number];

/** With `named` each has the name that DNS has for it: the Service is headless. */
function endpointsOf(
  ports: ServicePorts,
  { slices, named }: { readonly slices: readonly EndpointSlice[]; readonly named: boolean },
): EndpointConfig[] {
  const endpoints = new Map<string, EndpointConfig>();
  // A dual-stack pod is in an IPv4 and in an IPv6 slice: it is one endpoint, reached by IPv4.
  const ordered = slices
    .filter((slice) => slice.addressType !== "FQDN" && slice.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => order(a.addressType, b.addressType) || order(a.metadata.name, b.metadata.name));
  for (const slice of ordered) {
    const targets: Record<string, number> = {};
    for (const port of ports) {
      const target = slice.ports?.find((candidate) => (candidate.name ?? "") === (port.name ?? ""));
      if (target?.port !== undefined && target.port !== null) targets[String(port.port)] = target.port;
    }
    if (Object.keys(targets).length === 0) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const host = endpoint.addresses?.[0];
      if (host === undefined) continue;
      const name = endpoint.targetRef?.name ?? host;
      const known = endpoints.get(name);
      if (known !== undefined && known.host !== host) continue;
      const terminating = endpoint.conditions?.terminating === true;
      const ready = (endpoint.conditions?.ready !== false && !terminating) || known?.ready === true;
      const hostname = named ? (known?.hostname ?? podHostname(endpoint.hostname, host)) : undefined;
      endpoints.set(name, {
        id: name,
        name,
        ...(hostname === undefined ? {} : { hostname }),
        host,
        // A slice of another port set of the same pod adds its ports.
        ports: { ...known?.ports, ...targets },
        ready,
        ...(!ready && terminating ? { reason: "terminating" } : {}),
        ...(endpoint.zone === undefined || endpoint.zone === null ? {} : { zone: endpoint.zone }),
      });
    }
  }
  return [...endpoints.values()].toSorted((a, b) => order(a.id, b.id));
}

function order(a: string | undefined, b: string | undefined): number {
  const [left, right] = [a ?? "", b ?? ""];
  return left < right ? -1 : left > right ? 1 : 0;
}
