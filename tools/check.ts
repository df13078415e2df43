/** One command that holds all: types, lint, format, layers, dead code, tests. `--no-tests` leaves the tests out. */
const root = new URL("..", import.meta.url).pathname;
const bin = `${root}node_modules/.bin`;

const STEPS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["types", [`${bin}/tsc`, "--project", "."]],
  ["types of the console", [`${bin}/tsc`, "--project", "src/console/ui"]],
  ["lint", [`${bin}/oxlint`, "--type-aware", "--deny-warnings", "--quiet"]],
  ["format", [`${bin}/oxfmt`, "--check", "."]],
  ["layers", [process.execPath, "tools/check-layers.ts"]],
  ["dead code", [`${bin}/knip`, "--no-progress"]],
  ["tests", [process.execPath, "tools/test.ts"]],
];

const failed: string[] = [];
for (const [name, command] of STEPS) {
  if (name === "tests" && process.argv.includes("--no-tests")) continue;
  const started = performance.now();
  const child = Bun.spawn([...command], { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const show = name === "tests";
  const [out, err] = await Promise.all([
    show ? pipeThrough(child.stdout) : new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  const code = await child.exited;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (code !== 0) {
    failed.push(name);
    if (!show) console.log(`${out}${err}`.trim());
  }
}
if (failed.length > 0) console.log(`check: failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);

async function pipeThrough(stream: ReadableStream<Uint8Array>): Promise<string> {
  for await (const chunk of stream) process.stdout.write(chunk);
  return "";
}
