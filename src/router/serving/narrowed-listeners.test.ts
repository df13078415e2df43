import { expect, test } from "bun:test";
import { parseConfig, type ListenerConfig, type RouterConfig, type ServiceConfig } from "../config.ts";
import type { Router } from "../router.ts";
import { TestNetwork } from "../testing/network.ts";
import { eventually, listenPort, listener, Rig, SERVICE, service } from "../testing/routers.ts";

type Only = NonNullable<ListenerConfig["only"]>;

const local = { id: "id-a", name: "a" };
const narrowedTo = (only: Only, protocol: ListenerConfig["protocol"] = "tcp"): ListenerConfig => ({
  ...listener(),
  protocol,
  only,
});

/** Site a with the listeners, linked to site b; each has the pods that are given. */
async function twoSites(
  rig: Rig,
  {
    here,
    there,
    listeners,
    policies = [],
  }: {
    readonly here: ServiceConfig;
    readonly there: ServiceConfig;
    readonly listeners: readonly ListenerConfig[];
    readonly policies?: NonNullable<RouterConfig["policies"]>;
  },
): Promise<{ a: Router; b: Router; config: RouterConfig }> {
  const network = await TestNetwork.create();
  const b = rig.router({
    site: { id: "id-b", name: "b" },
    identity: await network.identity("id-b"),
    accept: [{ listen: "127.0.0.1:0" }],
    services: [there],
  });
  const config: RouterConfig = {
    site: local,
    identity: await network.identity("id-a"),
    links: [{ name: "b", addresses: [`127.0.0.1:${b.linkPorts[0]}`] }],
    services: [here],
    listeners: [...listeners],
    policies,
  };
  const a = rig.router(config);
  await eventually(() => a.core().network.sites.get("id-b")?.cost !== undefined);
  await eventually(() => (a.core().network.sites.get("id-b")?.facts.services.size ?? 0) > 0);
  return { a, b, config };
}

/** What a listener answers to `count` connections: names of pods, or how it ended. */
async function answers(rig: Rig, port: number, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let n = 0; n < count; n++) {
    const client = await rig.client(port);
    await client.until((one) => one.text.includes("\n") || one.ending !== "open");
    const name = client.text === "" ? client.ending : client.text.trim();
    counts[name] = (counts[name] ?? 0) + 1;
    client.fin();
  }
  return counts;
}

test("a listener that is narrowed to a site, by name or id, or to one endpoint, leads nowhere else", async () => {
  using rig = new Rig();
  const only: readonly Only[] = [
    { site: "b" },
    { site: "id-b" },
    { site: "a" },
    { endpoint: "id-b/pod-1" },
    { endpoint: "b/pod-0" },
  ];
  const { a } = await twoSites(rig, {
    here: service([rig.backend("a0")]),
    there: service([rig.backend("b0"), rig.backend("b1")]),
    listeners: [listener(), ...only.map((one) => narrowedTo(one))],
  });
  const found = [];
  for (let index = 0; index <= only.length; index++) found.push(await answers(rig, listenPort(a, index), 4));
  expect(found).toEqual([{ a0: 4 }, { b0: 2, b1: 2 }, { b0: 2, b1: 2 }, { a0: 4 }, { b1: 4 }, { b0: 4 }]);
  expect(a.state().listeners.map((one) => one.only)).toEqual([undefined, ...only]);
});

test("a narrowed listener with nothing left refuses at once, whatever others have", async () => {
  using rig = new Rig();
  const gone = rig.backend("gone");
  gone.stop();
  const { a } = await twoSites(rig, {
    here: service([rig.backend("a0")]),
    there: service([gone, { port: 1, ready: false }]),
    listeners: [
      narrowedTo({ site: "b" }),
      narrowedTo({ endpoint: "b/pod-1" }),
      narrowedTo({ site: "elsewhere" }),
      narrowedTo({ site: "b" }, "http"),
    ],
  });
  const startMs = performance.now();
  expect(await answers(rig, listenPort(a, 0), 3)).toEqual({ reset: 3 });
  expect(await answers(rig, listenPort(a, 1), 1)).toEqual({ reset: 1 });
  expect(await answers(rig, listenPort(a, 2), 1)).toEqual({ reset: 1 });
  const { status } = await fetch(`http://127.0.0.1:${listenPort(a, 3)}/`);
  expect(status).toBe(503);
  expect(performance.now() - startMs).toBeLessThan(2000);
});

test("of the policy its mode and targets play no part where a listener is narrowed", async () => {
  using rig = new Rig();
  const { a } = await twoSites(rig, {
    here: service([rig.backend("a0")]),
    there: service([rig.backend("b0")]),
    listeners: [listener(), narrowedTo({ site: "b" })],
    policies: [{ service: SERVICE, mode: "Local", targets: [{ cluster: "b", weight: 0 }] }],
  });
  expect(await answers(rig, listenPort(a, 0), 2)).toEqual({ a0: 2 });
  expect(await answers(rig, listenPort(a, 1), 2)).toEqual({ b0: 2 });
});

test("what a listener is narrowed to can change, and the connections that stand stay", async () => {
  using rig = new Rig();
  const { a, config } = await twoSites(rig, {
    here: service([rig.backend("a0")]),
    there: service([rig.backend("b0")]),
    listeners: [narrowedTo({ site: "b" })],
  });
  const standing = await rig.client(listenPort(a));
  await standing.until((one) => one.text === "b0\n");
  a.apply({ ...config, listeners: [narrowedTo({ site: "a" })] });
  expect(await answers(rig, listenPort(a), 2)).toEqual({ a0: 2 });
  standing.send("still here\n");
  await standing.until((one) => one.text.includes("still here"));
  a.apply({ ...config, listeners: [listener()] });
  expect(await answers(rig, listenPort(a), 2)).toEqual({ a0: 2 });
});

test("a site whose link is gone leaves its narrowed listener with nothing, and is back with the link", async () => {
  using rig = new Rig();
  const { a, config } = await twoSites(rig, {
    here: service([rig.backend("a0")]),
    there: service([rig.backend("b0")]),
    listeners: [narrowedTo({ site: "b" })],
  });
  const port = listenPort(a);
  a.apply({ ...config, links: [], listeners: config.listeners ?? [] });
  await eventually(() => a.core().network.sites.get("id-b")?.cost === undefined);
  expect(await answers(rig, port, 1)).toEqual({ reset: 1 });
  a.apply(config);
  await eventually(() => a.core().network.sites.get("id-b")?.cost !== undefined);
  expect(await answers(rig, port, 1)).toEqual({ b0: 1 });
});

test("a hostname travels to other sites", async () => {
  using rig = new Rig();
  const there = service([rig.backend("b0"), rig.backend("b1")]);
  const named: ServiceConfig = {
    ...there,
    endpoints: there.endpoints.map((one, n) => (n === 0 ? { ...one, hostname: "web-0" } : one)),
  };
  const { a } = await twoSites(rig, { here: service([]), there: named, listeners: [] });
  const site = a.state().sites.find(({ id }) => id === "id-b");
  expect(site?.services[0]?.endpoints.map(({ hostname }) => hostname)).toEqual(["web-0", undefined]);
});

test("a listener is narrowed to a site or to an endpoint, not to both and not to nothing", () => {
  for (const only of [{}, { site: "b", endpoint: "b/pod-0" }]) {
    const result = parseConfig({ site: local, listeners: [narrowedTo(only)] });
    expect(result).toMatchObject({ ok: false, problems: [{ field: "listeners[0].only" }] });
  }
  const misspelt = parseConfig({ site: local, listeners: [narrowedTo({ endpoint: "b" })] });
  expect(misspelt).toMatchObject({ ok: false, problems: [{ field: "listeners[0].only.endpoint" }] });
});
