import { expect, test } from "bun:test";
import { reportOf, reportText, runCases } from "./report.ts";

/** Optional cases that hold; what holds must not be lost. Those of headless pods and of cluster.local names do not yet. */
const OPTIONAL = [2, 3, 16, 17, 18, 24, 25, 26, 27];

test("the Multi-Cluster Services API works as KEP-1645 says", async () => {
  const results = await runCases();
  const { required, optional, cases } = reportOf(results);
  console.info(
    `figure: MCS conformance required ${required.passed}/${required.total}, optional ${optional.passed}/${optional.total}`,
  );
  expect([required.total, optional.total]).toEqual([14, 13]);
  const lost = cases.filter((one, index) => !one.ok && (one.required || OPTIONAL.includes(index + 1)));
  if (lost.length > 0) throw new Error(reportText(results));
}, 120_000);
