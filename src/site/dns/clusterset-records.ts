import type { ServiceImport } from "#api/kinds/service-import.ts";
import { wireName } from "#dns/name.ts";
import type { ZoneRecord } from "#dns/zone.ts";

/**
 * DNS records of an imported service (KEP-1645, "DNS Specification"): A and AAAA of its clusterset addresses, and SRV for each
 * named port and on the name itself. `origin` is the zone's. An import without addresses has none yet; a headless one is not
 * served so far.
 */
export function clustersetRecords(imported: ServiceImport, origin: readonly string[]): ZoneRecord[] {
  const { type, ips = [], ports } = imported.spec;
  const { name, namespace = "" } = imported.metadata;
  if (type !== "ClusterSetIP" || ips.length === 0) return [];
  const labels = [name, namespace, "svc"];
  const target = wireName([...labels, ...origin]);
  const records: ZoneRecord[] = ips.map((address) => ({
    labels,
    data: address.includes(":") ? { type: "AAAA", address } : { type: "A", address },
  }));
  const plain = new Set<number>();
  for (const { name: portName, protocol = "TCP", port } of ports) {
    const data = { type: "SRV", priority: 0, weight: 100, port, target } as const;
    // Two protocols on one port are one record of the service itself: nothing in it tells them apart.
    if (!plain.has(port)) records.push({ labels, data });
    plain.add(port);
    if (portName !== undefined && portName !== "")
      records.push({ labels: [`_${portName}`, `_${protocol.toLowerCase()}`, ...labels], data });
  }
  return records;
}
