import { expect, test } from "bun:test";
import { deviations } from "./expectation.ts";
import { expectationOf, type Scenario, SCENARIOS } from "./scenarios.ts";

const FIVE = { clients: 5 };
const ONE = { clients: 1 };

function scenario(name: string): Scenario {
  const found = SCENARIOS.find((one) => one.name.startsWith(name));
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}

function holds(one: Scenario, counts: { c2: number[]; c3: number[]; clients?: number }): boolean {
  const pods = (["c2", "c3"] as const).flatMap((cluster) =>
    counts[cluster].map((requests, index) => ({ cluster, pod: `${cluster}-${index}`, requests })),
  );
  const expectation = expectationOf(one, counts.clients === 1 ? ONE : FIVE);
  return deviations(expectation, { requests: 1000, failed: 0, pods }).length === 0;
}

test("scenario 1: half each, within 1 %", () => {
  expect(holds(scenario("1:"), { c2: [500], c3: [500] })).toBe(true);
  expect(holds(scenario("1:"), { c2: [512], c3: [488] })).toBe(false);
  expect(expectationOf(scenario("1:"), FIVE).text).toBe("c2 49.0 to 51.0 %, c3 49.0 to 51.0 %");
});

test("scenario 2: a third each, and with Clusters a half and two quarters", () => {
  expect(holds(scenario("2:"), { c2: [334], c3: [333, 333] })).toBe(true);
  expect(holds(scenario("2:"), { c2: [500], c3: [250, 250] })).toBe(false);
  expect(holds(scenario("2 with"), { c2: [500], c3: [250, 250] })).toBe(true);
  expect(holds(scenario("2 with"), { c2: [334], c3: [333, 333] })).toBe(false);
});

test("scenario 3: everything goes to the only pod, however dear its link", () => {
  expect(holds(scenario("3:"), { c2: [1000], c3: [] })).toBe(true);
  expect(expectationOf(scenario("3:"), FIVE).text).toBe("c2 100.0 %");
});

test("scenario 4: with 5 clients every pod works; a single client never reaches the dear link", () => {
  const four = scenario("4:");
  expect(holds(four, { c2: [200], c3: [400, 400] })).toBe(true);
  expect(holds(four, { c2: [120], c3: [440, 440] })).toBe(true);
  expect(holds(four, { c2: [0], c3: [500, 500] })).toBe(false);
  expect(holds(four, { c2: [333], c3: [333, 334] })).toBe(false);
  expect(holds(four, { c2: [0], c3: [500, 500], clients: 1 })).toBe(true);
  expect(holds(four, { c2: [1], c3: [500, 499], clients: 1 })).toBe(false);
}, 20_000);
