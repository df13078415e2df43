import { expect, test } from "bun:test";
import type { RouterConfig } from "../config.ts";
import type { Router } from "../router.ts";
import { TestNetwork } from "../testing/network.ts";
import { eventually, listener, listenPort, Rig, service, SERVICE } from "../testing/routers.ts";
import type { RouterEvent } from "./observation.ts";

const site = { id: "a", name: "here" };
const POLICY = { service: SERVICE, failover: { rampMs: 0 } };

function events(router: Router): readonly RouterEvent[] {
  return router.observe(new URLSearchParams()).events;
}

function kinds(router: Router): string[] {
  return events(router).map(({ kind }) => kind);
}

async function untilTold(router: Router, kind: RouterEvent["kind"]): Promise<RouterEvent> {
  await eventually(() => kinds(router).includes(kind), 10_000);
  return events(router).findLast((one) => one.kind === kind) as RouterEvent;
}

test("a link and its site that go and come are told, each once", async () => {
  using rig = new Rig();
  const network = await TestNetwork.create();
  const far: RouterConfig = {
    site: { id: "b", name: "there" },
    identity: await network.identity("b"),
    accept: [{ listen: "127.0.0.1:0" }],
  };
  const b = rig.router(far);
  const [port] = b.linkPorts;
  const a = rig.router({
    site,
    identity: await network.identity("a"),
    links: [{ name: "to-b", addresses: [`127.0.0.1:${port}`] }],
  });
  await untilTold(a, "SiteReachable");
  expect(kinds(a)).toEqual(["LinkUp", "SiteReachable"]);
  b.stop();
  expect(await untilTold(a, "SiteUnreachable")).toMatchObject({
    siteId: "b",
    message: "No path leads to site there any more",
  });
  expect(kinds(a)).toEqual(["LinkUp", "SiteReachable", "LinkDown", "SiteUnreachable"]);
  expect(events(a)[2]).toMatchObject({ link: "to-b", siteId: "b" });
  rig.router({ ...far, accept: [{ listen: `127.0.0.1:${port}` }] });
  await eventually(() => kinds(a).length === 6, 10_000);
  expect(kinds(a).slice(4)).toEqual(["LinkUp", "SiteReachable"]);
}, 20_000);

test("an endpoint that is put aside, and serves again, is told and counted", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  const { port } = gone;
  gone.stop();
  const router = rig.router({
    site,
    listeners: [listener()],
    services: [service([{ port }, rig.backend("p1")])],
    policies: [{ service: SERVICE, outlier: { baseEjectionMs: 100, maxEjectionMs: 100 } }],
  });
  const ask = async (): Promise<void> => {
    const client = await rig.client(listenPort(router));
    await client.until((one) => one.text.includes("\n") || one.ending !== "open");
    client.reset();
  };
  for (let n = 0; n < 12; n++) await ask();
  expect(await untilTold(router, "EndpointEjected")).toMatchObject({
    service: SERVICE,
    siteId: "a",
    endpointName: "pod-0",
    message: "pod-0 in here is put aside after failures: default/app:8080 does without it",
  });
  expect(router.metrics()).toMatch(/isthmus_ejections_total\{service="default\/app",port="8080"\} [1-9]/);
  rig.backend("back", { port });
  const giveUp = performance.now() + 8000;
  while (!kinds(router).includes("EndpointBack") && performance.now() < giveUp) await ask();
  expect(kinds(router)).toContain("EndpointBack");
}, 20_000);

test("a failover, its end, and a service without endpoints are told; who begins without them says nothing", async () => {
  using rig = new Rig();
  const network = await TestNetwork.create();
  const b = rig.router({
    site: { id: "b", name: "there" },
    identity: await network.identity("b"),
    accept: [{ listen: "127.0.0.1:0" }],
    services: [service([rig.backend()])],
  });
  const pod = rig.backend();
  const config: RouterConfig = {
    site,
    identity: await network.identity("a"),
    links: [{ name: "to-b", addresses: [`127.0.0.1:${b.linkPorts[0]}`] }],
    listeners: [listener()],
    services: [service([pod])],
    policies: [POLICY],
  };
  const a = rig.router(config);
  const ready = (is: boolean): RouterConfig => ({
    ...config,
    services: [service([{ port: pod.port, ready: is }])],
  });
  await untilTold(a, "SiteReachable");
  const known = (): number => [...a.core().services.balancer(SERVICE, { port: 8080 }).members].length;
  await eventually(() => known() === 2);
  a.apply(ready(false));
  expect(await untilTold(a, "Failover")).toMatchObject({
    service: SERVICE,
    message: "default/app:8080 fails over: 100 % of what is new goes to tier 2 (there)",
  });
  a.apply(ready(true));
  expect((await untilTold(a, "Failback")).message).toBe(
    "default/app:8080 is back: everything new goes to tier 1 (here)",
  );
  b.stop();
  await untilTold(a, "SiteUnreachable");
  a.apply(ready(false));
  await untilTold(a, "NoEndpoints");
  a.apply(ready(true));
  expect((await untilTold(a, "EndpointsBack")).message).toBe("default/app:8080 has endpoints again: here");
  expect(kinds(a).filter((kind) => !kind.startsWith("Link") && !kind.startsWith("Site"))).toEqual([
    "Failover",
    "Failback",
    "NoEndpoints",
    "EndpointsBack",
  ]);
  expect(a.metrics()).toMatch(/isthmus_failovers_total\{service="default\/app",port="8080"\} 1\n/);
}, 20_000);

test("a configuration is told with what of it changed, a refused one with why; endpoints come and go unsaid", () => {
  using rig = new Rig();
  const config: RouterConfig = { site, listeners: [listener()], services: [service([])] };
  const router = rig.router(config);
  const scaled = { ...config, services: [service([{ port: 1 }])] };
  router.apply(scaled);
  expect(events(router)).toEqual([]);
  router.apply({ ...scaled, policies: [POLICY], observe: { flows: false } });
  router.refuse([{ field: "links[0].cost", message: "Expected an integer" }]);
  expect(events(router).map(({ kind, message }) => [kind, message])).toEqual([
    ["ConfigApplied", "Configuration is in force: policies, observe changed"],
    [
      "ConfigRefused",
      "A configuration was refused, the last good one stays: links[0].cost Expected an integer",
    ],
  ]);
});

test("a link that cannot be made is in the state of whoever asks again, with why", async () => {
  using rig = new Rig();
  const network = await TestNetwork.create();
  const gone = rig.backend();
  gone.stop();
  const a = rig.router({
    site,
    identity: await network.identity("a"),
    links: [{ name: "to-b", addresses: [`127.0.0.1:${gone.port}`] }],
  });
  let { next, state } = a.observe(new URLSearchParams());
  const ask = (): void => {
    const cursor = Object.entries(next).map(([name, value]): [string, string] => [name, String(value)]);
    const said = a.observe(new URLSearchParams(cursor));
    next = said.next;
    state = said.state ?? state;
  };
  await eventually(() => {
    ask();
    return state?.links[0]?.error !== undefined;
  });
  expect(state?.links).toMatchObject([{ name: "to-b", state: "down" }]);
});
