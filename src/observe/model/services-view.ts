import type { Series } from "../collect/traffic.ts";
import type { ServiceRow, ServicesView } from "../views.ts";
import { cents, LoadSum } from "./load.ts";
import type { Moment } from "./moment.ts";
import { serviceState } from "./service-state.ts";
import type { Topology, TopologyService } from "./topology.ts";
import { wantedShares, type ClientWork } from "./wanted-shares.ts";

export interface ServicesInput {
  readonly moment: Moment;
  readonly topology: Topology;
  /** By service. */
  readonly traffic: ReadonlyMap<string, Iterable<Series>>;
}

/** All services of the network, by name. */
export function servicesView({ moment, topology, traffic }: ServicesInput): ServicesView {
  const services = [...topology.services.values()].map((service) =>
    serviceRow(service, { moment, topology, series: traffic.get(service.service) ?? [] }),
  );
  return { atMs: moment.atMs, services: services.toSorted((a, b) => (a.service < b.service ? -1 : 1)) };
}

export function serviceRow(
  service: TopologyService,
  { moment, topology, series }: { moment: Moment; topology: Topology; series: Iterable<Series> },
): ServiceRow {
  const sum = new LoadSum();
  const bySite = new Map<string, number>();
  const work: ClientWork[] = [];
  let protocol: string | undefined;
  let sent = 0;
  for (const { endpoint, site, port, protocol: spoken, rows } of series) {
    let reached = 0;
    for (const row of rows.values()) {
      const total = sum.add(row, moment);
      if (total === 0) continue;
      reached += total;
      work.push({ siteId: row.siteId, port, total });
    }
    if (reached > 0) protocol = spoken;
    protocol ??= spoken;
    if (endpoint === "" || reached === 0) continue;
    sent += reached;
    bySite.set(site, (bySite.get(site) ?? 0) + reached);
  }
  const load = sum.load();
  const { endpoints, ports, derived } = service;
  derived.podsReady ??= endpoints.filter(({ ready }) => ready).length;
  const wanted = wantedShares(service, { selfId: topology.selfId, work })?.bySite;
  const sites = service.sites.map((id) => topology.sites.get(id)?.name ?? id);
  return {
    service: service.service,
    protocol: protocol ?? service.protocol,
    ports,
    load,
    podsReady: derived.podsReady,
    pods: endpoints.length,
    sites,
    shares: [...new Set([...sites, ...bySite.keys(), ...(wanted?.keys() ?? [])])].map((site) => {
      const percent = sent === 0 ? 0 : cents(((bySite.get(site) ?? 0) / sent) * 100);
      return wanted === undefined
        ? { site, percent }
        : { site, percent, wantedPercent: cents(wanted.get(site) ?? 0) };
    }),
    state: serviceState(service, sum.total > 0 || load.active > 0),
  };
}
