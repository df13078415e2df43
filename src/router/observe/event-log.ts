import type { Clock } from "#core/clock.ts";
import type { RouterEvent } from "./observation.ts";

/** Events held; the oldest go first. */
const MAX_EVENTS = 1024;
/** The same of the same thing is told once in this time, ms. */
const SAME_MS = 5000;
/** Events at once, and per second for long. What comes past them is lost, and counted. */
const BURST = 200;
const PER_SECOND = 10;
const MAX_MESSAGE = 300;

/** What happened; the log adds number and time. */
export type Happening = Omit<RouterEvent, "seq" | "atMs">;

/**
 * What changed lately at this router, in bounded memory and at a bounded rate, so that what flaps does not push out what matters.
 */
export class EventLog {
  /** Events that were one too many. */
  dropped = 0;
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #held: { readonly event: RouterEvent; readonly droppedBefore: number }[] = [];
  /** By what it is about: the kind that was told last, and when. */
  readonly #last = new Map<string, { readonly kind: RouterEvent["kind"]; readonly atMs: number }>();
  #seq = 0;
  #tokens = BURST;
  #filledMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledMs = clock.monotonicMs();
  }

  get seq(): number {
    return this.#seq;
  }

  add(happening: Happening): void {
    const nowMs = this.#clock.monotonicMs();
    const { kind, service, siteId, link, endpointName, message } = happening;
    const subject = JSON.stringify([groupOf(kind), service, siteId, link, endpointName]);
    const last = this.#last.get(subject);
    if (last?.kind === kind && nowMs - last.atMs < SAME_MS) return;
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#filledMs) * PER_SECOND) / 1000);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) {
      this.dropped++;
      return;
    }
    this.#tokens--;
    this.#remember(subject, { kind, atMs: nowMs });
    const event = {
      seq: ++this.#seq,
      atMs: this.#clock.now(),
      ...happening,
      message: message.slice(0, MAX_MESSAGE),
    };
    this.#held.push({ event, droppedBefore: this.dropped });
    if (this.#held.length > MAX_EVENTS) this.#held.shift();
  }

  /** What is newer than event `cursor` (everything held, without one), oldest first, at most `limit`. */
  since(
    cursor: number | undefined,
    limit: number,
  ): { readonly events: RouterEvent[]; readonly lost: number; readonly next: number } {
    const oldest = this.#seq - this.#held.length + 1;
    const from = Math.max((cursor ?? 0) + 1, oldest);
    const held = this.#held.slice(from - oldest, from - oldest + limit);
    const last = held.at(-1);
    if (last === undefined) return { events: [], lost: 0, next: this.#seq };
    const before = this.#held[Math.max(0, from - 1 - oldest)]?.droppedBefore ?? 0;
    const dropped = last.droppedBefore - (from === 1 ? 0 : before);
    return {
      events: held.map(({ event }) => event),
      lost: dropped + (cursor === undefined ? 0 : from - cursor - 1),
      next: last.event.seq,
    };
  }

  #remember(subject: string, told: { readonly kind: RouterEvent["kind"]; readonly atMs: number }): void {
    this.#last.delete(subject);
    this.#last.set(subject, told);
    if (this.#last.size <= MAX_EVENTS) return;
    const [first] = this.#last.keys();
    if (first !== undefined) this.#last.delete(first);
  }
}

/** Kinds that undo each other are about the same thing: what came back and went again is told again. */
function groupOf(kind: RouterEvent["kind"]): string {
  switch (kind) {
    case "LinkUp":
    case "LinkDown":
      return "link";
    case "SiteReachable":
    case "SiteUnreachable":
      return "site";
    case "EndpointEjected":
    case "EndpointBack":
      return "endpoint";
    case "Failover":
    case "Failback":
      return "tier";
    case "NoEndpoints":
    case "EndpointsBack":
      return "endpoints";
    case "ConfigApplied":
    case "ConfigRefused":
      return "config";
    default:
      return kind satisfies never;
  }
}
