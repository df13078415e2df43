import { Backoff } from "#core/backoff.ts";
import type { Random } from "#core/random.ts";

/** Who tells more at a time is asked in every second round only: reading it is most of what an observer costs. */
const MANY_ROWS = 2000;

/** Somebody who is asked each round: a router of the observer's site, or through them another site, or a router of it. */
export class Target {
  readonly key: string;
  /** Of `RouterSource.routers`, for a router of the observer's own site. */
  readonly router: string | undefined;
  /** Of another site. */
  readonly siteId: string | undefined;
  /** Id of the one of that site that is meant; undefined: whoever the way leads to. */
  readonly farRouter: string | undefined;
  /** Key of the router that answered last: whose cursor to ask with. */
  answeredBy: string | undefined;
  busy = false;
  error: unknown;
  #dueMs = 0;
  readonly #periodMs: number;
  readonly #backoff: Backoff;

  constructor(input: {
    router?: string;
    siteId?: string;
    farRouter?: string | undefined;
    random: Random;
    periodMs: number;
  }) {
    const { router, siteId, farRouter, random, periodMs } = input;
    this.router = router;
    this.siteId = siteId;
    this.farRouter = farRouter;
    this.key = siteId === undefined ? `router ${router}` : farKey(siteId, farRouter);
    this.#periodMs = periodMs;
    this.#backoff = new Backoff({ baseMs: periodMs, capMs: 5 * periodMs, random });
  }

  /** What to ask, with a cursor where there is one. */
  pathFor(cursor: string | undefined): string {
    const { siteId, farRouter } = this;
    const site = siteId === undefined ? "" : `/v1/sites/${encodeURIComponent(siteId)}`;
    const query = [
      ...(cursor === undefined ? [] : [cursor]),
      ...(farRouter === undefined ? [] : [`router=${encodeURIComponent(farRouter)}`]),
    ].join("&");
    return `${site}/v1/observe${query === "" ? "" : `?${query}`}`;
  }

  isDue(nowMs: number): boolean {
    return !this.busy && nowMs >= this.#dueMs;
  }

  /** With how many rows. */
  answered(rows: number, nowMs: number): void {
    this.error = undefined;
    this.#dueMs = rows > MANY_ROWS ? nowMs + this.#periodMs * 1.5 : 0;
    this.#backoff.reset();
  }

  failed(error: unknown, nowMs: number): void {
    this.error = error;
    this.#dueMs = nowMs + this.#backoff.nextDelayMs();
  }
}

/** Key of another site's target, or of one router of it. */
export function farKey(siteId: string, farRouter: string | undefined): string {
  return farRouter === undefined ? `site ${siteId}` : `site ${siteId} router ${farRouter}`;
}
