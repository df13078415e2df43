/**
 * Runs the tests, a process per suite so that one suite cannot hide what another leaves behind, and closes with the
 * line `N passed, N failed, N skipped`. Arguments choose suites by name: `npm test -- link router`.
 */
import { existsSync, readdirSync } from "node:fs";

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

const root = new URL("..", import.meta.url).pathname;

function suitesUnder(folder: string): string[] {
  if (!existsSync(root + folder)) return [];
  return readdirSync(root + folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${folder}/${entry.name}`)
    .toSorted();
}

function hasTests(suite: string): boolean {
  return readdirSync(root + suite, { recursive: true }).some((name) => String(name).endsWith(".test.ts"));
}

/** A suite's own counts, as `bun test` prints them at its end. */
function countOf(output: string, what: string): number {
  return Number(new RegExp(`^\\s*(\\d+) ${what}$`, "m").exec(output)?.[1] ?? 0);
}

async function run(suite: string): Promise<Totals> {
  const started = performance.now();
  const child = Bun.spawn([process.execPath, "test", "--timeout", "60000", `./${suite}/`], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const output = `${out}${err}`;
  const totals = {
    passed: countOf(output, "pass"),
    failed: countOf(output, "fail") + countOf(output, "errors?"),
    skipped: countOf(output, "skip"),
  };
  // A run that broke before it could count is a failure of its own.
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const line = `${totals.passed} pass, ${totals.failed} fail, ${totals.skipped} skip`;
  console.log(`${totals.failed === 0 ? "ok  " : "FAIL"} ${suite.padEnd(24)} ${line} (${seconds} s)`);
  for (const notice of output.matchAll(/^(?:notice|figure): .*$/gm)) console.log(`     ${notice[0]}`);
  if (totals.failed > 0) console.log(output);
  return totals;
}

const wanted = process.argv.slice(2);
const suites = [
  ...suitesUnder("src"),
  ...(existsSync(`${root}tools`) ? ["tools"] : []),
  ...suitesUnder("test"),
]
  .filter(hasTests)
  .filter((suite) => wanted.length === 0 || wanted.some((name) => suite.split("/").includes(name)));
const sum: Totals = { passed: 0, failed: 0, skipped: 0 };
for (const suite of suites) {
  const totals = await run(suite);
  sum.passed += totals.passed;
  sum.failed += totals.failed;
  sum.skipped += totals.skipped;
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
