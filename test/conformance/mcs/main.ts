/** `npm run -s conformance:mcs [-- -o json]`. Exit code 1 when a required case does not hold. */
import { parseArgs } from "node:util";
import { reportOf, reportText, runCases } from "./report.ts";

const { values } = parseArgs({ options: { output: { type: "string", short: "o" } } });
const { output } = values;
if (output !== undefined && output !== "json") {
  process.stderr.write(`error: Cannot write "${output}"\nhint: npm run -s conformance:mcs -- -o json\n`);
  process.exit(2);
}
const results = await runCases();
const report = reportOf(results);
process.stdout.write(output === "json" ? `${JSON.stringify(report, undefined, 2)}\n` : reportText(results));
process.exit(report.required.passed === report.required.total ? 0 : 1);
