import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import { Observer, type ObserverOptions } from "./observer.ts";
import { FakeNetwork } from "./testing/fake-network.ts";

function observed(options: Partial<ObserverOptions> & { names?: readonly string[] } = {}): {
  clock: FakeClock;
  network: FakeNetwork;
  observer: Observer;
  /** Rounds, a second apart. */
  rounds: (count: number, each?: (round: number) => void) => Promise<void>;
} {
  const clock = new FakeClock(1_700_000_000_000);
  const network = new FakeNetwork(clock, options.names);
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
      await observer.look();
    }
  };
  return { clock, network, observer, rounds };
}

const WEB = "shop/web";

test("Totals, rates, shares and success are what the routers counted", async () => {
  const { network, observer, rounds } = observed();
  network.offer("c1", { service: WEB, pods: { a: true } });
  network.offer("c2", { service: WEB, pods: { b: true, c: false } });
  network.router("c1").request({ service: WEB, to: ["c1", "a"], times: 50 });
  await rounds(2);
  await rounds(12, () => {
    network.router("c1").request({ service: WEB, to: ["c1", "a"], times: 30 });
    network.router("c1").request({ service: WEB, to: ["c2", "b"], times: 10, status: 503 });
    network.router("c2").request({ service: WEB, to: ["c2", "b"], times: 20 });
  });
  const [row] = observer.services().services;
  expect(row).toMatchObject({ service: WEB, protocol: "http", pods: 3, podsReady: 2, state: "ok" });
  expect(row?.load.rps).toBe(60);
  expect(row?.load.successPercent).toBe(83.33);
  expect(row?.shares).toEqual([
    { site: "c1", percent: 50 },
    { site: "c2", percent: 50 },
  ]);
  const view = await observer.service(WEB);
  expect(view.pods.map(({ name, total, ready }) => [name, total, ready])).toEqual([
    ["a", 50 + 12 * 30, true],
    ["b", 12 * 30, true],
    ["c", 0, false],
  ]);
  expect(view.pods.reduce((sum, { total }) => sum + total, 0)).toBe(
    network.router("c1").total(WEB) + network.router("c2").total(WEB),
  );
  expect(view.clients.map(({ site, load, mode }) => [site, load.rps, mode])).toEqual([
    ["c1", 40, "Failover"],
    ["c2", 20, "Failover"],
  ]);
  expect(observer.network().traffic.map(({ from, to, rps }) => [from, to, rps])).toEqual([
    ["id-c1", "id-c1", 30],
    ["id-c1", "id-c2", 10],
    ["id-c2", "id-c2", 20],
  ]);
});
