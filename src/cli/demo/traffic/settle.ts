import { until } from "../until.ts";
import { APP, HOME, type Member } from "./places.ts";
import { inSequence } from "./requests.ts";
import { place } from "./steps.ts";
import type { StoryInput } from "./story.ts";

const TIMEOUT_MS = 20_000;
/** More than a count that follows: shares grow in turns, so where none of so many went elsewhere, none of the next does. */
const SAMPLE = 400;

/** Seen so often in a row, each time on a new connection: one that was opened a moment ago may lead past the routers. */
const TIMES = 2;

/** Waits until only these clusters answer: going back to a better cluster takes the time of its ramp. */
export async function settle(
  { view, signal, narrator }: StoryInput,
  clusters: readonly Member[],
): Promise<void> {
  const target = await view.service();
  let seen = 0;
  const look = async (): Promise<true | undefined> => {
    const { load, counts } = await inSequence({ target, view, signal }, SAMPLE);
    const others = [...counts.keys()].some((name) => !clusters.some((one) => one === name));
    seen = load.failed === 0 && !others ? seen + 1 : 0;
    return seen === TIMES ? true : undefined;
  };
  const hint = `isthmus explain ${APP} ${place(HOME).join(" ")}`;
  await narrator.during(
    "traffic",
    until(`only ${clusters.join(", ")} to serve`, { look, hint, signal, timeoutMs: TIMEOUT_MS }),
  );
}
