import { expect, test } from "bun:test";
import { hears, Playground } from "./lib/playground.ts";

/** Moments in the life of the demo at which it is stopped. */
const MOMENTS = ["$ isthmus sandbox up", "$ isthmus init", "Scenario 1"];

for (const moment of MOMENTS) {
  test(`Ctrl-C after "${moment}" takes down what the demo started and ends with 130`, async () => {
    await using playground = new Playground();
    const demo = playground.start(["demo", "--scenario", "1"]);
    await hears(demo, moment);
    demo.kill("SIGINT");
    expect(await demo.exited).toBe(130);
    expect(await playground.leftovers()).toEqual([]);
  }, 120_000);
}

test("after kill -9 of the demo and of its clusters, sandbox down leaves no process", async () => {
  await using playground = new Playground();
  const demo = playground.start(["demo", "--scenario", "1"]);
  await hears(demo, "Scenario 1");
  demo.kill("SIGKILL");
  await demo.exited;
  expect(playground.processes().length).toBeGreaterThan(3);
  const { clusters } = JSON.parse(await playground.must("sandbox", "status", "-o", "json")) as {
    clusters: { pid: number }[];
  };
  const [first] = clusters;
  if (first === undefined) throw new Error("no cluster");
  process.kill(first.pid, "SIGKILL");
  await playground.must("sandbox", "down");
  expect(await playground.leftovers()).toEqual([]);
}, 120_000);
