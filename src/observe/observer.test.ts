import { expect, test } from "bun:test";
import { observed } from "./testing/observed.ts";
import type { ViewEvent } from "./subscriptions.ts";
import type { FlowsView, ServicesUpdate } from "./views.ts";

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
  // Two thirds come from c1, whose default is its own site; c2 wants its own, too.
  expect(row?.shares).toEqual([
    { site: "c1", percent: 50, wantedPercent: 66.67 },
    { site: "c2", percent: 50, wantedPercent: 33.33 },
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

test("A rate is over the last ten seconds: it rises and falls in even steps, and every second counts once", async () => {
  const { network, observer, rounds } = observed();
  network.offer("c1", { service: WEB, pods: { a: true } });
  await rounds(1);
  const rates: (number | undefined)[] = [];
  await rounds(3, () => network.router("c1").request({ service: WEB, to: ["c1", "a"], times: 100 }));
  rates.push(observer.services().services[0]?.load.rps);
  for (let second = 0; second < 12; second++) {
    await rounds(1);
    rates.push(observer.services().services[0]?.load.rps);
  }
  expect(rates).toEqual([100, 75, 60, 50, 42.86, 37.5, 33.33, 30, 20, 10, 0, 0, 0]);
});

test("A router that restarted counts anew, and totals and rates stay right", async () => {
  const { network, observer, rounds } = observed();
  network.offer("c1", { service: WEB, pods: { a: true } });
  const router = network.router("c1");
  await rounds(11, () => router.request({ service: WEB, to: ["c1", "a"], times: 10 }));
  router.restart();
  await rounds(5, () => router.request({ service: WEB, to: ["c1", "a"], times: 10 }));
  expect((await observer.service(WEB)).pods[0]?.total).toBe(160);
  expect(observer.services().services[0]?.load.rps).toBe(10);
  expect(observer.flows({ limit: 1000 }).flows.length).toBe(160);
  expect(observer.activity().items.map(({ kind }) => kind)).toEqual(["RouterRestarted"]);
});

test("What a silent router counted meanwhile is in the totals, and makes no false peak in rates and history", async () => {
  const { network, observer, rounds, clock } = observed();
  network.offer("c1", { service: WEB, pods: { a: true } });
  const [near, far] = [network.router("c1"), network.router("c2")];
  const work = (): void => far.request({ service: WEB, to: ["c1", "a"], times: 10 });
  await rounds(12, work);
  far.silent = true;
  await rounds(20, work);
  expect(observer.services().services[0]?.load.rps).toBe(0);
  const node = observer.network().sites.find(({ name }) => name === "c2")?.routers[0];
  expect([node?.stale, clock.now() - (node?.observedMs ?? 0) >= 20_000]).toEqual([true, true]);
  expect(observer.activity().items.map(({ kind }) => kind)).toEqual(["RouterLost"]);
  far.silent = false;
  await rounds(8, work);
  expect((await observer.service(WEB)).pods[0]?.total).toBe(near.total(WEB) + far.total(WEB));
  expect(observer.services().services[0]?.load.rps).toBe(10);
  const history = observer.history(WEB, { fromMs: clock.now() - 60_000 });
  expect(Math.max(...(history.pods[0]?.rps ?? []).map((rps) => rps ?? 0))).toBeLessThanOrEqual(10);
});

test("An answer in parts is fetched at once, and flows that were overwritten are told as lost", async () => {
  const { network, observer, rounds } = observed();
  network.offer("c1", { service: WEB, pods: { a: true } });
  const router = network.router("c1");
  router.mostFlows = 10;
  await rounds(2);
  router.request({ service: WEB, to: ["c1", "a"], times: 95 });
  await rounds(1);
  expect(observer.flows({ limit: 1000 }).flows.length).toBe(95);
  router.request({ service: WEB, to: ["c1", "a"], times: 30 });
  router.dropFlows(20);
  await rounds(1);
  expect(observer.flows({ limit: 1000 })).toMatchObject({ lost: 10, unsampled: 0 });
  expect(observer.flows({ limit: 1000 }).flows.length).toBe(115);
});

test("Several routers of the own site are asked one by one; who is gone from the list is not asked again", async () => {
  const { network, observer, rounds } = observed({ names: ["c1"] });
  network.offer("c1", { service: WEB, pods: { a: true } });
  const second = network.add({ siteId: "id-c1", id: "router-1" });
  await rounds(3, () => {
    network.router("c1").request({ service: WEB, to: ["c1", "a"], times: 2 });
    second.request({ service: WEB, to: ["c1", "a"], times: 3 });
  });
  expect((await observer.service(WEB)).pods[0]?.total).toBe(15);
  expect(observer.network().sites[0]?.routers.map(({ id }) => id)).toEqual(["router-0", "router-1"]);
  expect(second.asked.length).toBe(3);
  network.all.delete("id-c1/router-1");
  await rounds(10);
  expect(second.asked.length).toBe(3);
  expect(observer.network().sites[0]?.routers.map(({ stale }) => stale)).toEqual([false, true]);
});

test("Followers get the view at once and then what changed: services as updates, flows as they end", async () => {
  const { network, observer, rounds } = observed({ names: ["c1"] });
  network.offer("c1", { service: WEB, pods: { a: true } });
  network.offer("c1", { service: "shop/quiet", pods: { q: true } });
  await rounds(2);
  const services: ViewEvent[] = [];
  const flows: ViewEvent[] = [];
  const stop = observer.subscribe({ view: "services" }, (event) => services.push(event));
  observer.subscribe({ view: "flows", filter: { status: "5xx" } }, (event) => flows.push(event));
  await rounds(1, () => {
    network.router("c1").request({ service: WEB, to: ["c1", "a"], times: 2 });
    network.router("c1").request({ service: WEB, to: ["c1", "a"], status: 502 });
  });
  expect(services.map(({ event }) => event)).toEqual(["view", "update"]);
  const update = services[1]?.data as ServicesUpdate;
  expect(update.changed.map(({ service }) => service)).toEqual([WEB]);
  expect(flows.map(({ event, data }) => [event, (data as FlowsView).flows.length])).toEqual([
    ["view", 0],
    ["flows", 1],
  ]);
  network.change("c1", (site) => ({
    ...site,
    services: site.services.filter(({ service }) => service === WEB),
  }));
  network.router("c1").listeners = network.router("c1").listeners.filter(({ service }) => service === WEB);
  await rounds(1);
  expect(services.at(-1)?.data).toMatchObject({ removed: ["shop/quiet"] });
  stop();
  const seen = services.length;
  await rounds(2);
  expect(services.length).toBe(seen);
});

test("A cut link is down in the next round, and since when; its end at the other site cannot be heard any more", async () => {
  const { network, observer, rounds, clock } = observed();
  network.link("c1", "c2");
  network.router("c1").linkBytes.set("to-c2", { bytesIn: 0, bytesOut: 0, streams: 1 });
  await rounds(12, (round) =>
    network.router("c1").linkBytes.set("to-c2", { bytesIn: 500 * round, bytesOut: 2000 * round, streams: 1 }),
  );
  expect(observer.network().links).toMatchObject([
    {
      id: "id-c1/to-c2",
      from: "id-c1",
      to: "id-c2",
      state: "up",
      bytesForth: 2000,
      bytesBack: 500,
      rttMs: 2,
    },
  ]);
  const [link] = network.router("c1").links;
  if (link === undefined) throw new Error("No link");
  network.router("c1").links = [{ ...link, state: "down", error: "Connection refused" }];
  network.change("c2", (site) => ({ ...site, reachable: false }));
  await rounds(1);
  expect(observer.network().links).toMatchObject([
    { state: "down", sinceMs: clock.now(), error: "Connection refused", bytesForth: 0 },
  ]);
  expect(observer.network().sites.map(({ name, reachable }) => [name, reachable])).toEqual([
    ["c1", true],
    ["c2", false],
  ]);
});

test("A router that joins a network gets another site: it stays one router, and counts once", async () => {
  const { network, observer, rounds } = observed({ names: ["c1"] });
  network.offer("c1", { service: WEB, pods: { a: true } });
  const router = network.router("c1");
  await rounds(3, () => router.request({ service: WEB, to: ["c1", "a"], times: 5 }));
  network.rename("c1", "id-founded");
  await rounds(3, () => router.request({ service: WEB, to: ["c1", "a"], times: 5 }));
  expect(observer.network().sites.map(({ id, routers }) => [id, routers.length])).toEqual([
    ["id-founded", 1],
  ]);
  expect((await observer.service(WEB)).pods.map(({ endpoint, total }) => [endpoint, total])).toEqual([
    ["id-founded/a", 15],
  ]);
  expect(observer.self().id).toBe("id-founded");
});

test("What is wanted without a policy is the own site, then all others; with policies their mean by what clients send", async () => {
  const { network, observer, rounds } = observed({ names: ["c1", "c2", "c3"] });
  network.offer("c2", { service: WEB, pods: { a: true, b: true } });
  network.offer("c3", { service: WEB, pods: { c: true, d: false } });
  await rounds(2);
  const wanted = (): unknown =>
    observer.services().services[0]?.shares.map(({ site, wantedPercent }) => [site, wantedPercent]);
  expect(wanted()).toEqual([
    ["c2", 66.67],
    ["c3", 33.33],
  ]);
  const halves = [
    { cluster: "c2", sharePercent: 50, endpoints: [{ name: "a", sharePercent: 50 }] },
    { cluster: "c3", sharePercent: 50, endpoints: [{ name: "c", sharePercent: 50 }] },
  ];
  network.router("c1").policies = [
    { service: WEB, port: 8080, tiers: [], clusters: halves, unknownTargets: [] },
  ];
  network.router("c1").changed();
  await rounds(2, () => {
    network.router("c1").request({ service: WEB, to: ["c2", "a"], times: 30 });
    network.router("c2").request({ service: WEB, to: ["c2", "b"], times: 10 });
  });
  expect(wanted()).toEqual([
    ["c2", 62.5],
    ["c3", 37.5],
  ]);
  expect((await observer.service(WEB)).pods.map(({ name, wantedPercent }) => [name, wantedPercent])).toEqual([
    ["a", 50],
    ["b", 12.5],
    ["c", 37.5],
    ["d", undefined],
  ]);
});
