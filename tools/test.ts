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

/** An assertion's text with its code frame takes some 30; of a longer one its beginning and its end are shown. */
const LINES_PER_FAILURE = 120;

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

interface Failure {
  name: string;
  text: string;
}

/** What `bun test` printed of each failed test: its error and its `(fail)` line, without what passed around it. */
function failuresIn(output: string): Failure[] {
  const failures: Failure[] = [];
  const lines = output.split("\n");
  let file = "";
  let block: string[] = [];
  for (const line of lines) {
    // A long run has them all once more at its end.
    if (/^\d+ tests? failed:$/.test(line)) break;
    const heading = /^(\S+\.test\.ts):$/.exec(line);
    if (heading) file = heading[1] ?? "";
    if (heading || /^\((?:pass|skip|todo)\) /.test(line)) block = [];
    else if (line !== "" || block.length > 0) block.push(line);
    if (!line.startsWith("(fail) ")) continue;
    failures.push({ name: `${file}: ${line}`, text: shortened(block) });
    block = [];
  }
  return failures;
}

function shortened(lines: readonly string[]): string {
  if (lines.length <= LINES_PER_FAILURE) return lines.join("\n");
  const half = LINES_PER_FAILURE / 2;
  const left = `... ${lines.length - LINES_PER_FAILURE} lines ...`;
  return [...lines.slice(0, half), left, ...lines.slice(-half)].join("\n");
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
  if (totals.failed > 0) {
    const failures = failuresIn(output);
    // A run that broke before a test could be named is shown by its last lines.
    if (failures.length === 0) {
      const text = output.trimEnd().split("\n").slice(-LINES_PER_FAILURE).join("\n");
      failures.push({ name: `${suite}: ended with code ${code}`, text });
    }
    failed.push(...failures.map(({ name }) => name));
    console.log(failures.map(({ text }) => text).join("\n\n"));
  }
  return totals;
}

const failed: string[] = [];
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
// Said once more at the end, where one looks first.
for (const name of failed) console.log(name);
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);
