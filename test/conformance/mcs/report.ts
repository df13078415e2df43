import type { Case } from "./case.ts";
import { Clusters } from "./clusters.ts";
import { furtherCases } from "./further-cases.ts";
import { importCases } from "./import-cases.ts";
import { nameCases } from "./name-cases.ts";

export interface CaseResult {
  /** Number of the upstream case, and what has to hold. */
  readonly name: string;
  readonly required: boolean;
  readonly ok: boolean;
}

export interface Report {
  readonly required: { readonly passed: number; readonly total: number };
  readonly optional: { readonly passed: number; readonly total: number };
  /** The cases of the upstream suite. */
  readonly cases: readonly CaseResult[];
  /** What that suite does not look at. */
  readonly further: readonly CaseResult[];
}

export interface Detailed extends CaseResult {
  readonly section: string;
  /** Why it is not ok. */
  readonly why?: string;
  readonly ms: number;
}

/** Cases that run at the same time; each has a service of its own. */
const AT_ONCE = 9;
export const KEP =
  "https://github.com/kubernetes/enhancements/tree/master/keps/sig-multicluster/1645-multi-cluster-services-api";

/** Runs all cases on two clusters of its own, in the order of the upstream suite. */
export async function runCases(): Promise<readonly Detailed[]> {
  await using made = new Clusters();
  const clusters = await made.start();
  const cases = [...importCases, ...nameCases, ...furtherCases];
  const results: Detailed[] = [];
  const waiting = [...cases.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, one] = next;
      results[index] = await runCase(one, { number: index + 1, clusters });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

async function runCase(
  one: Case,
  { number, clusters }: { number: number; clusters: Parameters<Case["run"]>[1] },
): Promise<Detailed> {
  const { name, required, section, run } = one;
  const startMs = performance.now();
  const result = (more: { ok: boolean; why?: string }): Detailed => ({
    name: `${number}: ${name}`,
    required,
    section,
    ms: Math.round(performance.now() - startMs),
    ...more,
  });
  try {
    await run(`mcs-${number}`, clusters);
    return result({ ok: true });
  } catch (error) {
    return result({ ok: false, why: error instanceof Error ? error.message : String(error) });
  }
}

const UPSTREAM = importCases.length + nameCases.length;

export function reportOf(results: readonly Detailed[]): Report {
  const upstream = results.slice(0, UPSTREAM);
  const count = (required: boolean): { passed: number; total: number } => {
    const some = upstream.filter((one) => one.required === required);
    return { passed: some.filter(({ ok }) => ok).length, total: some.length };
  };
  const plain = (list: readonly Detailed[]): CaseResult[] =>
    list.map(({ name, required, ok }) => ({ name, required, ok }));
  return {
    required: count(true),
    optional: count(false),
    cases: plain(upstream),
    further: plain(results.slice(UPSTREAM)),
  };
}

/** For people. */
export function reportText(results: readonly Detailed[]): string {
  const { required, optional, further } = reportOf(results);
  const lines = results.map(({ name, required: must, ok, why, section, ms }, index) => {
    const kind = index >= UPSTREAM ? "further " : must ? "required" : "optional";
    const head = `${ok ? "ok    " : "NOT OK"} ${kind} ${name} (${ms} ms)`;
    return ok ? head : `${head}\n       ${why}\n       ${KEP}#${section}`;
  });
  return [
    "Multi-Cluster Services API (KEP-1645) on two linked sandbox clusters",
    "Names are asked for, and used, in a pod of each cluster",
    "",
    ...lines,
    "",
    `required: ${required.passed} of ${required.total}, optional: ${optional.passed} of ${optional.total}; further: ${further.filter(({ ok }) => ok).length} of ${further.length}`,
    "",
  ].join("\n");
}
