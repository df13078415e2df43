import { wireName } from "#dns/name.ts";
import type { ZoneRecord } from "#dns/zone.ts";
import type { EndpointSlice, Service, ServicePort, SlicePort } from "../types.ts";

export interface ServiceRecordsInput {
  readonly service: Service;
  /** Of this Service, of any kind of address. */
  readonly slices: readonly EndpointSlice[];
  /** Labels of the zone: `cluster`, `local`. */
  readonly origin: readonly string[];
}

interface Port {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

interface Host {
  /** Below the Service. */
  readonly label: string;
  readonly address: string;
  readonly ports: readonly Port[];
}

/** Weights of the hosts of a headless Service add up to about this, as in CoreDNS. */
const WHOLE_WEIGHT = 100;

/**
 * The records of a Service (Kubernetes DNS specification 1.1.0): A of its ClusterIP, whoever is behind it; for a headless one A of
 * each ready endpoint, also below the endpoint's hostname or dashed address. SRV for named ports, and for all of them on the name
 * itself. A headless Service with nobody ready has no records; nor has an ExternalName, which is an alias.
 */
export function serviceRecords({ service, slices, origin }: ServiceRecordsInput): ZoneRecord[] {
  const { spec, metadata } = service;
  const labels = [metadata.name, metadata.namespace ?? "", "svc"];
  if (spec.type === "ExternalName") return [];
  if (spec.clusterIP !== "None") return clusterIpRecords(service, { labels, origin });
  const hosts = hostsOf(slices);
  const records: ZoneRecord[] = [];
  const weight = Math.max(1, Math.floor(WHOLE_WEIGHT / Math.max(1, hosts.length)));
  for (const address of new Set(hosts.map((host) => host.address)))
    records.push({ labels, data: addressData(address) });
  for (const { label, address, ports } of hosts) {
    const own = [label, ...labels];
    const target = wireName([...own, ...origin]);
    records.push({ labels: own, data: addressData(address) });
    const plain = new Set<number>();
    for (const { name, protocol, port } of ports) {
      const data = { type: "SRV", priority: 0, weight, port, target } as const;
      if (name !== "") records.push({ labels: [`_${name}`, `_${protocol.toLowerCase()}`, ...labels], data });
      if (plain.has(port)) continue;
      plain.add(port);
      records.push({ labels, data }, { labels: own, data });
    }
  }
  return records;
}

function clusterIpRecords(
  { spec }: Service,
  { labels, origin }: { labels: readonly string[]; origin: readonly string[] },
): ZoneRecord[] {
  const { clusterIP = "", clusterIPs = [clusterIP] } = spec;
  if (clusterIP === "") return [];
  const target = wireName([...labels, ...origin]);
  const records: ZoneRecord[] = clusterIPs.map((address) => ({ labels, data: addressData(address) }));
  const plain = new Set<number>();
  for (const { name = "", protocol, port } of (spec.ports ?? []).map(portOf)) {
    const data = { type: "SRV", priority: 0, weight: WHOLE_WEIGHT, port, target } as const;
    if (name !== "") records.push({ labels: [`_${name}`, `_${protocol.toLowerCase()}`, ...labels], data });
    // Two protocols on one port are one record of the Service itself.
    if (!plain.has(port)) records.push({ labels, data });
    plain.add(port);
  }
  return records;
}

/** Ready endpoints, each once, whatever slices it is in. */
function hostsOf(slices: readonly EndpointSlice[]): Host[] {
  const hosts = new Map<string, { label: string; address: string; ports: Map<string, Port> }>();
  for (const { endpoints = [], ports = [], addressType } of slices) {
    if (addressType === "FQDN") continue;
    for (const { addresses, conditions, hostname } of endpoints ?? []) {
      if (conditions.ready === false) continue;
      for (const address of addresses) {
        const label = hostname ?? address.replaceAll(/[.:]/g, "-");
        const key = `${label} ${address}`;
        const host = hosts.get(key) ?? { label, address, ports: new Map<string, Port>() };
        hosts.set(key, host);
        for (const port of (ports ?? []).map(portOf))
          host.ports.set(`${port.name} ${port.protocol} ${port.port}`, port);
      }
    }
  }
  return [...hosts.values()].map((host) => ({ ...host, ports: [...host.ports.values()] }));
}

function portOf({ name = "", protocol = "TCP", port }: ServicePort | SlicePort): Port {
  return { name, protocol, port };
}

function addressData(address: string): ZoneRecord["data"] {
  return address.includes(":") ? { type: "AAAA", address } : { type: "A", address };
}
