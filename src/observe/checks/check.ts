import type { CheckResult } from "../views.ts";
import type { Facts } from "./facts.ts";

/** What was found, without its name. */
export type Verdict = Omit<CheckResult, "name">;

/** One thing that is looked at. Its name states what is wanted: `site is ready`. */
export interface Check {
  readonly name: string;
  /** While this fails, nothing that comes after can be told: the run ends with it. */
  readonly fatal?: boolean;
  /**
   * A verdict, or a line for each thing of many. What it throws is a failure with the error's message and hint; that the
   * user may not look (DENIED) is none: the check is skipped.
   */
  run(facts: Facts): Promise<Verdict | readonly CheckResult[]>;
}

export interface Category {
  readonly category: string;
  readonly checks: readonly Check[];
}

export function ok(message?: string): Verdict {
  return { result: "ok", ...(message === undefined || message === "" ? {} : { message }) };
}

export function warning(message: string, hint?: string): Verdict {
  return { result: "warning", message, ...(hint === undefined ? {} : { hint }) };
}

export function failed(message: string, hint?: string): Verdict {
  return { result: "failed", message, ...(hint === undefined ? {} : { hint }) };
}

/** Does not apply here, or cannot be told. */
export function skipped(message: string, hint?: string): Verdict {
  return { result: "skipped", message, ...(hint === undefined ? {} : { hint }) };
}

/** More lines than that of one check are summed up. */
const MAX_LINES = 20;

/**
 * One line for all that are well, and one for each that is not, so that a thousand services read as easily as two.
 * `good(2)` names those that are well: `2 exports are offered`.
 */
export function summed(
  judged: readonly { readonly name: string; readonly verdict: Verdict }[],
  good: (count: number) => string,
): CheckResult[] {
  const fine = judged.filter(({ verdict }) => verdict.result === "ok").length;
  const rest = judged
    .filter(({ verdict }) => verdict.result !== "ok")
    .map(({ name, verdict }) => ({ name, ...verdict }))
    .toSorted((a, b) => severity(a) - severity(b));
  const shown = rest.slice(0, MAX_LINES);
  const more = rest.slice(MAX_LINES);
  const [worst] = more;
  return [
    ...(fine === 0 ? [] : [{ name: good(fine), ...ok() }]),
    ...shown,
    ...(worst === undefined
      ? []
      : [{ name: `and ${more.length} more`, result: worst.result, message: `such as: ${worst.name}` }]),
  ];
}

const ORDER: Readonly<Record<CheckResult["result"], number>> = { failed: 0, warning: 1, skipped: 2, ok: 3 };

function severity({ result }: CheckResult): number {
  return ORDER[result];
}
