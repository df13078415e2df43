import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { Link } from "#link/types.ts";
import type { Flow } from "../flow/flow.ts";
import type { LinkState, RouterState } from "../state.ts";
import { EventLog } from "./event-log.ts";
import { FlowLog, type Whereabouts } from "./flow-log.ts";
import type { LinkTraffic, Observation, ObservedRouter, TrafficRow } from "./observation.ts";
import { ServiceWatch } from "./service-watch.ts";
import { TrafficLedger } from "./traffic-ledger.ts";
import type { TrafficCounts } from "./traffic-row.ts";

/** Records, events and rows in one answer; `more` says that there are others. */
const MOST_FLOWS = 1000;
const MOST_EVENTS = 500;
const MOST_ROWS = 2000;
/** Endpoints that are gone are looked for this often, ms. */
const SWEEP_MS = 30_000;

/** What is asked of the router when somebody wants to know. */
export interface Told {
  router(): Omit<ObservedRouter, "startedMs" | "memoryBytes" | "cpuSeconds">;
  flows(): Iterable<Flow>;
  links(): Iterable<Link>;
  linkStates(): readonly LinkState[];
  state(): RouterState;
  /** Its name, and who is passed on the way there. */
  where(siteId: string): Whereabouts;
  knows(service: string, endpoint: string): boolean;
}

export interface TellingOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Of this process: when it is another one, counts began anew. */
  readonly epoch: string;
  readonly told: Told;
}

/** What this router tells those who observe it. They keep the cursors; here is nothing that knows of them. */
export class Telling {
  readonly ledger = new TrafficLedger();
  readonly flows: FlowLog;
  readonly events: EventLog;
  readonly watch: ServiceWatch;
  readonly #options: TellingOptions;
  readonly #startedMs: number;
  readonly #stopSweeping: () => void;
  #stateVersion = 1;
  #linksTold = "";

  constructor(options: TellingOptions) {
    const { clock, random, told } = options;
    this.#options = options;
    this.#startedMs = clock.now();
    this.flows = new FlowLog({ clock, random, where: (siteId) => told.where(siteId) });
    this.events = new EventLog(clock);
    this.watch = new ServiceWatch(this.events);
    this.#stopSweeping = clock.every(SWEEP_MS, () => this.#sweep());
  }

  stop(): void {
    this.#stopSweeping();
  }

  /** The router's state is another one. */
  stateChanged(): void {
    this.#stateVersion++;
  }

  /** All rows, with the bytes of connections that live. */
  rows(): Iterable<TrafficCounts> {
    for (const row of this.ledger.rows) {
      row.liveToEndpoint = 0;
      row.liveToClient = 0;
    }
    for (const { row, near, far, countedToEndpoint, countedToClient } of this.#options.told.flows()) {
      if (row === undefined) continue;
      row.liveToEndpoint += (near?.received ?? 0) - countedToEndpoint;
      row.liveToClient += (far?.received ?? 0) - countedToClient;
    }
    return this.ledger.rows;
  }

  /** What is newer than the cursor that the query has; everything where it has none, or is of another epoch. */
  observe(query: URLSearchParams): Observation {
    const { clock, epoch, told } = this.#options;
    const cursor = query.get("epoch") === epoch ? query : new URLSearchParams();
    const flows = this.flows.since(numberOf(cursor, "flows"), MOST_FLOWS);
    const events = this.events.since(numberOf(cursor, "events"), MOST_EVENTS);
    const traffic = this.#traffic(numberOf(cursor, "traffic") ?? 0);
    const stateVersion = this.#currentStateVersion();
    const { rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      router: {
        ...told.router(),
        startedMs: this.#startedMs,
        memoryBytes: rss,
        cpuSeconds: (user + system) / 1e6,
      },
      atMs: clock.now(),
      ...(numberOf(cursor, "state") === stateVersion ? {} : { state: told.state() }),
      links: [...told.links()].map(trafficOf),
      traffic: traffic.rows,
      flows: flows.flows,
      flowsLost: flows.lost,
      flowsUnsampled: flows.unsampled,
      events: events.events,
      eventsLost: events.lost,
      next: {
        epoch,
        flows: flows.next,
        events: events.next,
        traffic: traffic.next,
        state: stateVersion,
      },
      more: traffic.more || flows.next < this.flows.seq || events.next < this.events.seq,
    };
  }

  /** A link that cannot be made changes its words without telling anybody. */
  #currentStateVersion(): number {
    const links = JSON.stringify(
      this.#options.told
        .linkStates()
        .map(({ name, direction, state, lanes, error }) => [name, direction, state, lanes, error]),
    );
    if (links !== this.#linksTold) this.#stateVersion++;
    this.#linksTold = links;
    return this.#stateVersion;
  }

  /** Rows that changed after version `cursor`, those that changed first before others. */
  #traffic(cursor: number): { readonly rows: TrafficRow[]; readonly next: number; readonly more: boolean } {
    const rows = this.rows();
    const version = this.ledger.settle();
    let changed: TrafficCounts[] = [];
    for (const row of rows) if (row.version > cursor) changed.push(row);
    let next = version;
    const more = changed.length > MOST_ROWS;
    if (more) {
      changed.sort((a, b) => a.version - b.version);
      // Rows of one version belong together: the cursor cannot stop between them.
      next = (changed[MOST_ROWS - 1] as TrafficCounts).version;
      changed = changed.filter((row) => row.version <= next);
    }
    return { rows: changed.map((row) => this.#rowOf(row)), next, more: next < version };
  }

  #rowOf(row: TrafficCounts): TrafficRow {
    const { key } = row;
    return {
      service: key.service,
      port: key.port,
      protocol: key.protocol,
      destinationSiteId: key.siteId,
      destinationSite: key.siteId === "" ? "" : this.#options.told.where(key.siteId).name,
      endpoint: key.endpoint,
      endpointName: row.endpointName,
      total: row.total,
      active: row.active,
      codes: row.codes.slice(),
      failures: row.failures,
      retries: row.retries,
      bytesToEndpoint: row.bytesToEndpoint + row.liveToEndpoint,
      bytesToClient: row.bytesToClient + row.liveToClient,
      durations: row.durations.slice(),
      durationSumMs: Math.round(row.durationSumMs * 1000) / 1000,
    };
  }

  #sweep(): void {
    const { clock, told } = this.#options;
    this.ledger.sweep(clock.monotonicMs(), ({ service, endpoint }) => told.knows(service, endpoint));
  }
}

function trafficOf(link: Link): LinkTraffic {
  const { name, direction, remote, rttMs } = link;
  const { bytesIn, bytesOut, streams, bufferedBytes } = link.stats();
  return {
    name,
    remoteSiteId: remote.siteId,
    remoteRouterId: remote.routerId,
    direction,
    bytesIn,
    bytesOut,
    streams,
    bufferedBytes,
    rttMs: Math.round(rttMs * 100) / 100,
  };
}

/** A count of the cursor; undefined where it is missing or no number. */
function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text !== null && /^[0-9]{1,16}$/.test(text) ? Number(text) : undefined;
}
