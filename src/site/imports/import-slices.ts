import { createHash } from "node:crypto";
import type { EndpointPort, EndpointSlice, SliceEndpoint } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { covers } from "#controller/compare.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { ImportedPort } from "./imports.ts";
import {
  MCS_CLUSTER_LABEL,
  MCS_SERVICE_LABEL,
  PIN_ADDRESSES_ANNOTATION,
  SLICE_MANAGER,
  SLICE_MANAGER_LABEL,
} from "../names.ts";

const FAMILIES = ["IPv4", "IPv6"] as const;

/** What clients of this cluster reach of one exporting cluster. */
export interface SliceSource {
  /** The cluster's id. */
  readonly id: string;
  /** Ports of the import that the cluster has. */
  readonly ports: readonly ImportedPort[];
  /** The cluster can be reached, and one of its pods is ready. */
  readonly ready: boolean;
  /** Addresses that lead to that cluster alone. */
  readonly pinned: readonly string[];
  /** Of a headless import: pods of another cluster, by the addresses that they have here. */
  readonly pods: readonly {
    readonly hostname: string;
    readonly ready: boolean;
    readonly addresses: readonly string[];
  }[];
  /** Of a headless import: slices of this cluster's own pods, with hostnames. */
  readonly own: readonly OwnSlice[];
}

export interface OwnSlice extends Pick<EndpointSlice, "addressType"> {
  readonly name: string;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly SliceEndpoint[];
}

/**
 * EndpointSlices of an import (KEP-1645, "Using EndpointSlice objects to track endpoints"), without `kubernetes.io/service-name`, so that no kube-proxy
 * makes anything of them. Of each exporting cluster:
 *
 * - ClusterSetIP: one per address family. The endpoint is the clusterset address of this cluster: it leads to the routers, which choose among the
 *   pods of all clusters. `ready` says whether that cluster has a ready pod. The annotation has the addresses that lead to it alone. None
 *   before there is an address.
 * - Headless: pods with their hostnames. Those of other clusters by the address that each has here (pins.ts), on the service's ports; this
 *   cluster's own as Kubernetes lists them, a slice for each of its slices.
 */
export function importSlices(object: ServiceImport, sources: readonly SliceSource[]): EndpointSlice[] {
  const headless = object.spec.type === "Headless";
  return sources.flatMap((source) => {
    if (headless && source.own.length > 0)
      return source.own.map(({ name: part, addressType, ports, endpoints }) =>
        newSlice(object, { source, part, addressType, ports: [...ports], endpoints: [...endpoints] }),
      );
    const ports = source.ports.map(slicePort);
    if (ports.length === 0) return [];
    return FAMILIES.flatMap((addressType) => {
      const ofFamily = (addresses: readonly string[] = []): string[] =>
        addresses.filter((address) => address.includes(":") === (addressType === "IPv6"));
      const whole = ofFamily(object.spec.ips);
      const endpoints = headless
        ? source.pods.flatMap(({ hostname, ready, addresses }) => {
            const own = ofFamily(addresses);
            return own.length === 0 ? [] : { addresses: own, hostname, conditions: { ready } };
          })
        : whole.length === 0
          ? []
          : [{ addresses: whole, conditions: { ready: source.ready } }];
      if (endpoints.length === 0) return [];
      return newSlice(object, { source, part: addressType, addressType, ports, endpoints });
    });
  });
}

function newSlice(
  object: ServiceImport,
  of: Pick<EndpointSlice, "addressType"> & {
    readonly source: SliceSource;
    readonly part: string;
    readonly ports: EndpointPort[];
    readonly endpoints: SliceEndpoint[];
  },
): EndpointSlice {
  const { name, namespace = "" } = object.metadata;
  const { source, part, addressType, ports, endpoints } = of;
  const { id, pinned } = source;
  return {
    apiVersion: apiVersionOf(RESOURCES.endpointSlices),
    kind: RESOURCES.endpointSlices.kind,
    metadata: {
      name: sliceName(name, [namespace, id, part]),
      namespace,
      labels: {
        [MCS_SERVICE_LABEL]: name,
        [MCS_CLUSTER_LABEL]: id,
        [SLICE_MANAGER_LABEL]: SLICE_MANAGER,
      },
      ...(pinned.length === 0 ? {} : { annotations: { [PIN_ADDRESSES_ANNOTATION]: pinned.join(",") } }),
      ownerReferences: [ownerReference(object, { controller: false })],
    },
    addressType,
    endpoints,
    ports,
  };
}

function slicePort({ name = "", port, appProtocol }: ImportedPort): EndpointPort {
  return { name, protocol: "TCP", port, ...(appProtocol === undefined ? {} : { appProtocol }) };
}

/** Whether a slice is one of ours. */
export function isImportSlice(slice: EndpointSlice): boolean {
  const { labels } = slice.metadata;
  return labels?.[SLICE_MANAGER_LABEL] === SLICE_MANAGER && labels[MCS_SERVICE_LABEL] !== undefined;
}

export function isSliceAsWanted(known: EndpointSlice, wanted: EndpointSlice): boolean {
  const { labels, annotations, ownerReferences } = wanted.metadata;
  return (
    covers(known.metadata, { labels, ownerReferences }) &&
    known.metadata.annotations?.[PIN_ADDRESSES_ANNOTATION] === annotations?.[PIN_ADDRESSES_ANNOTATION] &&
    contents(known) === contents(wanted)
  );
}

/** The slice that is there, as wanted; what others have annotated stays. */
export function updatedSlice(known: EndpointSlice, wanted: EndpointSlice): EndpointSlice {
  const { [PIN_ADDRESSES_ANNOTATION]: _, ...others } = known.metadata.annotations ?? {};
  const annotations = { ...others, ...wanted.metadata.annotations };
  return { ...known, ...wanted, metadata: { ...known.metadata, ...wanted.metadata, annotations } };
}

function contents({ endpoints, ports }: EndpointSlice): string {
  return JSON.stringify([
    (endpoints ?? []).map(({ addresses, hostname = "", conditions }) => [
      addresses,
      hostname,
      conditions?.ready !== false,
    ]),
    (ports ?? []).map(({ name = "", protocol = "TCP", port, appProtocol = "" }) => [
      name,
      protocol,
      port,
      appProtocol,
    ]),
  ]);
}

function sliceName(service: string, of: readonly string[]): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([service, ...of]))
    .digest("hex");
  return `${service}-${hash.slice(0, 10)}`;
}
