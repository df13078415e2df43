import { createHash } from "node:crypto";
import type { EndpointSlice } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { covers } from "#controller/compare.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { DesiredImport, Source } from "./imports.ts";
import { MCS_CLUSTER_LABEL, MCS_SERVICE_LABEL, SLICE_MANAGER, SLICE_MANAGER_LABEL } from "../names.ts";

const FAMILIES = ["IPv4", "IPv6"] as const;

/**
 * EndpointSlices of an import (KEP-1645, "Using EndpointSlice objects to track endpoints"): of each exporting cluster one per address
 * family. Pods of other clusters have no address that works here, so the endpoint is the clusterset address of this cluster: it leads to
 * the routers, which choose among the pods of all clusters. `ready` says whether that cluster has a ready pod. Without
 * `kubernetes.io/service-name` no kube-proxy makes anything of them. None for a headless import, nor before there is an address.
 */
export function importSlices(
  desired: DesiredImport,
  { object, isOver }: { object: ServiceImport; isOver: (source: Source) => boolean },
): EndpointSlice[] {
  const { name, namespace = "" } = object.metadata;
  const { ips = [] } = object.spec;
  const sources = new Map<string, Source>();
  for (const source of desired.sources)
    if (!isOver(source) && sources.get(source.cluster)?.ready !== true) sources.set(source.cluster, source);
  return [...sources.values()].flatMap((source) => {
    const served = new Set(source.ports.map(({ port }) => port));
    const ports = desired.ports.filter(({ port }) => served.has(port));
    if (ports.length === 0) return [];
    return FAMILIES.flatMap((addressType) => {
      const addresses = ips.filter((ip) => ip.includes(":") === (addressType === "IPv6"));
      if (addresses.length === 0) return [];
      return {
        apiVersion: apiVersionOf(RESOURCES.endpointSlices),
        kind: RESOURCES.endpointSlices.kind,
        metadata: {
          name: sliceName(name, [namespace, source.cluster, addressType]),
          namespace,
          labels: {
            [MCS_SERVICE_LABEL]: name,
            [MCS_CLUSTER_LABEL]: source.cluster,
            [SLICE_MANAGER_LABEL]: SLICE_MANAGER,
          },
          ownerReferences: [ownerReference(object, { controller: false })],
        },
        addressType,
        endpoints: [{ addresses, conditions: { ready: source.heard && source.ready } }],
        ports: ports.map((port) => ({
          name: port.name ?? "",
          protocol: "TCP" as const,
          port: port.port,
          ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
        })),
      };
    });
  });
}

/** Whether a slice is one of ours. */
export function isImportSlice(slice: EndpointSlice): boolean {
  const { labels } = slice.metadata;
  return labels?.[SLICE_MANAGER_LABEL] === SLICE_MANAGER && labels[MCS_SERVICE_LABEL] !== undefined;
}

export function isSliceAsWanted(known: EndpointSlice, wanted: EndpointSlice): boolean {
  const { metadata, endpoints, ports } = wanted;
  const { labels, ownerReferences } = metadata;
  return (
    covers(known.metadata, { labels, ownerReferences }) &&
    covers(known.endpoints, endpoints) &&
    isReady(known) === isReady(wanted) &&
    covers(known.ports, ports)
  );
}

function isReady(slice: EndpointSlice): boolean {
  return slice.endpoints?.[0]?.conditions?.ready !== false;
}

function sliceName(service: string, of: readonly string[]): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([service, ...of]))
    .digest("hex");
  return `${service}-${hash.slice(0, 10)}`;
}
