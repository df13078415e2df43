import type { EndpointSlice } from "#api/builtin.ts";
import type { Caches } from "../caches.ts";
import { podHostname } from "../pod-hostname.ts";
import type { OwnSlice, SliceSource } from "./import-slices.ts";
import { type DesiredImport, isImportService, type Source } from "./imports.ts";
import { addressesOf, type PinTarget } from "./pin-services.ts";
import { portsOf } from "./pins.ts";

export interface SliceSourceOptions {
  readonly caches: Caches;
  /** Addresses that lead to one cluster or pod alone. */
  readonly pinned: (target: PinTarget) => readonly string[];
  /** By the letter of KEP-1645: clusters have no addresses of their own. */
  readonly strict: boolean;
}

/** What is to be seen of one exporting cluster: of a silent one its pods are not ready, and it has no address. */
export function sliceSource(
  { name, spec, carried }: DesiredImport,
  { source, caches, pinned, strict }: SliceSourceOptions & { readonly source: Source },
): SliceSource {
  const { id, isNamed, local, heard, ready } = source;
  const headless = spec.type === "Headless";
  const own = headless && local ? ownSlices(caches.slicesOf(name)) : [];
  const pods = !headless || local || !isNamed ? [] : source.pods;
  const shown = !headless && !strict && heard && isNamed;
  return {
    id,
    ports: portsOf(source, carried),
    ready: heard && ready,
    pinned: shown ? clusterAddresses(name, { caches, pinned, source }) : [],
    pods: pods.flatMap((pod) => {
      const hostname = podHostname(pod.hostname, pod.id);
      const addresses = pinned({ of: name, cluster: id, endpoint: pod.id });
      return hostname === undefined ? [] : { hostname, ready: heard && pod.ready, addresses };
    }),
    own,
  };
}

/** Of this cluster: its own Service, unless clients of that are led through the routers. */
function clusterAddresses(
  name: string,
  { caches, pinned, source }: Pick<SliceSourceOptions, "caches" | "pinned"> & { readonly source: Source },
): readonly string[] {
  const pin = pinned({ of: name, cluster: source.id });
  if (!source.local || pin.length > 0) return pin;
  const service = caches.service(name);
  return service === undefined || isImportService(service) ? [] : addressesOf(service);
}

/** This cluster's own pods as Kubernetes lists them; each with the hostname that other clusters know it by. */
function ownSlices(slices: readonly EndpointSlice[]): OwnSlice[] {
  const live = slices
    .filter(({ addressType, metadata }) => addressType !== "FQDN" && metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => order(a.addressType, b.addressType) || order(a.metadata.name, b.metadata.name));
  const hostnames = new Map<string, string>();
  return live.map(({ metadata, addressType, ports, endpoints }) => ({
    name: metadata.name,
    addressType,
    ports: (ports ?? []).map(({ name = "", protocol = "TCP", port, appProtocol }) => ({
      name,
      protocol,
      ...(port === undefined ? {} : { port }),
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
    endpoints: (endpoints ?? []).flatMap(({ addresses, hostname, conditions, targetRef }) => {
      const [address] = addresses;
      if (address === undefined) return [];
      const id = targetRef?.name ?? address;
      // Of a pod of two families the first one's address is its name.
      const called = hostnames.get(id) ?? podHostname(hostname, address);
      if (called === undefined) return [];
      hostnames.set(id, called);
      const ready = conditions?.ready !== false && conditions?.terminating !== true;
      return { addresses, hostname: called, conditions: { ready } };
    }),
  }));
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
