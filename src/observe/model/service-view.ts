import { totalOf, type Series } from "../collect/traffic.ts";
import type { PodRow, ServiceView } from "../views.ts";
import { cents, LoadSum } from "./load.ts";
import type { Moment } from "./moment.ts";
import { serviceRow } from "./services-view.ts";
import type { Topology, TopologyService } from "./topology.ts";
import { shareKey, wantedShares, type ClientWork } from "./wanted-shares.ts";

/** Of a client site's policy for the service, as its router explained it. */
export interface PolicyWords {
  readonly mode: string;
  readonly spread: string;
  readonly algorithm: string;
}

export interface ServiceInput {
  readonly moment: Moment;
  readonly topology: Topology;
  readonly service: TopologyService;
  readonly series: readonly Series[];
  /** The port that has the most work when absent. */
  readonly port?: number | undefined;
  /** What is known of the policies of client sites. */
  readonly policyOf: (siteId: string, port: number) => PolicyWords | undefined;
}

/** One port of a service: its pods and its clients. */
export function serviceView(input: ServiceInput): ServiceView {
  const { moment, topology, service, series } = input;
  const port = input.port ?? busiestPort(input);
  const ofPort = series.filter((one) => one.port === port);
  return {
    atMs: moment.atMs,
    row: serviceRow(service, { moment, topology, series }),
    port,
    pods: podRows(input, { ofPort, port }),
    clients: clientRows(input, { ofPort, port }),
  };
}

function busiestPort({ service, series }: ServiceInput): number {
  const totals = new Map<number, number>();
  for (const one of series) totals.set(one.port, (totals.get(one.port) ?? 0) + totalOf(one));
  const [busiest] = [...totals].toSorted(([, a], [, b]) => b - a);
  return busiest?.[0] ?? service.ports[0] ?? 0;
}

/** Ready or not, all that are offered; and those that are not any more but had work in the window. */
function podRows(
  { moment, topology, service }: ServiceInput,
  { ofPort, port }: { ofPort: readonly Series[]; port: number },
): PodRow[] {
  const sums = new Map<string, { sum: LoadSum; total: number; series: Series }>();
  const work: ClientWork[] = [];
  let sent = 0;
  for (const series of ofPort) {
    if (series.endpoint === "") continue;
    const known = sums.get(series.endpoint) ?? { sum: new LoadSum(), total: 0, series };
    for (const row of series.rows.values()) {
      const total = known.sum.add(row, moment);
      sent += total;
      work.push({ siteId: row.siteId, port, total });
    }
    known.total += totalOf(series);
    sums.set(series.endpoint, known);
  }
  const wanted = wantedShares(service, { selfId: topology.selfId, work, port })?.byPod;
  const rows = service.endpoints.map(({ endpoint, name, site, siteId, ready }): PodRow => {
    const measured = sums.get(endpoint);
    sums.delete(endpoint);
    const share = wanted?.get(shareKey(site, name));
    return {
      endpoint,
      name,
      site,
      siteId,
      ready,
      load: (measured?.sum ?? new LoadSum()).load(),
      sharePercent: sent === 0 ? 0 : cents(((measured?.sum.total ?? 0) / sent) * 100),
      ...(share === undefined ? {} : { wantedPercent: cents(share) }),
      total: measured?.total ?? 0,
    };
  });
  for (const { sum, total, series } of sums.values()) {
    const load = sum.load();
    if (sum.total === 0 && load.active === 0) continue;
    const { endpoint, name, site, siteId } = series;
    const sharePercent = sent === 0 ? 0 : cents((sum.total / sent) * 100);
    rows.push({ endpoint, name, site, siteId, ready: false, load, sharePercent, total });
  }
  return rows.toSorted((a, b) => compare(a.site, b.site) || compare(a.name, b.name));
}

function clientRows(
  { moment, topology, service, policyOf }: ServiceInput,
  { ofPort, port }: { ofPort: readonly Series[]; port: number },
): ServiceView["clients"] {
  const sums = new Map<string, LoadSum>(service.clients.map((siteId) => [siteId, new LoadSum()]));
  for (const { rows } of ofPort) {
    for (const row of rows.values()) {
      let sum = sums.get(row.siteId);
      if (sum === undefined) {
        sum = new LoadSum();
        sums.set(row.siteId, sum);
      }
      sum.add(row, moment);
    }
  }
  return [...sums]
    .map(([siteId, sum]) => {
      const policy = policyOf(siteId, port);
      return {
        site: topology.sites.get(siteId)?.name ?? siteId,
        siteId,
        load: sum.load(),
        mode: policy?.mode ?? "",
        spread: policy?.spread ?? "",
        algorithm: policy?.algorithm ?? "",
      };
    })
    .toSorted(
      (a, b) =>
        Number(b.siteId === topology.selfId) - Number(a.siteId === topology.selfId) ||
        compare(a.site, b.site),
    );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
