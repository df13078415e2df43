import type { FlowRecord, Observation } from "#router/observe/observation.ts";
import { eventOf, gapEvent, restartedEvent, type Changes, type NewEvent } from "./changes.ts";
import { RouterRecord, TIMED_MS, type News } from "./collect/router-record.ts";
import type { PortBucket, Traffic } from "./collect/traffic.ts";
import type { KnownEdge } from "./model/links.ts";
import type { Gap, StoredEvent } from "./store/batch.ts";
import { BUCKET_MS } from "./store/history-table.ts";
import type { Store } from "./store/store.ts";
import type { FlowView } from "./views.ts";

const MINUTE_MS = 60_000;
/** An observer that was away for less has no gap to tell of. */
const AWAY_MS = 2000;

export interface RecorderOptions {
  readonly store: Store;
  readonly traffic: Traffic;
  readonly changes: Changes;
  readonly siteName: (siteId: string) => string | undefined;
}

/** What is new since the round before, oldest first. */
export interface RoundNews {
  readonly flows: readonly FlowView[];
  readonly events: readonly StoredEvent[];
}

/**
 * Turns what answers brought into what is kept: numbers flows and events, closes ten seconds of history at a time, tells gaps, and
 * writes it all once a round.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #heard = new Set<RouterRecord>();
  #flows: FlowView[] = [];
  #events: NewEvent[] = [];
  #gaps: Gap[] = [];
  #lastFlowId: number;
  #lastEventId: number;
  #bucketMs: number;
  #coveredMs = 0;
  /** When anybody was heard last; undefined when never. */
  #lastHeardMs: number | undefined;
  /** Nobody was heard by this process yet. */
  #resuming = true;
  #unseen: { atMs: number; unsampled: number; lost: number }[] = [];
  readonly #keptTexts = new Map<string, string>();

  constructor(options: RecorderOptions, nowMs: number) {
    this.#options = options;
    const { flows, events } = options.store.now;
    this.#lastFlowId = flows.lastId;
    this.#lastEventId = events.lastId;
    this.#bucketMs = bucketOf(nowMs);
  }

  /** Brings back what an observer before this one had: totals, how far routers were read, and when it ended. */
  restore(records: Map<string, RouterRecord>): void {
    const { store, traffic, changes } = this.#options;
    for (const { router, ...life } of store.now.lives()) {
      const record = new RouterRecord({ facts: router, observedMs: life.heardMs, ...life });
      records.set(record.key, record);
      this.#lastHeardMs = Math.max(this.#lastHeardMs ?? 0, life.heardMs);
    }
    for (const { facts, ...row } of store.now.rows()) traffic.restore(facts, row);
    changes.restore({ sites: store.now.kept("sites"), services: store.now.kept("services") });
    changes.expectLost(records.keys());
  }

  take(record: RouterRecord, news: News, said: Observation): void {
    const { siteName } = this.#options;
    this.#heard.add(record);
    const nowMs = record.observedMs;
    for (const flow of news.flows) this.#flows.push(this.#flow(flow, record));
    for (const event of news.events) this.#events.push(eventOf(event, { record, siteName }));
    if (news.life === "restarted") this.#events.push(restartedEvent(record, nowMs));
    if (news.sinceMs !== undefined && news.sinceMs > TIMED_MS)
      this.#gaps.push({ fromMs: nowMs - news.sinceMs, toMs: nowMs, router: record.key });
    const { flowsUnsampled: unsampled, flowsLost: lost } = said;
    if (unsampled > 0 || lost > 0) this.#unseen.push({ atMs: nowMs, unsampled, lost });
    this.#heardAt(nowMs);
  }

  tell(events: readonly NewEvent[]): void {
    this.#events.push(...events);
  }

  /** Flows of the last minute that are in no list. */
  unseen(nowMs: number): { readonly unsampled: number; readonly lost: number } {
    this.#unseen = this.#unseen.filter(({ atMs }) => nowMs - atMs <= MINUTE_MS);
    return {
      unsampled: this.#unseen.reduce((sum, one) => sum + one.unsampled, 0),
      lost: this.#unseen.reduce((sum, one) => sum + one.lost, 0),
    };
  }

  /** The ten seconds that run: what of them is not in the store. */
  open(service: string): {
    readonly atMs: number;
    readonly coveredMs: number;
    readonly ports: readonly PortBucket[];
  } {
    return {
      atMs: this.#bucketMs,
      coveredMs: this.#coveredMs,
      ports: this.#options.traffic.openBuckets(service),
    };
  }

  /** Writes the round. With `last` the ten seconds that run, too. */
  endOfRound(
    nowMs: number,
    { edges, last = false }: { readonly edges: ReadonlyMap<string, KnownEdge>; readonly last?: boolean },
  ): RoundNews {
    const { store, traffic } = this.#options;
    const news = { flows: this.#flows, events: this.#numbered(this.#events) };
    const closes = last || bucketOf(nowMs) !== this.#bucketMs;
    const trouble = store.write({
      atMs: nowMs,
      ...news,
      gaps: this.#gaps,
      lives: [...this.#heard].map(({ facts: router, epoch, flowsSeen, eventsSeen, observedMs: heardMs }) => ({
        router,
        epoch,
        flowsSeen,
        eventsSeen,
        heardMs,
      })),
      kept: this.#kept(edges),
      ...(closes
        ? { bucket: { atMs: this.#bucketMs, coveredMs: this.#coveredMs, ...traffic.closeBucket() } }
        : {}),
    });
    this.#flows = [];
    this.#events = [];
    this.#gaps = [];
    this.#heard.clear();
    if (closes) {
      this.#bucketMs = bucketOf(nowMs);
      this.#coveredMs = 0;
    }
    if (trouble !== undefined)
      this.#events.push({ atMs: nowMs, kind: "ObserverGap", severity: "warning", message: trouble.message });
    return news;
  }

  #heardAt(nowMs: number): void {
    const before = this.#lastHeardMs;
    this.#lastHeardMs = nowMs;
    const awayMs = before === undefined ? 0 : nowMs - before;
    const resuming = this.#resuming;
    this.#resuming = false;
    if (before === undefined || awayMs <= 0) return;
    const isGap = resuming ? awayMs > AWAY_MS : awayMs > TIMED_MS;
    if (!isGap) {
      if (!resuming) this.#coveredMs += awayMs;
      return;
    }
    this.#gaps.push({ fromMs: before, toMs: nowMs });
    const why = resuming ? "the observer was away" : "no router was heard";
    this.#events.push(gapEvent(before, nowMs, why));
  }

  #flow(flow: FlowRecord, { facts }: RouterRecord): FlowView {
    return {
      ...flow,
      id: ++this.#lastFlowId,
      sourceSiteId: facts.siteId,
      sourceSite: facts.siteName,
      router: facts.id,
    };
  }

  #numbered(events: readonly NewEvent[]): StoredEvent[] {
    return events
      .toSorted((a, b) => a.atMs - b.atMs)
      .map((event) => Object.assign({ id: ++this.#lastEventId }, event));
  }

  /** Small things, where they are others than those that were written. */
  #kept(edges: ReadonlyMap<string, KnownEdge>): Record<string, unknown> {
    const { changes } = this.#options;
    const changed: Record<string, unknown> = {};
    const known = [...edges.values()].map(({ edge }) => ({
      ...edge,
      rttMs: 0,
      streams: 0,
      bytesForth: 0,
      bytesBack: 0,
    }));
    for (const [key, value] of [
      ["edges", known],
      ["sites", changes.sites],
      ["services", changes.services],
    ] as const) {
      const text = JSON.stringify(value);
      if (this.#keptTexts.get(key) === text) continue;
      this.#keptTexts.set(key, text);
      changed[key] = value;
    }
    return changed;
  }
}

function bucketOf(atMs: number): number {
  return Math.floor(atMs / BUCKET_MS) * BUCKET_MS;
}
