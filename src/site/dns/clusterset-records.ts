import type { EndpointSlice } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { MAX_LABEL_BYTES, MAX_NAME_BYTES } from "#dns/constants.ts";
import { wireName } from "#dns/name.ts";
import type { ZoneRecord } from "#dns/zone.ts";
import { MCS_CLUSTER_LABEL, PIN_ADDRESSES_ANNOTATION } from "../names.ts";

export interface ClustersetInput {
  readonly imported: ServiceImport;
  /** Those of the import, of all clusters. */
  readonly slices: readonly EndpointSlice[];
  /** Labels of the zone. */
  readonly origin: readonly string[];
  /** By the letter of KEP-1645: no name for one cluster of a service. */
  readonly strict: boolean;
}

export interface ClustersetRecords {
  readonly records: readonly ZoneRecord[];
  /** Names that DNS has no room for. */
  readonly left: readonly string[];
}

interface Port {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

/**
 * DNS records of an imported service. KEP-1645, "DNS Specification":
 *
 *     <service>                       A, AAAA  clusterset addresses; headless: every ready endpoint of all clusters
 *     <service>, _port._proto.<service>   SRV  to <service>; headless: to each endpoint by name
 *     <hostname>.<cluster>.<service>  A, AAAA  headless: that endpoint
 *
 * and beyond it, unless `strict`, `<cluster>.<service>` with A, AAAA and SRV: that cluster alone. Nothing of a cluster that cannot be reached,
 * and nothing at all of a headless service without a ready endpoint (the KEP: NXDOMAIN). Pure; the order of the slices does not
 * matter. A cluster's id may have a dot.
 */
export function clustersetRecords(input: ClustersetInput): ClustersetRecords {
  const { imported } = input;
  const { type, ips = [], ports } = imported.spec;
  const book = new Records(input);
  const slices = input.slices.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  if (type === "Headless") {
    for (const slice of slices) headless(book, slice, { pins: !input.strict });
    return book.result();
  }
  const named = ports.map(({ name = "", protocol = "TCP", port }) => ({ name, protocol, port }));
  if (ips.length > 0) {
    book.addresses([], ips);
    book.services([], { ports: named, target: [] });
  }
  if (input.strict) return book.result();
  for (const slice of slices) {
    const cluster = clusterOf(slice);
    const addresses = slice.metadata.annotations?.[PIN_ADDRESSES_ANNOTATION];
    if (cluster === undefined || addresses === undefined) continue;
    const here = cluster.split(".");
    book.addresses(here, addresses.split(","));
    book.services(here, { ports: portsOf(slice), target: here });
  }
  return book.result();
}

function headless(book: Records, slice: EndpointSlice, { pins }: { readonly pins: boolean }): void {
  const cluster = clusterOf(slice)?.split(".");
  if (cluster === undefined) return;
  const ports = portsOf(slice);
  for (const { hostname, addresses, conditions } of slice.endpoints ?? []) {
    if (conditions?.ready === false || hostname === undefined) continue;
    const target = [hostname, ...cluster];
    // Its address is of no use to who cannot name it, and the other way round.
    if (!book.addresses(target, addresses)) continue;
    for (const at of pins ? [[], cluster] : [[]]) {
      book.addresses(at, addresses);
      book.services(at, { ports, target });
    }
  }
}

function clusterOf(slice: EndpointSlice): string | undefined {
  const cluster = slice.metadata.labels?.[MCS_CLUSTER_LABEL];
  return cluster === "" ? undefined : cluster;
}

function portsOf(slice: EndpointSlice): Port[] {
  return (slice.ports ?? []).flatMap(({ name = "", protocol = "TCP", port }) =>
    port === undefined ? [] : { name, protocol, port },
  );
}

/** Records of one service, each once, by labels before the service's name. */
class Records {
  readonly #suffix: readonly string[];
  readonly #origin: readonly string[];
  readonly #records: ZoneRecord[] = [];
  readonly #seen = new Set<string>();
  readonly #left = new Set<string>();

  constructor({ imported, origin }: ClustersetInput) {
    const { name, namespace = "" } = imported.metadata;
    this.#suffix = [name, namespace, "svc"];
    this.#origin = origin;
  }

  /** False: DNS has no room for the name. */
  addresses(at: readonly string[], addresses: readonly string[]): boolean {
    const labels = this.#labels(at);
    if (labels === undefined) return false;
    for (const address of addresses) {
      const data = address.includes(":")
        ? ({ type: "AAAA", address } as const)
        : ({ type: "A", address } as const);
      this.#add({ labels, data }, address);
    }
    return true;
  }

  /** Each port number at the name itself (two protocols on one number are one record: nothing tells them apart), and each named port. */
  services(
    at: readonly string[],
    { ports, target: to }: { readonly ports: readonly Port[]; readonly target: readonly string[] },
  ): void {
    const target = this.#labels(to);
    if (target === undefined) return;
    const wire = wireName([...target, ...this.#origin]);
    for (const { name, protocol, port } of ports) {
      const data = { type: "SRV", priority: 0, weight: 100, port, target: wire } as const;
      const text = `${port} ${target.join(".")}`;
      const labels = this.#labels(at);
      if (labels !== undefined) this.#add({ labels, data }, text);
      if (name === "") continue;
      const named = this.#labels([`_${name}`, `_${protocol.toLowerCase()}`, ...at]);
      if (named !== undefined) this.#add({ labels: named, data }, text);
    }
  }

  result(): ClustersetRecords {
    return { records: this.#records, left: [...this.#left] };
  }

  #labels(at: readonly string[]): readonly string[] | undefined {
    const labels = [...at, ...this.#suffix];
    const all = [...labels, ...this.#origin];
    const bytes = all.reduce((sum, label) => sum + 1 + Buffer.byteLength(label), 1);
    const fits = all.every((label) => label !== "" && Buffer.byteLength(label) <= MAX_LABEL_BYTES);
    if (bytes <= MAX_NAME_BYTES && fits) return labels;
    this.#left.add(all.join("."));
    return undefined;
  }

  #add(record: ZoneRecord, text: string): void {
    const key = `${record.labels.join(".")} ${record.data.type} ${text}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#records.push(record);
  }
}
