import { expect, test } from "bun:test";
import { systemClock } from "#core/clock.ts";
import { observerApi } from "#observe/api.ts";
import { Observer } from "#observe/observer.ts";
import { directSource } from "#observe/sources/direct.ts";
import type { NetworkView, ServicesView, ServiceView } from "#observe/views.ts";
import { TestNetwork } from "#router/testing/network.ts";
import { eventually, listener, listenPort, Rig, SERVICE, service } from "#router/testing/routers.ts";
import type { Router } from "#router/router.ts";

const admin = { listen: "127.0.0.1:0" };

function web(rig: Rig, name: string): { readonly port: number } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response(name, { status: request.url.endsWith("/bad") ? 500 : 200 }),
  });
  rig.defer(() => void server.stop(true));
  return { port: server.port as number };
}

function observerOf(rig: Rig, router: Router): Observer {
  const observer = new Observer({
    source: directSource([`http://127.0.0.1:${router.adminPort}`]),
    clock: systemClock,
    store: { path: ":memory:" },
  });
  rig.defer(() => observer.stop());
  return observer;
}

async function ask(router: Router, count: number, path = "/"): Promise<void> {
  const url = `http://127.0.0.1:${listenPort(router)}${path}`;
  for (let n = 0; n < count; n++) await (await fetch(url)).text();
}

async function view<T>(observer: Observer, path: string): Promise<T> {
  const response = await observerApi(observer)(new Request(`http://console/api/v1/${path}`));
  expect(response?.status).toBe(200);
  return (await response?.json()) as T;
}

test("One site: requests through a real router are in its views, each once", async () => {
  using rig = new Rig();
  const pods = [web(rig, "a"), web(rig, "b")];
  const router = rig.router({
    site: { id: "s1", name: "c1", namespace: "shop" },
    admin,
    listeners: [{ ...listener(), protocol: "http" }],
    services: [service(pods)],
  });
  const observer = observerOf(rig, router);
  await ask(router, 5);
  await observer.look();
  await ask(router, 40);
  await ask(router, 10, "/bad");
  await observer.look();
  const seen = await view<ServiceView>(observer, `services/${SERVICE}`);
  expect(seen.pods.map(({ name, total }) => [name, total])).toEqual([
    ["pod-0", expect.any(Number)],
    ["pod-1", expect.any(Number)],
  ]);
  expect(seen.pods.reduce((sum, { total }) => sum + total, 0)).toBe(55);
  expect(seen.row.load.successPercent).toBe(80);
  expect(seen.row.state).toBe("ok");
  expect(seen.clients).toMatchObject([{ site: "c1", mode: "Failover" }]);
  const flows = observer.flows({ limit: 1000 });
  expect([flows.flows.length, flows.unsampled, flows.lost]).toEqual([55, 0, 0]);
  expect(observer.flows({ status: "5xx", limit: 1000 }).flows.length).toBe(10);
  const network = await view<NetworkView>(observer, "network");
  expect(network.sites).toMatchObject([
    { id: "s1", name: "c1", self: true, reachable: true, pods: 2, podsReady: 2 },
  ]);
  const services = await view<ServicesView>(observer, "services");
  expect(services.services.map((row) => row.service)).toEqual([SERVICE]);
});

/** Two sites with a pod each of one service, and a listener for it at both; the near one dials. */
async function linked(rig: Rig): Promise<{ readonly near: Router; readonly far: Router }> {
  const network = await TestNetwork.create();
  const pods = [web(rig, "near"), web(rig, "far")];
  const policies = [{ service: SERVICE, mode: "ActiveActive" as const }];
  const site = (id: string, index: number): Parameters<Rig["router"]>[0] => ({
    site: { id, name: `site-${id}`, namespace: "shop" },
    admin,
    listeners: [{ ...listener(), protocol: "http" }],
    services: [service(pods.slice(index, index + 1))],
    policies,
  });
  const far = rig.router({
    ...site("far", 1),
    identity: await network.identity("far"),
    accept: [{ listen: "127.0.0.1:0" }],
  });
  const near = rig.router({
    ...site("near", 0),
    identity: await network.identity("near"),
    links: [{ name: "to-far", addresses: [`127.0.0.1:${far.linkPorts[0]}`] }],
  });
  await eventually(() => near.core().network.sites.get("far")?.cost === 1);
  await eventually(() => far.core().network.sites.get("near")?.cost === 1);
  return { near, far };
}

function countedBy(router: Router): Map<string, number> {
  const { traffic } = router.observe(new URLSearchParams());
  return new Map(traffic.map(({ endpoint, total }) => [endpoint, total]));
}

test("Two sites: what both routers counted, and nothing else, is in the views; the link is one edge", async () => {
  using rig = new Rig();
  const { near, far } = await linked(rig);
  const observer = observerOf(rig, near);
  await observer.look();
  await observer.look();
  await ask(near, 60);
  await ask(far, 40);
  await observer.look();
  const { pods, row, clients } = await view<ServiceView>(observer, `services/${SERVICE}`);
  const [byNear, byFar] = [countedBy(near), countedBy(far)];
  for (const { endpoint, total } of pods)
    expect([endpoint, total]).toEqual([endpoint, (byNear.get(endpoint) ?? 0) + (byFar.get(endpoint) ?? 0)]);
  expect(pods.map(({ site }) => site)).toEqual(["site-far", "site-near"]);
  expect(pods.reduce((sum, { total }) => sum + total, 0)).toBe(100);
  expect(row.shares.map(({ wantedPercent }) => wantedPercent)).toEqual([50, 50]);
  expect(clients.map(({ site, mode }) => [site, mode])).toEqual([
    ["site-near", "ActiveActive"],
    ["site-far", "ActiveActive"],
  ]);
  const flows = observer.flows({ limit: 1000 }).flows;
  expect(flows.filter(({ sourceSite }) => sourceSite === "site-near").length).toBe(60);
  expect(flows.filter(({ sourceSite }) => sourceSite === "site-far").length).toBe(40);
  expect(flows.find(({ path }) => path.length === 2)?.path).toContain("near");
  const network = await view<NetworkView>(observer, "network");
  expect(network.links).toMatchObject([{ id: "near/to-far", from: "near", to: "far", state: "up", cost: 1 }]);
  expect(network.links[0]?.bytesForth).toBeGreaterThan(0);
  expect(network.sites.map(({ name, reachable, routers }) => [name, reachable, routers.length])).toEqual([
    ["site-near", true, 1],
    ["site-far", true, 1],
  ]);
});

test("A link that is cut is down in the followed view in less than three seconds, seen from either end", async () => {
  for (const standAt of ["near", "far"] as const) {
    using rig = new Rig();
    const routers = await linked(rig);
    const observer = observerOf(rig, routers[standAt]);
    observer.start();
    await observer.ready();
    const seen: string[] = [];
    const waiting: { state: string; resolve: () => void }[] = [];
    const until = (state: string): Promise<void> =>
      new Promise((resolve) => (seen.at(-1) === state ? resolve() : waiting.push({ state, resolve })));
    observer.subscribe({ view: "network" }, ({ data }) => {
      const [link] = (data as NetworkView).links;
      if (link === undefined) return;
      seen.push(link.state);
      for (const one of waiting) if (one.state === link.state) one.resolve();
    });
    await until("up");
    const cutMs = performance.now();
    routers[standAt === "near" ? "far" : "near"].stop();
    await until("down");
    const tookMs = performance.now() - cutMs;
    console.log(`notice: seen from ${standAt}, down after ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(3000);
    expect(observer.network().sites.map(({ reachable }) => reachable)).toEqual([true, false]);
    observer.stop();
  }
});
