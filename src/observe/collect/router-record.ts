import type {
  FlowRecord,
  LinkTraffic,
  Observation,
  ObservationCursor,
  ObservedRouter,
  RouterEvent,
} from "#router/observe/observation.ts";
import type { RouterState } from "#router/state.ts";
import { Window, WINDOW_ROUNDS } from "./window.ts";

/** What was not heard for longer is not news of now: it is counted, and no rate is made of it. */
export const TIMED_MS = 5000;
/** What a router said is shown as stale after this. */
export const STALE_MS = 3000;
/** A router that was not heard for so long is not shown. */
const SHOWN_MS = 120_000;

/** Where an answer was heard. */
export interface Heard {
  readonly nowMs: number;
  readonly round: number;
  /** The rest of an answer that came in parts. */
  readonly continued?: boolean;
}

/** The part of an answer that was not known. */
export interface News {
  readonly life: "same" | "restarted" | "first";
  /** Since the answer before, ms; undefined for the first one of a life. */
  readonly sinceMs: number | undefined;
  /** Whether rates and history take what was counted since. */
  readonly timed: boolean;
  readonly rounds: number;
  readonly stateChanged: boolean;
  readonly flows: readonly FlowRecord[];
  readonly events: readonly RouterEvent[];
}

interface LinkMeter {
  bytesIn: number;
  bytesOut: number;
  readonly window: Window;
}

/** One router: what it said last, and what is measured from one answer to the next. */
export class RouterRecord {
  /** Unique in the network: site/router. */
  readonly key: string;
  facts: ObservedRouter;
  state: RouterState | undefined;
  links: readonly LinkTraffic[] = [];
  /** Undefined until it was heard by this process. */
  cursor: ObservationCursor | undefined;
  epoch: string;
  /** When it was heard last, by the clock of the observer. */
  observedMs: number;
  flowsSeen: number;
  eventsSeen: number;
  /** By service: what its events say of how it is served here, where that is not well. */
  readonly troubles = new Map<string, "failover" | "down">();
  #learntSeq = 0;
  #round = 0;
  #rounds = 1;
  #timed = false;
  /** When it was heard in the rounds of the window, oldest first. */
  #heard: { readonly round: number; readonly ms: number }[] = [];
  #cpuSeconds = 0;
  #cpuPercent = 0;
  readonly #meters = new Map<string, LinkMeter>();

  constructor(input: {
    readonly facts: ObservedRouter;
    readonly epoch: string;
    readonly observedMs: number;
    readonly flowsSeen?: number;
    readonly eventsSeen?: number;
  }) {
    this.key = recordKey(input.facts);
    this.facts = input.facts;
    this.epoch = input.epoch;
    this.observedMs = input.observedMs;
    this.flowsSeen = input.flowsSeen ?? 0;
    this.eventsSeen = input.eventsSeen ?? 0;
  }

  get siteId(): string {
    return this.facts.siteId;
  }

  get cpuPercent(): number {
    return this.#cpuPercent;
  }

  isStale(nowMs: number): boolean {
    return nowMs - this.observedMs > STALE_MS;
  }

  isShown(nowMs: number): boolean {
    return nowMs - this.observedMs <= SHOWN_MS;
  }

  /** Over how long the rate window's sums of this router are, at a round; 0 while nothing was measured. */
  windowMs(round: number): number {
    const [first, second] = this.#heard;
    const last = this.#heard.at(-1);
    if (first === undefined || last === undefined || second === undefined) return 0;
    const from = round - WINDOW_ROUNDS;
    if (first.round >= from) return last.ms - first.ms;
    // The window begins between two answers: what came between them was given to the rounds in equal parts, too.
    const later = this.#heard.find((heard) => heard.round >= from) ?? last;
    const before = this.#heard[this.#heard.indexOf(later) - 1] ?? first;
    if (later.round <= from) return last.ms - later.ms;
    const part = (from - before.round) / (later.round - before.round);
    return last.ms - (before.ms + (later.ms - before.ms) * part);
  }

  /** What to ask with. */
  query(): string {
    const { cursor, epoch, flowsSeen, eventsSeen } = this;
    const { traffic, state } = cursor ?? { traffic: 0, state: 0 };
    // Troubles are known from events: a new process reads those again that are held.
    const events = cursor === undefined ? 0 : eventsSeen;
    return `epoch=${encodeURIComponent(epoch)}&flows=${flowsSeen}&events=${events}&traffic=${traffic}&state=${state}`;
  }

  /** Takes an answer over. The counts of its traffic rows are the caller's to take. */
  take(said: Observation, { nowMs, round, continued = false }: Heard): News {
    const restarted = said.next.epoch !== this.epoch;
    const first = this.cursor === undefined && !restarted;
    if (restarted) {
      this.epoch = said.next.epoch;
      this.flowsSeen = 0;
      this.eventsSeen = 0;
      this.#meters.clear();
      this.troubles.clear();
      this.#learntSeq = 0;
      this.#cpuSeconds = 0;
    }
    const known = this.cursor !== undefined;
    const sinceMs = nowMs - this.observedMs;
    // Of a life that began while this router was watched, everything is news of now; what others counted before is not.
    const timed = continued ? this.#timed : known && sinceMs <= TIMED_MS;
    const rounds = continued ? this.#rounds : Math.max(1, round - this.#round);
    this.#timed = timed;
    this.#rounds = rounds;
    if (!timed) this.#heard = [];
    if (continued) this.#heard.pop();
    this.#heard.push({ round, ms: nowMs });
    while ((this.#heard[1]?.round ?? round) <= round - WINDOW_ROUNDS) this.#heard.shift();
    // The same answer may come twice, when a router is reached by two ways.
    const flows = said.flows.filter(({ seq }) => seq > this.flowsSeen);
    const events = said.events.filter(({ seq }) => seq > this.eventsSeen);
    this.#learnTroubles(said);
    this.#measure(said, { round, rounds, timed, restarted, sinceMs });
    this.facts = said.router;
    if (said.state !== undefined) this.state = said.state;
    this.links = said.links;
    this.cursor = said.next;
    this.flowsSeen = Math.max(this.flowsSeen, said.next.flows, flows.at(-1)?.seq ?? 0);
    this.eventsSeen = Math.max(this.eventsSeen, said.next.events, events.at(-1)?.seq ?? 0);
    this.observedMs = nowMs;
    this.#round = round;
    return {
      life: restarted ? "restarted" : first ? "first" : "same",
      sinceMs: known && !continued ? sinceMs : undefined,
      timed,
      rounds,
      stateChanged: said.state !== undefined,
      flows,
      events,
    };
  }

  /** Bytes of the rate window over a link: [out of this router, into it]. */
  linkBytes(link: { readonly name: string; readonly direction: string }, round: number): [number, number] {
    let [out, into] = [0, 0];
    for (const traffic of this.links) {
      if (traffic.name !== link.name || traffic.direction !== link.direction) continue;
      const sums = this.#meters.get(meterKey(traffic))?.window.advance(round).sums;
      out += sums?.[0] ?? 0;
      into += sums?.[1] ?? 0;
    }
    return [out, into];
  }

  #learnTroubles({ events, eventsLost }: Observation): void {
    // The end of a trouble may be among those that were lost.
    if (eventsLost > 0) this.troubles.clear();
    for (const { seq, kind, service } of events) {
      if (seq <= this.#learntSeq) continue;
      this.#learntSeq = seq;
      if (service === undefined) continue;
      if (kind === "Failover") this.troubles.set(service, "failover");
      else if (kind === "NoEndpoints") this.troubles.set(service, "down");
      else if (kind === "Failback" || kind === "EndpointsBack") this.troubles.delete(service);
    }
  }

  #measure(
    said: Observation,
    how: { round: number; rounds: number; timed: boolean; restarted: boolean; sinceMs: number },
  ): void {
    const { cpuSeconds } = said.router;
    if (how.timed && !how.restarted && how.sinceMs > 0)
      this.#cpuPercent = Math.max(0, ((cpuSeconds - this.#cpuSeconds) / how.sinceMs) * 100_000);
    this.#cpuSeconds = cpuSeconds;
    const gone = new Set(this.#meters.keys());
    for (const traffic of said.links) {
      const key = meterKey(traffic);
      gone.delete(key);
      const { bytesIn, bytesOut } = traffic;
      let meter = this.#meters.get(key);
      if (meter === undefined) {
        // A link that came up while it was watched began at nothing; of any other nobody knows when its bytes went.
        const [knownIn, knownOut] = how.timed ? [0, 0] : [bytesIn, bytesOut];
        meter = { bytesIn: knownIn, bytesOut: knownOut, window: new Window(2, how.round) };
        this.#meters.set(key, meter);
      }
      const delta = Float64Array.of(grown(meter.bytesOut, bytesOut), grown(meter.bytesIn, bytesIn));
      if (how.timed) meter.window.add(delta, how);
      meter.bytesIn = bytesIn;
      meter.bytesOut = bytesOut;
    }
    for (const key of gone) this.#meters.delete(key);
  }
}

/** Routers of two sites may have one name. */
export function recordKey({ siteId, id }: Pick<ObservedRouter, "siteId" | "id">): string {
  return `${siteId}/${id}`;
}

/** A link that came up again counts from nothing. */
function grown(before: number, now: number): number {
  return now >= before ? now - before : now;
}

function meterKey({ name, direction, remoteSiteId, remoteRouterId }: LinkTraffic): string {
  return `${direction} ${remoteSiteId} ${remoteRouterId} ${name}`;
}
