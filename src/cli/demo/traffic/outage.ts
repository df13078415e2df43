import type { Pod } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { Step } from "../commands.ts";
import { until } from "../until.ts";
import { Unexpected } from "../act.ts";
import { APP, HOME, NAMESPACE } from "./places.ts";
import { failuresText } from "./requests.ts";
import { settle } from "./settle.ts";
import { isthmusIn, place } from "./steps.ts";
import type { StoryInput } from "./story.ts";
import { RunningLoad, type Slot, timelineTable } from "./timeline.ts";

/** How long the way back takes; a policy's default is 10 s. */
const RAMP_SECONDS = 5;
const BEFORE_MS = 2000;
const AFTER_MS = 500;
/** Dying takes a moment, too. */
const LEAST_MS = 1500;
const TABLE_SLOT_MS = 1000;
const RAMP_SLOT_MS = 500;
/** A slot with fewer has no shares worth the name: the machine stood still. Usual are 250. */
const SLOT_LEAST_REQUESTS = 20;
const PATIENCE_MS = 40_000;

/** What clients saw while the pods of their cluster died and came back. */
export interface Outage {
  readonly requests: number;
  readonly failed: number;
  /** Half seconds. */
  readonly slots: readonly Slot[];
  /** From the beginning of the load, ms. */
  readonly diedMs: number;
}

/**
 * Kills every pod of the clients' cluster under load and waits until its traffic is back with their successors. Throws
 * `Unexpected` when a request failed.
 */
export async function outage(input: StoryInput): Promise<Outage> {
  const { commands, narrator, view, signal } = input;
  const targets = ["--target", "cluster-1@1", "--target", "cluster-3@1"];
  const words = ["policy", "set", APP, "--mode", "Failover", ...targets, "--ramp", `${RAMP_SECONDS}s`];
  await commands.run(isthmusIn(HOME, ...words));
  await settle(input, [HOME]);
  narrator.gap();
  narrator.say(`${RunningLoad.words}:`);
  const load = new RunningLoad(await view.service(), signal);
  try {
    await load.look(view);
    await Bun.sleep(BEFORE_MS);
    signal.throwIfAborted();
    const diedMs = load.elapsedMs;
    await commands.run(killPods(input));
    await narrator.during("pods", view.podsReady(HOME, 1));
    await load.look(view);
    const back = until(`the traffic to come back to ${HOME}`, {
      look: () => {
        const over = load.elapsedMs - diedMs > LEAST_MS && load.recentShare(HOME, AFTER_MS) > 0.995;
        return Promise.resolve(over ? true : undefined);
      },
      hint: `isthmus explain ${APP} ${place(HOME).join(" ")}`,
      timeoutMs: PATIENCE_MS,
      signal,
    });
    await narrator.during("traffic", back);
    await Bun.sleep(AFTER_MS);
    const { requests, failed, failures } = await load.stop();
    narrator.gap();
    narrator.block(timelineTable(load.slots(TABLE_SLOT_MS)));
    if (failed > 0)
      throw new Unexpected(`${failed} of ${requests} requests failed: ${failuresText({ failures })}`);
    return { requests, failed, slots: load.slots(RAMP_SLOT_MS), diedMs };
  } finally {
    await load.stop();
  }
}

/** `Unexpected` when the first pod that came back got everything at once, or never all. */
export function rampText({ slots, diedMs }: Outage): string {
  const after = slots.filter(({ fromMs, requests }) => fromMs > diedMs && requests >= SLOT_LEAST_REQUESTS);
  const shares = after.map(({ requests, counts }) => (counts.get(HOME) ?? 0) / requests);
  // The kill itself takes a moment: the way back begins where it had least.
  const lowest = shares.lastIndexOf(Math.min(...shares));
  const first = shares.findIndex((share, index) => index >= lowest && share > 0);
  const whole = shares.findIndex((share, index) => index >= lowest && share > 0.995);
  if (first === -1 || whole === -1 || shares.every((share) => share > 0.995)) {
    throw new Unexpected(`expected that the share of ${HOME} grows, saw ${shares.map(percent).join(", ")}`);
  }
  const seconds = ((after[whole]?.fromMs ?? 0) - (after[first]?.fromMs ?? 0)) / 1000;
  const rising = shares.slice(first, whole + 1);
  // Half of the ramp at least: less is a jump.
  if (seconds < RAMP_SECONDS / 2) {
    throw new Unexpected(`expected a ramp of ${RAMP_SECONDS} s, saw ${rising.map(percent).join(", ")}`);
  }
  return `share of ${HOME}, each half second: ${rising.map(percent).join(", ")}`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Without a grace period: the processes get SIGKILL. */
function killPods({ without, view }: StoryInput): Step {
  return {
    program: "kubectl",
    words: ["delete", "pods", "-l", `app=${APP}`, "--force", ...place(HOME)],
    instead: async () => {
      const client = view.client(HOME);
      const { items } = await client.list<Pod>(RESOURCES.pods, {
        namespace: NAMESPACE,
        labelSelector: `app=${APP}`,
      });
      return without.kill(HOME, items);
    },
  };
}
