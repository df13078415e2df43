import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryIo } from "../testing/memory-io.ts";
import { styleFor } from "../output/style.ts";
import { Commands, shellWord } from "./commands.ts";
import type { LoadResult } from "./load.ts";
import { inClusters, type ScenarioResult } from "./measure.ts";
import { Narrator } from "./narrator.ts";
import { Ownership } from "./ownership.ts";
import { isOk, jsonScenario, scenarioTable, verdictLines } from "./report.ts";
import { BEGINNING, expectationOf, SCENARIOS } from "./scenarios.ts";
import { stepsBetween } from "./stage.ts";
import { WithoutKubectl } from "./without-kubectl.ts";

const dir = mkdtempSync(join(tmpdir(), "isthmus-demo-test-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function commands(io: MemoryIo, signal = new AbortController().signal): Commands {
  return new Commands({
    narrator: new Narrator(io, "out"),
    isthmus: [process.execPath, "-e"],
    kubectl: undefined,
    env: process.env,
    signal,
  });
}

test("a command is printed as one would type it, then its output", async () => {
  const io = new MemoryIo();
  const output = await commands(io).run({ program: "isthmus", words: ["console.log('hello')"] });
  expect(output).toBe("hello\n");
  expect(io.stdout).toBe("  $ isthmus 'console.log('\\''hello'\\'')'\n  hello\n");
});

test("commands that run side by side are told in their order", async () => {
  const io = new MemoryIo();
  const late = "await Bun.sleep(60);process.stdout.write('1')";
  await commands(io).runAll([
    { program: "isthmus", words: [late] },
    { program: "isthmus", words: ["process.stdout.write('2')"] },
  ]);
  expect(io.stdout.split("\n").filter((line) => !line.includes("$"))).toEqual(["  1", "  2", ""]);
});

test("a command that fails says so in its own words, with its own hint", async () => {
  const script =
    "process.stderr.write('Waiting\\nerror: No such thing\\nhint: isthmus init\\n'); process.exit(1)";
  const failure: unknown = await commands(new MemoryIo())
    .run({ program: "isthmus", words: [script] })
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({
    message: expect.stringContaining("failed: No such thing"),
    hint: "isthmus init",
  });
});

test("a machine without kubectl does the same in another way", async () => {
  const io = new MemoryIo();
  await commands(io).run({
    program: "kubectl",
    words: ["create", "namespace", "a"],
    instead: () => Promise.resolve("namespace/a created"),
  });
  expect(io.stdout).toBe("  $ kubectl create namespace a\n  namespace/a created\n");
});

test("an interrupted command ends as the interruption, not as a failure", async () => {
  const abort = new AbortController();
  const reason = new Error("interrupted");
  const running = commands(new MemoryIo(), abort.signal).run({
    program: "isthmus",
    words: ["await Bun.sleep(60_000)"],
  });
  setTimeout(() => abort.abort(reason), 20);
  expect(await running.catch((error: unknown) => error)).toBe(reason);
});

test("words are quoted only where a shell needs it", () => {
  expect(["--cost", "a b", "it's", "deployment/x", "$HOME"].map(shellWord)).toEqual([
    "--cost",
    "'a b'",
    "'it'\\''s'",
    "deployment/x",
    "'$HOME'",
  ]);
});

test("the demo knows its own clusters again, and leaves those of others alone", () => {
  const ownership = new Ownership(join(dir, "sandbox"), { clusters: ["c1", "c2"], record: "demo.json" });
  const c1 = { name: "c1", pid: 10, state: "Running" as const };
  const foreign = "The sandbox cluster is not the demo's own: c1";
  expect(ownership.claim([])).toEqual([]);
  expect(ownership.claim([{ name: "other", pid: 1, state: "Running" }])).toEqual([]);
  expect(() => ownership.claim([c1])).toThrow(foreign);
  ownership.record([c1, { name: "other", pid: 1, state: "Running" }]);
  expect(ownership.claim([c1])).toEqual(["c1"]);
  expect(ownership.claim([{ name: "c1", pid: undefined, state: "Dead" }])).toEqual(["c1"]);
  expect(() => ownership.claim([{ ...c1, pid: 11 }])).toThrow(foreign);
  expect(() => ownership.claim([{ name: "c1", pid: undefined, state: "Stopped" }])).toThrow(foreign);
  ownership.forget();
  expect(() => ownership.claim([c1])).toThrow(foreign);
});

const nobody = {
  client: (): never => {
    throw new Error("nothing is to be done, only said");
  },
};

test("only what differs is changed between two situations", () => {
  const tools = { without: new WithoutKubectl(nobody), linkName: "c1" };
  const lines = (from: number, to: number): string[] =>
    stepsBetween(SCENARIOS[from] ?? BEGINNING, SCENARIOS[to] ?? BEGINNING, tools).map(
      ({ program, words }) => `${program} ${words.slice(0, 4).join(" ")}`,
    );
  expect(stepsBetween(BEGINNING, BEGINNING, tools)).toEqual([]);
  expect(lines(0, 1)).toEqual(["kubectl scale deployment/sample-app --replicas=2 --context"]);
  expect(lines(1, 2)).toEqual(["isthmus policy set sample-app --spread"]);
  expect(lines(2, 3)).toEqual([
    "kubectl scale deployment/sample-app --replicas=0 --context",
    "isthmus link update c1 --cost",
    "isthmus link update c1 --cost",
    "kubectl apply -f examples/fair-share/cost-policy.yaml --context",
  ]);
});

const LOAD: LoadResult = {
  requests: 1000,
  failed: 0,
  failures: new Map(),
  p50Ms: 1.5,
  p99Ms: 4.25,
  perSecond: 2000.4,
  pods: [
    { cluster: "", pod: "app-a", requests: 500 },
    { cluster: "", pod: "app-b", requests: 500 },
  ],
};

test("pods are in the cluster that their API says, and those without a request are shown too", () => {
  const known = [
    { cluster: "c2" as const, pod: "app-a" },
    { cluster: "c3" as const, pod: "app-b" },
    { cluster: "c3" as const, pod: "app-c" },
  ];
  expect(inClusters(LOAD, known)).toEqual([
    { cluster: "c2", pod: "app-a", requests: 500 },
    { cluster: "c3", pod: "app-b", requests: 500 },
    { cluster: "c3", pod: "app-c", requests: 0 },
  ]);
});

test("a result is the same for people and for programs", () => {
  const scenario = SCENARIOS[0];
  if (scenario === undefined) throw new Error("no scenario");
  const pods = [
    { cluster: "c2", pod: "app-a", requests: 500 },
    { cluster: "c3", pod: "app-b", requests: 500 },
  ];
  const column = (clients: number, deviations: string[]) => ({
    title: clients === 1 ? "1 client" : `${clients} clients`,
    load: LOAD,
    pods,
    expectation: expectationOf(scenario, { clients }),
    deviations,
  });
  const good: ScenarioResult = { scenario, columns: [column(5, []), column(1, [])] };
  expect(jsonScenario(good)).toEqual({
    name: "1: one pod in each cluster, equal cost",
    requests: 1000,
    failed: 0,
    p50Ms: 1.5,
    p99Ms: 4.25,
    pods,
    expected: "c2 49.0 to 51.0 %, c3 49.0 to 51.0 %",
    ok: true,
  });
  const plain = styleFor(new MemoryIo(), "out");
  expect(scenarioTable(good, plain)).toBe(
    [
      "CLUSTER   POD            5 CLIENTS       1 CLIENT",
      "c2        app-a           500   50.0 %    500   50.0 %",
      "c3        app-b           500   50.0 %    500   50.0 %",
      "          failed         0               0",
      "          availability   100.00 %        100.00 %",
      "          p50 / p99      1.5 / 4.3 ms    1.5 / 4.3 ms",
      "          requests/s     2000            2000",
    ].join("\n"),
  );
  const bad: ScenarioResult = { scenario, columns: [column(5, []), column(1, ["app-a of c2 got too much"])] };
  expect(isOk(bad)).toBe(false);
  expect(verdictLines(bad, plain)).toEqual([
    "✓ 5 clients: expected c2 49.0 to 51.0 %, c3 49.0 to 51.0 %",
    "✗ 1 client: expected c2 49.0 to 51.0 %, c3 49.0 to 51.0 %",
    "  app-a of c2 got too much",
  ]);
});
