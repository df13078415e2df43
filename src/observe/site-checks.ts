import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { CheckCategory } from "./views.ts";

/** Checks are made again after this, while somebody looks. */
const FRESH_MS = 5000;

const log = logFor("observe");

/** As `isthmus check` finds it; undefined for sites whose cluster is out of reach. */
export type CheckSite = (siteId: string) => Promise<readonly CheckCategory[] | undefined>;

/** What was checked of each site last: many may look, and one check serves them all. */
export class SiteChecks {
  readonly #check: CheckSite;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly atMs: number; readonly found: ReturnType<CheckSite> }>();

  constructor({ check, clock }: { readonly check: CheckSite; readonly clock: Clock }) {
    this.#check = check;
    this.#clock = clock;
  }

  /** Undefined also when the check failed. Never rejects. */
  of(siteId: string): ReturnType<CheckSite> {
    const nowMs = this.#clock.now();
    const known = this.#known.get(siteId);
    if (known !== undefined && nowMs - known.atMs < FRESH_MS) return known.found;
    const found = this.#check(siteId).catch((error: unknown) => {
      log.info("Checks failed", { site: siteId, reason: messageOf(error) });
      return undefined;
    });
    this.#known.set(siteId, { atMs: nowMs, found });
    return found;
  }
}
