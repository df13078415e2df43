import { expect, test } from "bun:test";
import { Playground } from "./lib/playground.ts";

interface DemoScenario {
  name: string;
  requests: number;
  failed: number;
  p50Ms: number;
  p99Ms: number;
  pods: { cluster: string; pod: string; requests: number }[];
  expected: string;
  ok: boolean;
}

test("the demo plays all scenarios as promised, and leaves nothing behind with --exit", async () => {
  await using playground = new Playground();
  const { code, stdout, stderr } = await playground.run("demo", "-o", "json", "--exit");
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const { scenarios } = JSON.parse(stdout) as { scenarios: DemoScenario[] };
  expect(scenarios.map(({ name }) => name.slice(0, 2))).toEqual(["1:", "2:", "3:", "4:", "2 "]);
  for (const scenario of scenarios) {
    expect(Object.keys(scenario)).toEqual([
      "name",
      "requests",
      "failed",
      "p50Ms",
      "p99Ms",
      "pods",
      "expected",
      "ok",
    ]);
    expect(scenario).toMatchObject({ requests: 1000, failed: 0, ok: true });
    expect(scenario.pods.reduce((sum, pod) => sum + pod.requests, 0)).toBe(1000);
    expect(scenario.p99Ms).toBeGreaterThanOrEqual(scenario.p50Ms);
  }
  const counts = scenarios.map(({ pods }) => pods.map(({ requests }) => requests));
  for (const half of counts[0] ?? []) expect(Math.abs(half - 500)).toBeLessThanOrEqual(5);
  for (const third of counts[1] ?? []) expect(Math.abs(third - 1000 / 3)).toBeLessThanOrEqual(10 / 3);
  expect(counts[2]).toEqual([1000]);
  for (const some of counts[3] ?? []) expect(some).toBeGreaterThan(0);
  expect(stderr).toContain("$ isthmus init --context sandbox-c1 -n interconnect");
  expect(stderr).toMatch(/From pod ready to its first request from c1: \d+ ms/);
  expect(await playground.leftovers()).toEqual([]);
}, 240_000);
