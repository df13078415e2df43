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
