import { expect, test } from "bun:test";
import { Playground } from "./lib/playground.ts";

/** Reads what the demo says until it says this. */
async function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stream.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes(text)) return;
  }
  throw new Error(`The demo ended before it said "${text}":\n${said}`);
}

/** Moments in the life of the demo at which it is stopped. */
const MOMENTS = ["$ isthmus sandbox up", "$ isthmus init", "Scenario 1"];

for (const moment of MOMENTS) {
  test(`Ctrl-C after "${moment}" takes down what the demo started and ends with 130`, async () => {
    await using playground = new Playground();
    const demo = playground.start(["demo", "--scenario", "1"]);
    await readUntil(demo.stdout, moment);
    demo.kill("SIGINT");
    // Nobody who stops a program reads on, and a full pipe must not keep it.
    void new Response(demo.stdout).text();
    expect(await demo.exited).toBe(130);
    expect(await playground.leftovers()).toEqual([]);
  }, 120_000);
}

test("after kill -9 of the demo and of its clusters, sandbox down leaves no process", async () => {
  await using playground = new Playground();
  const demo = playground.start(["demo", "--scenario", "1"]);
  await readUntil(demo.stdout, "Scenario 1");
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
