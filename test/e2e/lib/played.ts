import { expect } from "bun:test";
import type { Playground } from "./playground.ts";

export interface Played {
  readonly steps: number;
  /** What was seen in the step with this in its name; empty where there is none. */
  readonly said: (part: string) => string;
  /** As a user reads it. */
  readonly stderr: string;
}

/** Plays a demo with `-o json --exit`: each step is as promised, and nothing is left behind. */
export async function played(playground: Playground, demo: "traffic" | "discovery"): Promise<Played> {
  const { code, stdout, stderr } = await playground.run("demo", demo, "-o", "json", "--exit");
  const result = JSON.parse(stdout) as {
    steps: { name: string; ok: boolean; detail: string }[];
    ok: boolean;
  };
  const failed = result.steps.filter(({ ok }) => !ok);
  expect({ code, failed, ok: result.ok, stderr: code === 0 ? "" : stderr }).toEqual({
    code: 0,
    failed: [],
    ok: true,
    stderr: "",
  });
  for (const { name, detail } of result.steps) process.stderr.write(`${name}: ${detail}\n`);
  expect(await playground.leftovers()).toEqual([]);
  return {
    steps: result.steps.length,
    said: (part) => result.steps.find(({ name }) => name.includes(part))?.detail ?? "",
    stderr,
  };
}
