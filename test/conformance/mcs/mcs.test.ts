import { expect, test } from "bun:test";
import { TOOLS } from "./clusters.ts";
import { reportOf, reportText, runCases } from "./report.ts";

const missing = TOOLS.filter((tool) => Bun.which(tool) === null);
if (missing.length > 0) console.info(`notice: MCS conformance needs ${missing.join(", ")}, not installed`);

test.skipIf(missing.length > 0)(
  "the Multi-Cluster Services API works as KEP-1645 says, the optional parts too",
  async () => {
    const results = await runCases();
    const { required, optional, cases, further } = reportOf(results);
    console.info(
      `figure: MCS conformance required ${required.passed}/${required.total}, optional ${optional.passed}/${optional.total}, further ${further.filter(({ ok }) => ok).length}/${further.length}`,
    );
    expect([required.total, optional.total]).toEqual([14, 13]);
    if ([...cases, ...further].some(({ ok }) => !ok)) throw new Error(reportText(results));
  },
  240_000,
);
