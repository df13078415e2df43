import { afterAll, beforeAll, expect, test } from "bun:test";
import { ask, once, type Shares, untilShares } from "../lib/asking.ts";
import { HttpConnection } from "../../bench/lib/http-connection.ts";
import { byFailure, byPod, figureOf, Load } from "../lib/load.ts";
import { Pods } from "../lib/pods.ts";
import { type Policy, TrafficSites } from "../lib/traffic-sites.ts";

/*
 * Scenarios from practice: a has the clients, b and c the app. Router processes, pods in processes of their own, and
 * clients that keep their connection: what is spread is requests.
 */

const N = 600;

let processes: Pods;
const pod = (name: string): Pods["all"][number] => {
  const found = processes.all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no pod ${name}`);
  return found;
};

beforeAll(async () => {
  processes = await Pods.start(["a-0", "a-1", "b-0", "b-1", "c-0", "c-1", "c-2", "c-3"]);
});
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
});

function tell(scenario: string, shares: Shares): void {
  console.log(`figure: scenario ${scenario}: ${JSON.stringify(shares)}`);
}

function weights(b: number): Policy {
  return {
    mode: "ActiveActive",
    spread: "Weighted",
    targets: [
      { cluster: "b", weight: b },
      { cluster: "c", weight: 50 },
    ],
  };
}

test("1: one pod each at equal cost get halves, also of the requests of a single connection", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { pods: [pod("b-0")] }, c: { pods: [pod("c-0")] } },
  });
  const alone = await ask(sites.entrance, { times: N });
  tell("1, one connection", alone);
  expect(alone).toEqual({ "b-0": N / 2, "c-0": N / 2 });
  sites.setPolicy({ algorithm: "RoundRobin" });
  await ask(sites.entrance, { times: 20, connections: 20 });
  await Bun.sleep(200);
  const many = await ask(sites.entrance, { times: N, connections: 20 });
  tell("1, 20 connections, RoundRobin", many);
  for (const count of Object.values(many)) expect(Math.abs(count - N / 2)).toBeLessThanOrEqual(1);
}, 30_000);

test("2: 1 + 2 pods get thirds, with Clusters 50/25/25", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { pods: [pod("b-0")] }, c: { pods: [pod("c-0"), pod("c-1")] } },
  });
  const thirds = await ask(sites.entrance, { times: N });
  tell("2", thirds);
  expect(thirds).toEqual({ "b-0": N / 3, "c-0": N / 3, "c-1": N / 3 });
  const many = await ask(sites.entrance, { times: N, connections: 30 });
  tell("2, 30 connections, LeastRequest", many);
  for (const count of Object.values(many)) expect(Math.abs(count - N / 3)).toBeLessThanOrEqual(N * 0.05);
  sites.setPolicy({ spread: "Clusters" });
  await untilShares(sites.entrance, (shares) => shares["b-0"] === 10);
  const clusters = await ask(sites.entrance, { times: N });
  tell("2, Clusters", clusters);
  expect(clusters).toEqual({ "b-0": N / 2, "c-0": N / 4, "c-1": N / 4 });
}, 30_000);

test("3: no pods behind the cheaper link: all is answered by the others", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { cost: 4, pods: [pod("b-0")] }, c: { cost: 2, pods: [] } },
    policy: { spread: "Cost" },
  });
  const shares = await ask(sites.entrance, { times: N });
  tell("3", shares);
  expect(shares).toEqual({ "b-0": N });
}, 30_000);

test("4: costs 4 and 2 with Cost and 5 clients at once: all three pods work, in the documented split", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { cost: 4, pods: [pod("b-0")] }, c: { cost: 2, pods: [pod("c-0"), pod("c-1")] } },
    policy: { spread: "Cost" },
  });
  // Five requests that stay: two on each pod of c, then b ties and takes the fifth (src/router/README.md).
  for (let turn = 0; turn < 5; turn++) {
    const clients = Array.from({ length: 5 }, () => new HttpConnection(sites.entrance));
    const shares: Shares = {};
    await Promise.all(
      clients.map(async (client) => {
        const { header } = await client.request("GET / HTTP/1.1\r\nhost: app.test\r\nx-wait-ms: 300\r\n\r\n");
        const who = header("x-pod") ?? "nobody";
        shares[who] = (shares[who] ?? 0) + 1;
        client.close();
      }),
    );
    if (turn === 0) tell("4, five at once", shares);
    expect(shares).toEqual({ "b-0": 1, "c-0": 2, "c-1": 2 });
  }
  const sequence = await ask(sites.entrance, { times: N });
  tell("4, one client", sequence);
  expect(sequence).toEqual({ "c-0": N / 2, "c-1": N / 2 });
}, 30_000);

test("5: Local without local pods is refused at once, with a reason", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { pods: [pod("b-0")] } },
    policy: { mode: "Local" },
  });
  const times: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const { status, pod: who, ms } = await once(sites.entrance);
    expect({ status, who }).toEqual({ status: 503, who: "" });
    times.push(ms);
  }
  const slowest = Math.max(...times);
  console.log(`figure: scenario 5: 20 of 20 refused with 503, the slowest after ${slowest.toFixed(1)} ms`);
  expect(slowest).toBeLessThan(100);
}, 30_000);

test("6: Failover: b and c in turn, only local once deployed, b and c again at local 0, no failed request", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { pods: [pod("b-0")] }, c: { pods: [pod("c-0")] } },
    policy: { mode: "Failover", failover: { rampMs: 1000 } },
  });
  const before = await ask(sites.entrance, { times: 100 });
  expect(before).toEqual({ "b-0": 50, "c-0": 50 });
  await using load = new Load({ target: sites.entrance, perSecond: 200, connections: 10 });
  await Bun.sleep(300);
  sites.setPods("a", [pod("a-0"), pod("a-1")]);
  await Bun.sleep(1500);
  // Beside the load nobody's own count is exact: who answered is.
  const local = await ask(sites.entrance, { times: 100 });
  expect(Object.keys(local)).toEqual(["a-0", "a-1"]);
  sites.setPods("a", []);
  const goneMs = performance.now();
  await Bun.sleep(1000);
  await load.stop();
  const after = await ask(sites.entrance, { times: 100 });
  tell("6, before / local / after", { ...before, ...local, ...after });
  console.log(`figure: scenario 6: under load ${figureOf(load.requests)}`);
  expect(after).toEqual({ "b-0": 50, "c-0": 50 });
  expect(Object.keys(byPod(load.between(goneMs + 500))).toSorted()).toEqual(["b-0", "c-0"]);
  expect(byFailure(load.requests)).toEqual({});
}, 30_000);

test("7: ActiveActive: all three clusters serve, in equal shares", async () => {
  await using sites = await TrafficSites.start({
    pods: [pod("a-0")],
    others: { b: { pods: [pod("b-0")] }, c: { pods: [pod("c-0")] } },
    policy: { mode: "ActiveActive", targets: [{ cluster: "b" }, { cluster: "c" }] },
  });
  const shares = await ask(sites.entrance, { times: N });
  tell("7", shares);
  expect(shares).toEqual({ "a-0": N / 3, "b-0": N / 3, "c-0": N / 3 });
}, 30_000);

test("8: the pods of c are doubled: shares follow, no failed request", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { pods: [pod("b-0"), pod("b-1")] }, c: { pods: [pod("c-0"), pod("c-1")] } },
  });
  await using load = new Load({ target: sites.entrance, perSecond: 200, connections: 10 });
  const before = await ask(sites.entrance, { times: 200 });
  for (const count of Object.values(before)) expect(Math.abs(count - 50)).toBeLessThanOrEqual(10);
  sites.setPods("c", [pod("c-0"), pod("c-1"), pod("c-2"), pod("c-3")]);
  await sites.untilKnown();
  await load.stop();
  const after = await ask(sites.entrance, { times: N });
  tell("8, after", after);
  expect(after).toEqual(
    Object.fromEntries(["b-0", "b-1", "c-0", "c-1", "c-2", "c-3"].map((name) => [name, N / 6])),
  );
  expect(byFailure(load.requests)).toEqual({});
}, 30_000);

test("9: a weighted split 50/50 over unequal clusters; one side dies: all from the other, no failed request", async () => {
  await using side = await Pods.start(["east-0"]);
  await using sites = await TrafficSites.start({
    pods: [pod("a-0"), pod("a-1")],
    others: { b: { pods: side.all } },
    policy: {
      mode: "ActiveActive",
      spread: "Weighted",
      targets: [
        { cluster: "a", weight: 50 },
        { cluster: "b", weight: 50 },
      ],
    },
  });
  const before = await ask(sites.entrance, { times: N });
  tell("9", before);
  expect(before).toEqual({ "a-0": N / 4, "a-1": N / 4, "east-0": N / 2 });
  await using load = new Load({ target: sites.entrance, perSecond: 200, connections: 10 });
  await Bun.sleep(300);
  await side.kill();
  sites.setPods("b", []);
  await Bun.sleep(1000);
  await load.stop();
  const after = await ask(sites.entrance, { times: N });
  tell("9, after", after);
  console.log(`figure: scenario 9: under load ${figureOf(load.requests)}`);
  expect(after).toEqual({ "a-0": N / 2, "a-1": N / 2 });
  expect(byFailure(load.requests)).toEqual({});
}, 30_000);

test("weight 0 drains a cluster: no new requests, and back at 100 % when it is set again", async () => {
  await using sites = await TrafficSites.start({
    others: { b: { pods: [pod("b-0")] }, c: { pods: [pod("c-0")] } },
    policy: weights(50),
  });
  expect(await ask(sites.entrance, { times: 100 })).toEqual({ "b-0": 50, "c-0": 50 });
  sites.setPolicy(weights(0));
  await untilShares(sites.entrance, (shares) => shares["b-0"] === undefined);
  const drained = await ask(sites.entrance, { times: N });
  tell("drain by weight 0", drained);
  expect(drained).toEqual({ "c-0": N });
  sites.setPolicy(weights(50));
  await untilShares(sites.entrance, (shares) => shares["b-0"] === 10);
}, 30_000);
