import { IsthmusError, messageOf } from "#core/errors.ts";
import type { CheckCategory, CheckResult } from "../views.ts";
import { certificates } from "./certificates.ts";
import { type Category, type Check, failed, skipped, type Verdict } from "./check.ts";
import { dns } from "./dns.ts";
import { Facts, type FactsOptions } from "./facts.ts";
import { kubernetes } from "./kubernetes.ts";
import { links } from "./links.ts";
import { preInstall } from "./pre-install.ts";
import { services } from "./services.ts";
import { site } from "./site.ts";

export interface RunChecksOptions extends FactsOptions {
  /** What `isthmus init` needs, instead of what an installed site is. */
  readonly pre?: boolean;
}

/** In this order; each later one rests on the earlier ones. */
const INSTALLED: readonly Category[] = [kubernetes, site, certificates, links, services, dns];
const BEFORE: readonly Category[] = [kubernetes, preInstall];

/**
 * Looks at one site, category after category, as each is known. Never throws: an API server that does not answer is a check
 * that failed. Ends early when a check fails that the others rest on.
 */
export async function* runChecks(options: RunChecksOptions): AsyncGenerator<CheckCategory, void, undefined> {
  const facts = new Facts(options);
  for (const { category, checks } of options.pre === true ? BEFORE : INSTALLED) {
    const results: CheckResult[] = [];
    let ended = false;
    for (const check of checks.filter(({ fatal }) => fatal === true)) {
      // oxlint-disable-next-line no-await-in-loop -- the next rests on it
      const found = await judge(check, facts);
      results.push(...found);
      ended = found.some(({ result }) => result === "failed");
      if (ended) break;
    }
    if (!ended) {
      const others = checks.filter(({ fatal }) => fatal !== true);
      // oxlint-disable-next-line no-await-in-loop -- categories come one after the other
      for (const found of await Promise.all(others.map((check) => judge(check, facts))))
        results.push(...found);
    }
    if (results.length > 0) yield { category, checks: results };
    if (ended) return;
  }
}

/** Whether nothing failed; warnings are no failures. */
export function passed(categories: readonly CheckCategory[]): boolean {
  return !categories.some(({ checks }) => checks.some(({ result }) => result === "failed"));
}

async function judge(check: Check, facts: Facts): Promise<readonly CheckResult[]> {
  const { name } = check;
  try {
    const found = await check.run(facts);
    return "result" in found ? [{ name, ...found }] : found;
  } catch (error) {
    return [{ name, ...verdictOf(error) }];
  }
}

function verdictOf(error: unknown): Verdict {
  const hint = error instanceof IsthmusError ? error.hint : undefined;
  if (error instanceof IsthmusError && error.code === "DENIED") return skipped(messageOf(error), hint);
  return failed(messageOf(error), hint);
}
