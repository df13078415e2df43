import { createHash } from "node:crypto";
import type { Service } from "#api/builtin.ts";
import type { OwnerReference } from "#api/object.ts";
import type { Only } from "#router/config.ts";
import {
  CLUSTERSET_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NAME_LABEL,
  PIN_CLUSTER_LABEL,
  PIN_ENDPOINT_ANNOTATION,
  PIN_POD_LABEL,
  ROUTER,
} from "../names.ts";
import type { ImportedPort } from "./imports.ts";

/** One cluster of an import, or one pod there. */
export interface PinTarget {
  /** Name of the import. */
  readonly of: string;
  /** Id of the cluster. */
  readonly cluster: string;
  /** Of a pod: its id in its site. */
  readonly endpoint?: string | undefined;
}

/** What a Service should lead to: a pin has an address of its own in this cluster, and behind it nothing but its target. */
export interface Pin extends PinTarget {
  /** Of a pod: what it is called in DNS. */
  readonly hostname?: string | undefined;
  readonly ports: readonly ImportedPort[];
}

const MAX_NAME = 63;
const HASH = 8;

/** Readable as far as there is room, and unique by a hash. */
export function pinName(target: PinTarget): string {
  const { of, cluster, endpoint = "" } = target;
  const hash = createHash("sha256").update(pinKey(target)).digest("hex").slice(0, HASH);
  const readable = `${of}-${cluster}-${endpoint}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return `${readable.slice(0, MAX_NAME - HASH - 1).replace(/-+$/, "")}-${hash}`;
}

export function pinKey({ of, cluster, endpoint }: PinTarget): string {
  return JSON.stringify(endpoint === undefined ? [of, cluster] : [of, cluster, endpoint]);
}

/** How a listener of the routers is told. */
export function pinOnly({ cluster, endpoint }: PinTarget): Only {
  return endpoint === undefined ? { site: cluster } : { endpoint: `${cluster}/${endpoint}` };
}

/** What a Service leads to that is a pin; undefined for any other. */
export function pinOf(service: Service): (PinTarget & { readonly only: Only }) | undefined {
  const { labels, annotations } = service.metadata;
  const of = labels?.[CLUSTERSET_LABEL];
  const cluster = labels?.[PIN_CLUSTER_LABEL];
  if (of === undefined || cluster === undefined) return undefined;
  const endpoint = annotations?.[PIN_ENDPOINT_ANNOTATION];
  // Of a pod, but without what says which: it leads nowhere and is made anew.
  if (labels?.[PIN_POD_LABEL] !== undefined && endpoint === undefined) return undefined;
  const target = { of, cluster, endpoint };
  return { ...target, only: pinOnly(target) };
}

/** The cluster addresses of a Service. */
export function addressesOf({ spec }: Service): readonly string[] {
  const { clusterIP, clusterIPs } = spec;
  if (clusterIP === undefined || clusterIP === "" || clusterIP === "None") return [];
  return (clusterIPs ?? [clusterIP]).slice(0, 2);
}

export function pinService(
  pin: Pin,
  options: {
    readonly namespace: string;
    readonly owner: OwnerReference;
    readonly targetPort: (port: number) => number;
  },
): Service {
  const { of, cluster, endpoint, hostname, ports } = pin;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: pinName(pin),
      namespace: options.namespace,
      labels: {
        [MANAGED_BY_LABEL]: MANAGED_BY,
        [CLUSTERSET_LABEL]: of,
        [PIN_CLUSTER_LABEL]: cluster,
        ...(hostname === undefined ? {} : { [PIN_POD_LABEL]: hostname }),
      },
      ...(endpoint === undefined ? {} : { annotations: { [PIN_ENDPOINT_ANNOTATION]: endpoint } }),
      ownerReferences: [options.owner],
    },
    spec: {
      type: "ClusterIP",
      selector: { [NAME_LABEL]: ROUTER },
      ports: ports.map(({ name, port, appProtocol }) => ({
        ...(name === undefined ? {} : { name }),
        protocol: "TCP" as const,
        ...(appProtocol === undefined ? {} : { appProtocol }),
        port,
        targetPort: options.targetPort(port),
      })),
    },
  };
}
