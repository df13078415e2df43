import { systemClock } from "#core/clock.ts";
import type { AppPod, ClusterEye } from "./cluster-eye.ts";
import type { Commands } from "./commands.ts";
import type { Target } from "./http-client.ts";
import type { Life } from "./life.ts";
import { firstAnswer, measure, type ScenarioResult } from "./measure.ts";
import type { Narrator } from "./narrator.ts";
import { APP_CLUSTERS, CLIENT_CLUSTER, CLIENTS, type DemoCluster, REQUESTS } from "./places.ts";
import { scenarioTable, verdictLines } from "./report.ts";
import { BEGINNING, type Scenario, SCENARIOS, type Situation } from "./scenarios.ts";
import { bringAbout, stepsBetween } from "./stage.ts";
import type { WithoutKubectl } from "./without-kubectl.ts";

export interface PlayInput {
  readonly scenario: "1" | "2" | "3" | "4" | "all";
  readonly keepAlive: boolean;
  readonly commands: Commands;
  readonly narrator: Narrator;
  readonly eye: ClusterEye;
  readonly without: WithoutKubectl<DemoCluster>;
  readonly target: Target;
  readonly signal: AbortSignal;
  readonly life: Life<DemoCluster>;
}

export interface Played {
  readonly results: readonly ScenarioResult[];
  /** From the moment a new pod was seen ready to the first answer of it in another cluster, ms. */
  readonly readyToFirstMs: readonly number[];
}

/** Plays the chosen scenarios one after another, each from the situation that the last one left. */
export async function playScenarios(input: PlayInput): Promise<Played> {
  const { scenario: choice, narrator, commands, eye, without, life } = input;
  const chosen = SCENARIOS.filter(({ number }) => choice === "all" || number === choice);
  const results: ScenarioResult[] = [];
  const readyToFirstMs: number[] = [];
  let now: Situation = BEGINNING;
  for (const scenario of chosen) {
    narrator.heading(`Scenario ${scenario.name}`);
    const steps = stepsBetween(now, scenario, { without, linkName: CLIENT_CLUSTER });
    const before = await eye.pods();
    const grows = APP_CLUSTERS.filter((cluster) => scenario.pods[cluster] > now.pods[cluster]);
    // Two new pods could not be told apart, so only a single one is timed.
    const timed = grows.length === 1 && before.length > 0 ? watchNewPod({ ...input, before }) : undefined;
    await bringAbout(steps, commands);
    await narrator.during(`${CLIENT_CLUSTER} learns about it`, eye.untilKnown(scenario));
    await narrator.during("policy", eye.untilPolicy());
    const ms = await timed;
    if (ms !== undefined) {
      readyToFirstMs.push(ms);
      narrator.say(`From pod ready to its first request from ${CLIENT_CLUSTER}: ${ms.toFixed(0)} ms`);
    }
    if (steps.length > 0) narrator.gap();
    for (const line of loadWords(input, scenario)) narrator.say(line);
    narrator.gap();
    const pods = await eye.pods();
    const result = await narrator.during(
      "clients at work",
      life.quietly(() => measure({ ...input, scenario, pods })),
    );
    narrator.block(scenarioTable(result, narrator.style));
    narrator.gap();
    narrator.block(verdictLines(result, narrator.style).join("\n"));
    results.push(result);
    now = scenario;
  }
  return { results, readyToFirstMs };
}

/** Times a pod that is about to come: from its being ready, as its own cluster says, to its first answer here. */
async function watchNewPod(input: PlayInput & { before: readonly AppPod[] }): Promise<number | undefined> {
  const { eye, target, signal, before } = input;
  const isNew = (pod: string): boolean => !before.some((known) => known.pod === pod);
  const [readyMs, firstMs] = await Promise.all([
    eye.untilReady(isNew, systemClock),
    firstAnswer({ target, isNew, signal }, systemClock),
  ]);
  return readyMs === undefined || firstMs === undefined ? undefined : Math.max(0, firstMs - readyMs);
}

function loadWords({ target, keepAlive }: PlayInput, scenario: Scenario): string[] {
  const url = `http://${target.host}:${target.port}${scenario.workMs > 0 ? `/delay/${scenario.workMs}` : "/"}`;
  const count = REQUESTS.toLocaleString("en-US");
  return [
    ...(scenario.workMs > 0
      ? [`The app works ${scenario.workMs} ms on each request, so that some are in flight.`]
      : []),
    `${count} requests from ${CLIENTS} clients in ${CLIENT_CLUSTER}, ${keepAlive ? "connections kept" : "a connection each"}: ${url}`,
  ];
}
