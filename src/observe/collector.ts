import type { Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { Random } from "#core/random.ts";
import type { Observation } from "#router/observe/observation.ts";
import { readObservation } from "./collect/read-observation.ts";
import { recordKey, RouterRecord, type News } from "./collect/router-record.ts";
import { Target, farKey } from "./collect/target.ts";
import type { Traffic } from "./collect/traffic.ts";
import type { RouterSource } from "./source.ts";

export const PERIOD_MS = 1000;
/** Asked at once, at most. */
const MAX_ASKING = 8;
/** One answer may take so long; other sites are far. */
const TIMEOUT_MS = 4000;
/** Parts of one answer that are fetched in a row (`more`); the rest comes in the next round. */
const MAX_PARTS = 20;
/** The routers of the own site are looked up so often. */
const ROUTERS_MS = 5000;
/** A router that was not heard for so long is forgotten, with its epoch. */
const FORGET_MS = 24 * 3_600_000;
const MAX_ROUTERS = 2000;

const log = logFor("observe", "collector");

/** Another site, by the word of the own one. */
interface FarSite {
  readonly reachable: boolean;
  readonly self: boolean;
  /** Ids, as far as they are known. */
  readonly routers: readonly string[];
}

export interface CollectorOptions {
  readonly source: RouterSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly traffic: Traffic;
  /** Called with what each answer brought, in order. */
  readonly onAnswer: (record: RouterRecord, news: News, said: Observation) => void;
}

/**
 * Asks the routers of the observer's own site, and through them those of each other site, and keeps what they said last.
 * Each is asked at most once at a time; who does not answer is asked more rarely (up to 5 s), and holds up nobody else.
 */
export class Collector {
  readonly records = new Map<string, RouterRecord>();
  readonly #options: CollectorOptions;
  readonly #targets = new Map<string, Target>();
  readonly #abort = new AbortController();
  #waiting: (() => void)[] = [];
  #asking = 0;
  #round = 0;
  #routersMs = Number.NEGATIVE_INFINITY;
  #routersError: unknown;
  #selfId: string | undefined;
  /** Answers that were none, and requests that failed. */
  failures = 0;
  answers = 0;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  get round(): number {
    return this.#round;
  }

  /** Site of the routers that are asked directly; undefined until one answered. */
  get selfId(): string | undefined {
    return this.#selfId;
  }

  /** Why nobody answers, when nobody does. */
  get error(): unknown {
    const own = [...this.#targets.values()].filter(({ siteId }) => siteId === undefined);
    return own.find(({ error }) => error !== undefined)?.error ?? this.#routersError;
  }

  stop(): void {
    this.#abort.abort(new IsthmusError("FAILED", "The observer stops"));
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Asks all that are due. Resolves when all of those have answered or failed; never rejects. */
  async ask(): Promise<void> {
    this.#round++;
    const lookingUp = this.#lookUpRouters();
    // Whoever is known is asked at once, however slow that is.
    if (this.#targets.size === 0) await lookingUp;
    const nowMs = this.#options.clock.now();
    const due = [...this.#targets.values()].filter((target) => target.isDue(nowMs));
    await Promise.all(due.map((target) => this.#askInTurn(target)));
    this.#forget(this.#options.clock.now());
  }

  /** Other sites that are there, by the word of the own one: they are asked from the next round on. */
  setSites(sites: ReadonlyMap<string, FarSite>): void {
    const { random } = this.#options;
    const wanted = new Set<string>();
    for (const [siteId, { reachable, self, routers }] of sites) {
      if (self || !reachable) continue;
      // Of one that is alone nobody needs to know the name: also routers that name none are asked.
      for (const farRouter of routers.length > 1 ? routers : [undefined]) {
        const key = farKey(siteId, farRouter);
        wanted.add(key);
        if (!this.#targets.has(key))
          this.#targets.set(key, new Target({ siteId, farRouter, random, periodMs: PERIOD_MS }));
      }
    }
    for (const [key, { siteId }] of this.#targets)
      if (siteId !== undefined && !wanted.has(key)) this.#targets.delete(key);
  }

  /** Asks something else than what is observed. Throws what the source throws. */
  async get(path: string, siteId: string | undefined): Promise<{ status: number; value: unknown }> {
    const prefix =
      siteId === undefined || siteId === this.#selfId ? "" : `/v1/sites/${encodeURIComponent(siteId)}`;
    const { signal, done } = this.#bounded();
    try {
      return await this.#options.source.get(prefix + path, { signal });
    } finally {
      done();
    }
  }

  async #lookUpRouters(): Promise<void> {
    const { clock, source, random } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#routersMs < ROUTERS_MS && this.error === undefined) return;
    this.#routersMs = nowMs;
    const { signal, done } = this.#bounded();
    try {
      const names = await source.routers(signal);
      this.#routersError = undefined;
      for (const router of names) {
        const key = `router ${router}`;
        if (!this.#targets.has(key))
          this.#targets.set(key, new Target({ router, random, periodMs: PERIOD_MS }));
      }
      for (const [key, { router }] of this.#targets)
        if (router !== undefined && !names.includes(router)) this.#targets.delete(key);
    } catch (error) {
      this.#routersError = error;
    } finally {
      done();
    }
  }

  async #askInTurn(target: Target): Promise<void> {
    target.busy = true;
    try {
      if (this.#asking >= MAX_ASKING) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#asking++;
      try {
        const rows = await this.#askAll(target);
        target.answered(rows, this.#options.clock.now());
      } finally {
        this.#asking--;
        this.#waiting.shift()?.();
      }
    } catch (error) {
      this.failures++;
      if (target.error === undefined) log.info("Not heard", { who: target.key, reason: messageOf(error) });
      target.failed(error, this.#options.clock.now());
    } finally {
      target.busy = false;
    }
  }

  /** Resolves with the rows that were told. */
  async #askAll(target: Target): Promise<number> {
    let rows = 0;
    for (let part = 0; part < MAX_PARTS; part++) {
      if (this.#abort.signal.aborted) break;
      // oxlint-disable-next-line no-await-in-loop -- each part is asked for with what the one before said
      const said = await this.#askOnce(target);
      this.#take(target, { said, continued: part > 0 });
      rows += said.traffic.length;
      if (!said.more) break;
    }
    return rows;
  }

  async #askOnce(target: Target): Promise<Observation> {
    const { source } = this.#options;
    const { router, answeredBy } = target;
    const known = answeredBy === undefined ? this.#likely(target) : this.records.get(answeredBy);
    const path = target.pathFor(known?.query());
    const { signal, done } = this.#bounded();
    try {
      const { status, value } = await source.get(path, {
        signal,
        ...(router === undefined ? {} : { router }),
      });
      if (status !== 200) throw refusedError(target, { status, value });
      const said = readObservation(value);
      if (said !== undefined) return said;
      throw new IsthmusError("PROTOCOL", `What ${target.key} said is no observation`, { source: "upstream" });
    } finally {
      done();
    }
  }

  /** After a restart: who probably answers there. A wrong guess costs a larger answer, no more. */
  #likely({ siteId, farRouter }: Target): RouterRecord | undefined {
    if (siteId !== undefined && farRouter !== undefined)
      return this.records.get(recordKey({ siteId, id: farRouter }));
    const candidates = [...this.records.values()].filter(
      (record) => record.siteId === (siteId ?? this.#selfId ?? record.siteId),
    );
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  #take(target: Target, { said, continued }: { said: Observation; continued: boolean }): void {
    const { clock, onAnswer, traffic } = this.#options;
    const nowMs = clock.now();
    const { siteId } = said.router;
    const key = recordKey(said.router);
    let record = this.records.get(key);
    if (record === undefined) {
      this.#renamed(said, target);
      if (this.records.size >= MAX_ROUTERS)
        throw new IsthmusError("FAILED", `More than ${MAX_ROUTERS} routers`);
      record = new RouterRecord({ facts: said.router, epoch: said.next.epoch, observedMs: nowMs });
      this.records.set(key, record);
    }
    target.answeredBy = key;
    if (target.siteId === undefined) this.#selfId = siteId;
    const news = record.take(said, { nowMs, round: this.#round, continued });
    if (news.life === "restarted") traffic.beginAnew(key);
    const { timed, rounds } = news;
    traffic.take({ routerId: key, siteId }, said.traffic, { round: this.#round, rounds, timed });
    this.answers++;
    onAnswer(record, news, said);
  }

  /** A router that is in no network yet has another site than later: what it was before must not stay beside it. */
  #renamed({ router, next }: Observation, target: Target): void {
    for (const [key, { facts, epoch }] of this.records) {
      if (facts.id !== router.id || facts.siteId === router.siteId) continue;
      if (epoch === next.epoch) this.#options.traffic.dropRouter(key);
      else if (key !== target.answeredBy || target.router === undefined) continue;
      this.records.delete(key);
    }
  }

  #forget(nowMs: number): void {
    for (const [id, record] of this.records)
      if (nowMs - record.observedMs > FORGET_MS) this.records.delete(id);
  }

  #bounded(): { signal: AbortSignal; done: () => void } {
    const controller = new AbortController();
    const stop = (): void => controller.abort(this.#abort.signal.reason);
    const cancel = this.#options.clock.after(TIMEOUT_MS, () =>
      controller.abort(new IsthmusError("TIMEOUT", `No answer within ${TIMEOUT_MS} ms`)),
    );
    this.#abort.signal.addEventListener("abort", stop, { once: true });
    return {
      signal: controller.signal,
      done: () => {
        cancel();
        this.#abort.signal.removeEventListener("abort", stop);
      },
    };
  }
}

function refusedError(target: Target, { status, value }: { status: number; value: unknown }): IsthmusError {
  const said = typeof value === "string" && value !== "" ? `: ${value.slice(0, 200).trim()}` : "";
  if (status === 404)
    return new IsthmusError("NOT_FOUND", `A router (${target.key}) does not tell what it does${said}`, {
      source: "upstream",
      hint: "Update it: observing came later than the version that runs there",
    });
  return new IsthmusError("UNREACHABLE", `A router (${target.key}) answered ${status}${said}`);
}
