import { expect, test } from "bun:test";
import { systemClock } from "#core/clock.ts";
import { observerApi } from "#observe/api.ts";
import { Observer } from "#observe/observer.ts";
import { directSource } from "#observe/sources/direct.ts";
import type { NetworkView, ServiceView } from "#observe/views.ts";
import { TestNetwork } from "#router/testing/network.ts";
import { eventually, listener, listenPort, Rig, SERVICE, service } from "#router/testing/routers.ts";
import type { Router } from "#router/router.ts";

/** Site far has two routers with clients of their own; near, where the observer stands, reaches them through middle. */
async function replicas(rig: Rig): Promise<{ readonly near: Router; readonly far: readonly Router[] }> {
  const network = await TestNetwork.create();
  const pod = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("far") });
  rig.defer(() => void pod.stop(true));
  const middle = rig.router({
    site: { id: "middle", name: "middle" },
    identity: await network.identity("middle"),
    accept: [{ listen: "127.0.0.1:0" }],
  });
  const links = [{ name: "to-middle", addresses: [`127.0.0.1:${middle.linkPorts[0]}`] }];
  const near = rig.router({
    site: { id: "near", name: "near" },
    identity: await network.identity("near"),
    links,
    admin: { listen: "127.0.0.1:0" },
  });
  const replica = {
    site: { id: "far", name: "far" },
    identity: await network.identity("far"),
    links,
    listeners: [{ ...listener(), protocol: "http" as const }],
    services: [service([{ port: pod.port as number }])],
  };
  const far = ["r-0", "r-1"].map((hostname) => rig.router(replica, { hostname }));
  await eventually(() => near.state().sites.find(({ id }) => id === "far")?.routers?.length === 2);
  await eventually(() => far.every((router) => router.core().network.sites.get("near")?.cost === 2));
  return { near, far };
}

async function view<T>(observer: Observer, path: string): Promise<T> {
  const response = await observerApi(observer)(new Request(`http://console/api/v1/${path}`));
  expect(response?.status).toBe(200);
  return (await response?.json()) as T;
}

test("Two routers at a far site: the clients of both are in the views, each once", async () => {
  using rig = new Rig();
  const { near, far } = await replicas(rig);
  const observer = new Observer({
    source: directSource([`http://127.0.0.1:${near.adminPort}`]),
    clock: systemClock,
    store: { path: ":memory:" },
  });
  rig.defer(() => observer.stop());
  // The own router names the far ones; those are asked from the next round on, and told apart as soon as one says how many there are.
  for (let round = 0; round < 4; round++) await observer.look();
  for (const [index, requests] of [30, 50].entries()) {
    const url = `http://127.0.0.1:${listenPort(far[index] as Router)}/`;
    for (let n = 0; n < requests; n++) await (await fetch(url)).text();
  }
  await observer.look();
  const { sites } = await view<NetworkView>(observer, "network");
  const heard = sites.find(({ id }) => id === "far")?.routers.filter(({ stale }) => !stale);
  expect(heard?.map(({ id }) => id).toSorted()).toEqual(["r-0", "r-1"]);
  const { pods, row } = await view<ServiceView>(observer, `services/${SERVICE}`);
  expect(pods.map(({ site, total }) => [site, total])).toEqual([["far", 80]]);
  expect(row.load.successPercent).toBe(100);
  const { flows } = observer.flows({ limit: 1000 });
  expect([flows.length, ...new Set(flows.map(({ sourceSite }) => sourceSite))]).toEqual([80, "far"]);
});
