import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { FlowRecord } from "./observation.ts";
import type { TrafficCounts } from "./traffic-row.ts";

/** Records held; the oldest go first. */
const MAX_RECORDS = 4096;
/** What their texts take at most, in characters. */
const MAX_CHARACTERS = 2 * 1024 * 1024;
/** Up to this rate every flow is recorded, per second. */
const FULL_RATE = 200;
/** Failures that sampling left out are recorded nevertheless, up to this rate, per second. */
const FAILURE_RATE = 50;
/** The rate is looked at so often, ms. */
const WINDOW_MS = 250;
const FULL = (FULL_RATE * WINDOW_MS) / 1000;
/** After a pause so many are recorded in full, whatever their rate; where less than a quarter of it is left, the rate decides. */
const BURST = 400;
const FAILURES = Math.ceil((FAILURE_RATE * WINDOW_MS) / 1000);
/** What a record takes beside its texts, in characters. */
const RECORD_CHARACTERS = 200;

/** What is known of a flow when it ends. */
export interface EndedFlow extends Pick<
  FlowRecord,
  "client" | "durationMs" | "bytesToEndpoint" | "bytesToClient" | "attempts" | "why"
> {
  /** Whose it was. */
  readonly row: TrafficCounts;
  readonly failed: boolean;
  /** Why, where this router knows; what the endpoint answered says for itself. */
  readonly reason: string | undefined;
  readonly http: FlowRecord["http"];
}

/** The name of a site, and the ids of those on the way there. */
export interface Whereabouts {
  readonly name: string;
  readonly path: readonly string[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NOWHERE: Whereabouts = { name: "", path: [] };

interface Held {
  readonly record: FlowRecord;
  /** Flows that were not recorded, of all that ended before this one. */
  readonly unsampledBefore: number;
  readonly characters: number;
}

export interface FlowLogOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly where?: (siteId: string) => Whereabouts;
  readonly maxRecords?: number;
  readonly maxCharacters?: number;
}

/**
 * What ended lately, flow by flow, in bounded memory. Up to 200 a second, and 400 at once, each one is recorded; past that 1 in N
 * by chance, where N follows the rate four times a second; failures have 50 a second of their own on top. Who asks `wants` pays for a few
 * integers, who is told yes for one record.
 */
export class FlowLog {
  /** False records nothing. */
  enabled = true;
  /** Flows that ended, and were not recorded. */
  unsampled = 0;
  readonly clock: Clock;
  readonly #random: Random;
  readonly #where: (siteId: string) => Whereabouts;
  readonly #maxRecords: number;
  readonly #maxCharacters: number;
  /** Record `seq` is at `seq % maxRecords`. */
  readonly #ring: (Held | undefined)[] = [];
  #oldest = 1;
  #characters = 0;
  #seq = 0;
  /** 1 in so many is recorded. */
  #every = 1;
  /** So many are passed over until then. */
  #skip = 0;
  readonly #wheres = new Map<string, Whereabouts>();
  #windowMs = 0;
  #ended = 0;
  /** Records that may be made before the next look at the rate. */
  #left = BURST;
  #failures = 0;

  constructor(options: FlowLogOptions) {
    this.clock = options.clock;
    this.#random = options.random;
    this.#where = options.where ?? (() => NOWHERE);
    this.#maxRecords = options.maxRecords ?? MAX_RECORDS;
    this.#maxCharacters = options.maxCharacters ?? MAX_CHARACTERS;
  }

  /** Number of the last record; 0 when there was none. */
  get seq(): number {
    return this.#seq;
  }

  get size(): number {
    return this.#seq - this.#oldest + 1;
  }

  /** Whether a flow that ends at `nowMs` (monotonic) is to be recorded: then `add` it. Counts it in any case. */
  wants(nowMs: number, failed: boolean): boolean {
    if (!this.enabled) return false;
    if (nowMs - this.#windowMs >= WINDOW_MS) this.#turn(nowMs);
    this.#ended++;
    if (this.#skip > 0) this.#skip--;
    else if (this.#left > 0) {
      this.#left--;
      // By chance: every N-th would be the same endpoint's, where they take turns.
      if (this.#every > 1) this.#skip = Math.floor(this.#random.next() * (2 * this.#every - 1));
      return true;
    }
    if (failed && this.#failures < FAILURES) {
      this.#failures++;
      return true;
    }
    this.unsampled++;
    return false;
  }

  /** Records a flow that ends now. */
  add(flow: EndedFlow): void {
    const { row, durationMs, reason, http } = flow;
    const { key } = row;
    const { name, path } = this.#whereIs(key.siteId);
    // Spelt out: made 200 times a second, it should not cost what copying objects costs.
    const record: Writable<FlowRecord> = {
      seq: ++this.#seq,
      protocol: key.protocol,
      startedMs: this.clock.now() - durationMs,
      durationMs,
      service: key.service,
      port: key.port,
      client: flow.client,
      destinationSiteId: key.siteId,
      destinationSite: name,
      path,
      endpoint: key.endpoint,
      endpointName: row.endpointName,
      bytesToEndpoint: flow.bytesToEndpoint,
      bytesToClient: flow.bytesToClient,
      attempts: flow.attempts,
      outcome: flow.failed ? "error" : "ok",
      why: flow.why,
    };
    if (reason !== undefined) record.reason = reason;
    if (http !== undefined) record.http = http;
    const characters = charactersOf(record);
    while (
      this.size > this.#maxRecords ||
      (this.#characters + characters > this.#maxCharacters && this.size > 1)
    )
      this.#forget();
    this.#characters += characters;
    this.#ring[record.seq % this.#maxRecords] = { record, unsampledBefore: this.unsampled, characters };
  }

  /** What is newer than record `cursor` (everything held, without one), oldest first, at most `limit`. */
  since(
    cursor: number | undefined,
    limit: number,
  ): {
    readonly flows: FlowRecord[];
    readonly lost: number;
    readonly unsampled: number;
    readonly next: number;
  } {
    const from = Math.max((cursor ?? 0) + 1, this.#oldest);
    const to = Math.min(this.#seq, from + limit - 1);
    if (to < from) return { flows: [], lost: 0, unsampled: 0, next: this.#seq };
    const flows: FlowRecord[] = [];
    for (let seq = from; seq <= to; seq++) flows.push(this.#at(seq).record);
    return {
      flows,
      lost: cursor === undefined ? 0 : from - cursor - 1,
      unsampled: this.#at(to).unsampledBefore - this.#unsampledAt(from - 1),
      next: to,
    };
  }

  /** So many had not been recorded when record `seq` was; where it is not held any more, when the oldest was. */
  #unsampledAt(seq: number): number {
    return seq === 0 ? 0 : this.#at(Math.max(seq, this.#oldest)).unsampledBefore;
  }

  #at(seq: number): Held {
    return this.#ring[seq % this.#maxRecords] as Held;
  }

  #forget(): void {
    const slot = this.#oldest++ % this.#maxRecords;
    this.#characters -= (this.#ring[slot] as Held).characters;
    this.#ring[slot] = undefined;
  }

  /** Found once in a window. */
  #whereIs(siteId: string): Whereabouts {
    if (siteId === "") return NOWHERE;
    let where = this.#wheres.get(siteId);
    if (where === undefined) {
      where = this.#where(siteId);
      this.#wheres.set(siteId, where);
    }
    return where;
  }

  #turn(nowMs: number): void {
    this.#wheres.clear();
    const windows = Math.max(1, (nowMs - this.#windowMs) / WINDOW_MS);
    this.#left = Math.min(BURST, this.#left + windows * FULL);
    this.#every = this.#left > BURST / 4 ? 1 : Math.max(1, Math.ceil(this.#ended / windows / FULL));
    if (this.#every === 1) this.#skip = 0;
    this.#windowMs = nowMs;
    this.#ended = 0;
    this.#failures = 0;
  }
}

function charactersOf({
  client,
  endpoint,
  endpointName,
  service,
  why,
  reason,
  http,
  path,
}: FlowRecord): number {
  const texts = client.length + endpoint.length + endpointName.length + service.length + why.length;
  const of = http === undefined ? 0 : http.host.length + http.path.length + http.method.length;
  return RECORD_CHARACTERS + texts + of + (reason?.length ?? 0) + 40 * path.length;
}
