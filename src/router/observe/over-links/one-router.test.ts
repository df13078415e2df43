import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import type { LinkStream, StreamHandler, StreamOpen } from "#link/types.ts";
import type { RouterConfig } from "../../config.ts";
import type { Router } from "../../router.ts";
import { TestNetwork } from "../../testing/network.ts";
import { eventually, listener, listenPort, Rig, service, SERVICE } from "../../testing/routers.ts";
import type { Observation } from "../observation.ts";
import { Asking } from "./asking.ts";

const accept = [{ listen: "127.0.0.1:0" }];
const admin = { listen: "127.0.0.1:0" };

function linkTo(router: Router, cost = 1): NonNullable<RouterConfig["links"]>[number] {
  const [port] = router.linkPorts;
  return { name: `to-${port}`, addresses: [`127.0.0.1:${port}`], cost };
}

async function base(network: TestNetwork, id: string): Promise<RouterConfig> {
  return { site: { id, name: id }, identity: await network.identity(id) };
}

/** Site near asks through site middle, to which both routers of site far are linked, each with clients of its own. */
async function replicas(
  rig: Rig,
): Promise<{ readonly near: Router; readonly middle: Router; readonly far: readonly [Router, Router] }> {
  const network = await TestNetwork.create();
  const middle = rig.router({ ...(await base(network, "middle")), accept });
  const near = rig.router({ ...(await base(network, "near")), links: [linkTo(middle)], admin });
  const replica = {
    ...(await base(network, "far")),
    links: [linkTo(middle)],
    listeners: [listener()],
    services: [service([rig.backend("far")])],
  };
  const far = [rig.router(replica, { hostname: "r-0" }), rig.router(replica, { hostname: "r-1" })] as const;
  await eventually(() => routersOf(near, "far").length === 2);
  await eventually(() => far.every((router) => router.core().network.sites.get("near")?.cost === 2));
  return { near, middle, far };
}

function routersOf(router: Router, site: string): readonly string[] {
  return router.state().sites.find(({ id }) => id === site)?.routers ?? [];
}

async function connect(rig: Rig, router: Router, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const client = await rig.client(listenPort(router));
    await client.until((one) => one.text.includes("\n"));
    client.fin();
    await client.ended();
  }
}

async function ask(router: Router, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${router.adminPort}${path}`);
  return { status: answer.status, text: await answer.text() };
}

/** Who answered, and the connections that it counted. */
async function observed(router: Router, path: string): Promise<[router: string, connections: number]> {
  const { status, text } = await ask(router, path);
  expect([status, status === 200 ? "" : text]).toEqual([200, ""]);
  const said = JSON.parse(text) as Observation;
  return [said.router.id, said.traffic.reduce((sum, { total }) => sum + total, 0)];
}

function outcomes(router: Router, name: string): Record<string, number> {
  const found = [
    ...router.metrics().matchAll(new RegExp(`^${name}\\{outcome="(.*?)"\\} ([1-9]\\d*)$`, "gm")),
  ];
  return Object.fromEntries(found.map(([, outcome = "", count]) => [outcome, Number(count)]));
}

test("each of two routers of a site is asked by its id through the site between, and tells of its own clients", async () => {
  using rig = new Rig();
  const { near, middle, far } = await replicas(rig);
  await connect(rig, far[0], 3);
  await connect(rig, far[1], 5);
  for (let round = 0; round < 3; round++) {
    expect(await observed(near, "/v1/sites/far/v1/observe?router=r-0")).toEqual(["r-0", 3]);
    expect(await observed(near, "/v1/sites/far/v1/observe?router=r-1")).toEqual(["r-1", 5]);
  }
  const explained = await ask(near, `/v1/sites/far/v1/explain?service=${SERVICE}&port=8080&router=r-1`);
  expect(JSON.parse(explained.text)).toMatchObject({ service: SERVICE });
  expect(middle.counters.relayedStreams).toBe(7);
  expect(outcomes(far[0], "isthmus_router_observe_asked_total")).toEqual({ answered: 3 });
  expect(outcomes(far[1], "isthmus_router_observe_asked_total")).toEqual({ answered: 4 });
  expect(outcomes(near, "isthmus_router_observe_asks_total")).toEqual({ answered: 7 });
});

test("without an id the route decides who answers, and routers that are linked side by side are told apart too", async () => {
  using rig = new Rig();
  const { near, middle, far } = await replicas(rig);
  const [anyone] = await observed(near, "/v1/sites/far/v1/observe");
  expect(["r-0", "r-1"]).toContain(anyone);
  await connect(rig, far[1], 2);
  for (const [id, total] of [
    ["r-0", 0],
    ["r-1", 2],
  ] as const) {
    const { status, body } = await middle.ask("far", `/v1/observe?router=${id}`);
    const said = JSON.parse(body) as Observation;
    expect([status, said.router.id]).toEqual([200, id]);
    expect(said.traffic.reduce((sum, row) => sum + row.total, 0)).toBe(total);
  }
});

test("a router that is not there, or went away, is 404 with the reason; the other one still answers", async () => {
  using rig = new Rig();
  const { near, far } = await replicas(rig);
  for (const id of ["r-9", "", "r-1%0a"])
    expect(await ask(near, `/v1/sites/far/v1/observe?router=${id}`)).toEqual({
      status: 404,
      text: "Site far has no router of that id\n",
    });
  far[1].stop();
  await eventually(() => routersOf(near, "far").length === 1);
  expect(await ask(near, "/v1/sites/far/v1/observe?router=r-1")).toEqual({
    status: 404,
    text: "No way leads to router r-1 of site far now that passes each site once\n",
  });
  expect(await observed(near, "/v1/sites/far/v1/observe?router=r-0")).toEqual(["r-0", 0]);
  expect(outcomes(near, "isthmus_router_observe_asks_total")).toEqual({ answered: 1, unreachable: 4 });
});

test("a router asked for another one's words says that it is not that one", async () => {
  using rig = new Rig();
  const { near } = await replicas(rig);
  expect((await ask(near, "/v1/sites/near/v1/observe?router=router-0")).status).toBe(200);
  for (const path of ["/v1/sites/near/v1/observe?router=other", "/v1/observe?router=other"])
    expect(await ask(near, path)).toEqual({
      status: 404,
      text: "This is router router-0 and not the one that was asked for\n",
    });
});

test("no question passes a second router of a site: it goes a dearer way around it, or is 404 where there is none", async () => {
  using rig = new Rig();
  const network = await TestNetwork.create();
  // near --- far/r-0 --- beside --- far/r-1
  const beside = rig.router({ ...(await base(network, "beside")), accept });
  const far = await base(network, "far");
  const first = rig.router({ ...far, accept, links: [linkTo(beside)] }, { hostname: "r-0" });
  rig.router({ ...far, links: [linkTo(beside)] }, { hostname: "r-1" });
  const config = { ...(await base(network, "near")), admin, links: [linkTo(first)] };
  const near = rig.router(config);
  await eventually(() => routersOf(near, "far").length === 2);
  expect(await ask(near, "/v1/sites/far/v1/observe?router=r-1")).toMatchObject({ status: 404 });
  expect(await observed(near, "/v1/sites/far/v1/observe?router=r-0")).toEqual(["r-0", 0]);
  expect(beside.counters.relayedStreams).toBe(0);
  near.apply({ ...config, links: [linkTo(first), linkTo(beside, 10)] });
  await eventually(() => near.core().network.nextHopToRouter("far", "r-1") !== undefined);
  expect(near.core().network.sites.get("beside")?.cost).toBe(2);
  expect(await observed(near, "/v1/sites/far/v1/observe?router=r-1")).toEqual(["r-1", 0]);
  expect(beside.counters.relayedStreams).toBe(1);
});

test("a way that ends between is 404 for one router and 502 for any; OPEN names the router", async () => {
  const opened: { open: StreamOpen; handler: StreamHandler }[] = [];
  const stream = { write: () => true, fin() {}, reset() {}, consumed() {} } as unknown as LinkStream;
  const link = {
    open: (open: StreamOpen, handler: StreamHandler) => (opened.push({ open, handler }), stream),
  };
  const asking = new Asking({
    clock: new FakeClock(),
    site: () => "near",
    isKnown: () => true,
    nextHop: () => link as never,
  });
  const answers = ["/v1/observe?state=1&router=r-1", "/v1/observe"].map((path) => asking.ask("far", path));
  for (const { handler } of opened) handler.onReset("REFUSED", "No route to the site");
  expect(await Promise.all(answers)).toEqual([
    { status: 404, body: "REFUSED: No route to the site\n" },
    { status: 502, body: "REFUSED: No route to the site\n" },
  ]);
  expect(opened.map(({ open }) => open.endpoint)).toEqual(["far/r-1", "far/"]);
  expect(asking.counts.unreachable).toBe(2);
});
