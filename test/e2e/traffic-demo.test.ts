import { expect, test } from "bun:test";
import { Playground } from "./lib/playground.ts";

/** What the walk-through of examples/global-traffic promises, in its order. */
const STEPS = [
  /^Four clusters/,
  /imported/,
  /from outside, by path$/,
  /^Mode Local/,
  /^Mode Failover without pods here/,
  /^Mode Failover with pods here/,
  /^Mode ActiveActive/,
  /no request fails$/,
  /little by little$/,
  /^Weight 0/,
];

test("the traffic demo gives the answers that it promises, and leaves nothing behind with --exit", async () => {
  await using playground = new Playground();
  const { code, stdout, stderr } = await playground.run("demo", "traffic", "--exit", "-o", "json");
  const { steps, ok } = JSON.parse(stdout) as {
    steps: { name: string; ok: boolean; detail: string }[];
    ok: boolean;
  };
  for (const step of steps) console.log(`figure: ${step.ok ? "ok" : "NOT OK"} ${step.name}: ${step.detail}`);
  expect({ code, ok, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, ok: true, stderr: "" });
  expect(steps.map(({ name }, index) => STEPS[index]?.test(name) === true)).toEqual(STEPS.map(() => true));
  expect(await playground.leftovers()).toEqual([]);
}, 240_000);
