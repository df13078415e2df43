import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import { Observer, type ObserverOptions } from "../observer.ts";
import { FakeNetwork } from "./fake-network.ts";

export interface Observed {
  readonly clock: FakeClock;
  readonly network: FakeNetwork;
  readonly observer: Observer;
  /** Rounds, a second apart; `each` happens before everybody is asked. */
  readonly rounds: (count: number, each?: (round: number) => void) => Promise<void>;
}

type Options = Partial<Omit<ObserverOptions, "source" | "clock">> & {
  readonly names?: readonly string[];
  readonly network?: FakeNetwork;
  readonly clock?: FakeClock;
};

/** An observer of a fake network, whose time stands still between rounds. For tests. */
export function observed({ names, network: given, clock: running, ...options }: Options = {}): Observed {
  const clock = running ?? new FakeClock();
  const network = given ?? new FakeNetwork(clock, names);
  const observer = new Observer({
    source: network,
    clock,
    random: seededRandom(1),
    store: { path: ":memory:" },
    ...options,
  });
  const rounds = async (count: number, each?: (round: number) => void): Promise<void> => {
    for (let round = 0; round < count; round++) {
      clock.advance(1000);
      each?.(round);
      // oxlint-disable-next-line no-await-in-loop -- a round is one after the other
      await observer.look();
    }
  };
  return { clock, network, observer, rounds };
}
