import { DURATION_BOUNDS_MS } from "../observe/observation.ts";
import type { ServiceCounts } from "../observe/service-watch.ts";
import { TrafficCounts } from "../observe/traffic-row.ts";
import type { Labels, Page, Sample } from "./page.ts";

export interface TrafficSource {
  readonly rows: Iterable<TrafficCounts>;
  /** Rows that were not made for their bound. */
  readonly rowOverflows: number;
  readonly watched: Iterable<ServiceCounts>;
  /** Name of a site, for people; another one for each. */
  readonly siteLabel: (siteId: string) => string;
  /** This router's. */
  readonly siteId: string;
}

const BOUNDS_SECONDS = DURATION_BOUNDS_MS.map((ms) => ms / 1000);

/** A sum over the endpoints of a site. */
interface Sum {
  readonly row: TrafficCounts;
  readonly labels: Record<string, string | number>;
}

/** What clients of this site asked for: by service, port, protocol and destination, never by client or endpoint. */
export function pageTraffic(page: Page, source: TrafficSource): void {
  const sums = sumsOf(source);
  const http = sums.filter(({ row }) => row.key.protocol !== "tcp");
  const tcp = sums.filter(({ row }) => row.key.protocol === "tcp");
  page.counter(
    "isthmus_requests_total",
    "HTTP requests that are over, by class of their answer; of gRPC the status of the call decides",
    http.flatMap(({ labels, row }) =>
      [...codesOf(row)].map(([code, count]): Sample => [{ ...labels, code_class: code }, count]),
    ),
  );
  page.histogram("isthmus_request_duration_seconds", {
    help: "From the request's head until its answer was sent",
    bounds: BOUNDS_SECONDS,
    samples: http.map(({ labels, row }) => ({
      labels,
      counts: row.durations,
      sum: row.durationSumMs / 1000,
    })),
  });
  page.gauge(
    "isthmus_requests_active",
    "HTTP requests that run",
    perSum(http, (row) => row.active),
  );
  page.counter(
    "isthmus_connections_total",
    "TCP connections of clients",
    perSum(tcp, (row) => row.total),
  );
  page.gauge(
    "isthmus_connections",
    "TCP connections of clients now",
    perSum(tcp, (row) => row.active),
  );
  page.histogram("isthmus_connect_duration_seconds", {
    help: "From a client's TCP connection until an endpoint had it",
    bounds: BOUNDS_SECONDS,
    samples: tcp.map(({ labels, row }) => ({ labels, counts: row.durations, sum: row.durationSumMs / 1000 })),
  });
  page.counter(
    "isthmus_bytes_total",
    "Bytes between clients and endpoints; of HTTP/2 those of bodies",
    sums.flatMap(({ labels, row }): Sample[] => [
      [{ ...labels, direction: "to_endpoint" }, row.bytesToEndpoint],
      [{ ...labels, direction: "to_client" }, row.bytesToClient],
    ]),
  );
  page.counter(
    "isthmus_retries_total",
    "Attempts after which another one was made",
    perSum(sums, (row) => row.retries),
  );
  page.counter(
    "isthmus_failures_total",
    "Requests answered with 5xx by the router or broken off, connections refused or reset by others than their clients",
    perSum(sums, (row) => row.failures),
  );
  const watched = [...source.watched];
  page.counter(
    "isthmus_ejections_total",
    "Endpoints put aside after failures",
    watched.map((one): Sample => [labelsOf(one), one.ejections]),
  );
  page.counter(
    "isthmus_failovers_total",
    "Times that a worse tier was taken into use",
    watched.map((one): Sample => [labelsOf(one), one.failovers]),
  );
  page.gauge(
    "isthmus_failover_active",
    "Whether a worse tier serves and what it took over from is not back",
    watched.map((one): Sample => [labelsOf(one), one.failedOver ? 1 : 0]),
  );
  page.counter(
    "isthmus_router_traffic_row_overflows_total",
    "Rows of traffic that were not made for their bound",
    [[{}, source.rowOverflows]],
  );
}

function sumsOf({ rows, siteLabel, siteId }: TrafficSource): Sum[] {
  const sums = new Map<string, Sum>();
  const here = siteLabel(siteId);
  for (const row of rows) {
    const { service, port, protocol, siteId: to } = row.key;
    const key = `${service}:${port} ${protocol} ${to}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      const there = to === "" ? "" : siteLabel(to);
      const labels = { source_site: here, destination_site: there, service, port, protocol };
      sum = { row: new TrafficCounts({ ...row.key, endpoint: `${to}/` }), labels };
      sums.set(key, sum);
    }
    sum.row.absorb(row);
    sum.row.active += row.active;
    sum.row.bytesToEndpoint += row.liveToEndpoint;
    sum.row.bytesToClient += row.liveToClient;
  }
  return [...sums.values()];
}

/** `none`: the client left before there was an answer. */
function* codesOf(row: TrafficCounts): Iterable<[string, number]> {
  let answered = 0;
  for (const [index, count] of row.codes.entries()) {
    answered += count;
    if (index > 0 || count > 0) yield [`${index + 1}xx`, count];
  }
  if (row.total > answered) yield ["none", row.total - answered];
}

function perSum(sums: readonly Sum[], value: (row: TrafficCounts) => number): Sample[] {
  return sums.map(({ labels, row }) => [labels, value(row)]);
}

function labelsOf({ service, port }: ServiceCounts): Labels {
  return { service, port };
}
