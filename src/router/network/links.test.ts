import { beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { RouterConfig } from "../config.ts";
import type { Router } from "../router.ts";
import { TestNetwork } from "../testing/network.ts";
import { Rig, SERVICE, eventually, listenPort, listener, service } from "../testing/routers.ts";

let network: TestNetwork;
const identities = new Map<string, Awaited<ReturnType<TestNetwork["identity"]>>>();

beforeAll(async () => {
  network = await TestNetwork.create();
  for (const id of ["a", "b", "c", "d"]) identities.set(id, await network.identity(id));
});

function base(id: string): RouterConfig {
  const identity = identities.get(id);
  if (identity === undefined) throw new Error(`No identity ${id}`);
  return { site: { id, name: `site-${id}` }, identity };
}

/** A router that accepts links; others dial it with `linkTo`. */
function acceptor(rig: Rig, id: string, more: Partial<RouterConfig> = {}): Router {
  return rig.router({ ...base(id), accept: [{ listen: "127.0.0.1:0" }], ...more });
}

function linkTo(router: Router, name: string, cost = 1): NonNullable<RouterConfig["links"]>[number] {
  return { name, addresses: [`127.0.0.1:${router.linkPorts[0]}`], cost, lanes: 2 };
}

function candidates(router: Router): number {
  return router.core().services.balancer(SERVICE, { port: 8080 }).candidates.length;
}

async function names(rig: Rig, port: number, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let n = 0; n < count; n++) {
    const client = await rig.client(port);
    await client.until((one) => one.text.includes("\n") || one.ending !== "open");
    const name = client.text.trim();
    counts[name] = (counts[name] ?? 0) + 1;
    client.fin();
    await client.ended();
  }
  return counts;
}

const nothing = (): void => undefined;

test("two sites share connections exactly over links, whoever dialled; readiness and scaling follow", async () => {
  using rig = new Rig();
  const [b0, c0, c1] = [rig.backend("b0"), rig.backend("c0"), rig.backend("c1")];
  const b = acceptor(rig, "b", { services: [service([b0])] });
  const a = acceptor(rig, "a", { listeners: [listener()], links: [linkTo(b, "to-b")] });
  const cConfig: RouterConfig = {
    ...base("c"),
    links: [linkTo(a, "to-a")],
    services: [service([c0])],
  };
  const c = rig.router(cConfig);
  await eventually(() => candidates(a) === 2);
  expect(await names(rig, listenPort(a), 20)).toEqual({ b0: 10, c0: 10 });
  const started = performance.now();
  c.apply({ ...cConfig, services: [service([c0, c1])] });
  await eventually(() => candidates(a) === 3);
  expect(performance.now() - started).toBeLessThan(250);
  expect(await names(rig, listenPort(a), 30)).toEqual({ b0: 10, c0: 10, c1: 10 });
  c.apply({ ...cConfig, services: [service([{ port: c0.port, ready: false }, c1])] });
  await eventually(() => candidates(a) === 2);
  expect(await names(rig, listenPort(a), 10)).toEqual({ b0: 5, c1: 5 });
  expect(a.state().sites.map(({ id, reachable }) => [id, reachable])).toEqual([
    ["a", true],
    ["b", true],
    ["c", true],
  ]);
});

test("half-close both ways over a link keeps every byte, with equal SHA-256", async () => {
  using rig = new Rig();
  const b = acceptor(rig, "b", { services: [service([rig.backend()])] });
  const a = rig.router({ ...base("a"), listeners: [listener()], links: [linkTo(b, "to-b")] });
  await eventually(() => candidates(a) === 1);
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const all = Buffer.concat(Array.from({ length: 320 }, () => bytes));
  const hash = createHash("sha256");
  const client = await rig.client(listenPort(a));
  client.send(all);
  client.fin();
  await client.ended(10_000);
  expect(client.ending).toBe("fin");
  for (const chunk of client.chunks) hash.update(chunk);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(all).digest("hex"));
  await eventually(() => a.flows.size === 0 && b.flows.size === 0);
});

test("a chain of three relays, and takes the cheaper of two ways", async () => {
  using rig = new Rig();
  const c = acceptor(rig, "c", { services: [service([rig.backend("c0")])] });
  const b = acceptor(rig, "b", { links: [linkTo(c, "to-c", 1)] });
  const config: RouterConfig = { ...base("a"), listeners: [listener()], links: [linkTo(b, "to-b", 1)] };
  const a = rig.router(config);
  await eventually(() => candidates(a) === 1);
  expect(await names(rig, listenPort(a), 5)).toEqual({ c0: 5 });
  expect(b.counters.relayedStreams).toBe(5);
  expect(a.state().sites.find(({ id }) => id === "c")?.cost).toBe(2);
  a.apply({ ...config, links: [linkTo(b, "to-b", 1), linkTo(c, "direct", 10)] });
  await eventually(() => a.state().links.every(({ state }) => state === "up"));
  expect(await names(rig, listenPort(a), 5)).toEqual({ c0: 5 });
  expect(b.counters.relayedStreams).toBe(10);
  a.apply({ ...config, links: [linkTo(b, "to-b", 20), linkTo(c, "direct", 10)] });
  await eventually(() => a.state().sites.find(({ id }) => id === "c")?.cost === 10);
  expect(await names(rig, listenPort(a), 5)).toEqual({ c0: 5 });
  expect(b.counters.relayedStreams).toBe(10);
});

test("a link that dies in the middle resets the client, withdraws the routes at once, and the site stays known", async () => {
  using rig = new Rig();
  const b = acceptor(rig, "b", { services: [service([rig.backend("b0")])] });
  const a = rig.router({ ...base("a"), listeners: [listener()], links: [linkTo(b, "to-b")] });
  await eventually(() => candidates(a) === 1);
  const client = await rig.client(listenPort(a));
  client.send(new Uint8Array(8 * 1024 * 1024));
  await client.until((one) => one.bytes > 100_000);
  b.stop();
  await client.ended();
  expect(client.ending).toBe("reset");
  await eventually(() => candidates(a) === 0);
  const late = await rig.client(listenPort(a));
  await late.ended();
  expect(late.ending).toBe("reset");
  const site = a.state().sites.find(({ id }) => id === "b");
  expect(site).toMatchObject({ reachable: false, services: [{ service: SERVICE }] });
});

test("a refused pod behind a link is replaced by another one, in another site too", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  const { port } = gone;
  gone.stop();
  const b = acceptor(rig, "b", { services: [service([{ port }])] });
  const c = acceptor(rig, "c", { services: [service([rig.backend("c0"), { port }])] });
  const a = rig.router({
    ...base("a"),
    listeners: [listener()],
    links: [linkTo(b, "to-b"), linkTo(c, "to-c")],
  });
  await eventually(() => candidates(a) === 3);
  expect(await names(rig, listenPort(a), 9)).toEqual({ c0: 9 });
  expect(b.counters.refusedConnect + c.counters.refusedConnect).toBeGreaterThan(0);
});

test("bytes that a client sent before the refusal reach the endpoint that takes over", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  const { port } = gone;
  gone.stop();
  const b = acceptor(rig, "b", { services: [service([{ port, id: "x" }, rig.backend()])] });
  const a = rig.router({ ...base("a"), listeners: [listener()], links: [linkTo(b, "to-b")] });
  await eventually(() => candidates(a) === 2);
  for (let n = 0; n < 8; n++) {
    const client = await rig.client(listenPort(a));
    client.send(`hello ${n}`);
    client.fin();
    await client.ended();
    expect([client.ending, client.text]).toEqual(["fin", `hello ${n}`]);
  }
});

test("a service that is not exported serves its own site only: neither advertised nor open to others", async () => {
  using rig = new Rig();
  const [shared, own] = [rig.backend("b0"), rig.backend("own")];
  const hidden = "default/hidden";
  const b = acceptor(rig, "b", {
    services: [service([shared]), { ...service([own], hidden), exported: false }],
    listeners: [listener(hidden)],
  });
  const a = rig.router({ ...base("a"), listeners: [listener()], links: [linkTo(b, "to-b")] });
  await eventually(() => candidates(a) === 1);
  const seen = a.state().sites.find(({ id }) => id === "b");
  expect(seen?.services.map((one) => one.service)).toEqual([SERVICE]);
  expect(await names(rig, listenPort(b), 2)).toEqual({ own: 2 });
  const [link] = [...a.core().network.links];
  const code = await new Promise((resolve) => {
    const handler = { onData: nothing, onFin: nothing, onReset: resolve, onWritable: nothing };
    const to = { service: hidden, port: 8080, endpoint: "b/pod-0" };
    link?.open({ ...to, protocol: "tcp", client: "x", hops: ["a"], trace: "t" }, handler);
  });
  expect(code).toBe("DENIED");
});

test("what is not exported is denied, whatever another router asks for", async () => {
  using rig = new Rig();
  const pod = rig.backend("b0");
  const b = acceptor(rig, "b", { services: [service([pod])] });
  const a = rig.router({ ...base("a"), links: [linkTo(b, "to-b")] });
  await eventually(() => a.core().network.links.size === 1);
  const [link] = [...a.core().network.links];
  const open = (over: object): Promise<string> =>
    new Promise((resolve) => {
      const handler = {
        onData: () => resolve("data"),
        onFin: () => resolve("fin"),
        onReset: resolve,
        onWritable: () => undefined,
      };
      link?.open(
        {
          service: SERVICE,
          port: 8080,
          endpoint: "b/pod-0",
          protocol: "tcp",
          client: "x",
          hops: ["a"],
          trace: "t",
          ...over,
        },
        handler,
      );
    });
  expect(await open({})).toBe("data");
  expect(await open({ endpoint: "" })).toBe("data");
  expect(await open({ service: "kube-system/secret" })).toBe("DENIED");
  expect(await open({ endpoint: "b/forged" })).toBe("NO_ENDPOINT");
  expect(await open({ port: 22 })).toBe("NO_ENDPOINT");
  expect(await open({ hops: ["z"] })).toBe("DENIED");
  expect(await open({ hops: ["b", "a"] })).toBe("REFUSED");
  expect(await open({ endpoint: "nowhere/pod-0" })).toBe("REFUSED");
  expect(b.counters).toMatchObject({
    refusedUnknownService: 1,
    refusedUnknownEndpoint: 2,
    refusedForged: 1,
    refusedLoop: 1,
    refusedNoRoute: 1,
  });
  expect(pod.connections).toBe(2);
});

test("draining sends new connections elsewhere while running ones end in peace", async () => {
  using rig = new Rig();
  const b = acceptor(rig, "b", { services: [service([rig.backend("b0")])] });
  const c = acceptor(rig, "c", { services: [service([rig.backend("c0")])] });
  const a = rig.router({
    ...base("a"),
    listeners: [listener()],
    links: [linkTo(b, "to-b"), linkTo(c, "to-c")],
  });
  await eventually(() => candidates(a) === 2);
  const clients = [await rig.client(listenPort(a)), await rig.client(listenPort(a))];
  for (const client of clients) await client.until((one) => one.text.includes("\n"));
  const drained = b.drain();
  await eventually(() => candidates(a) === 1);
  expect(await names(rig, listenPort(a), 4)).toEqual({ c0: 4 });
  for (const client of clients) {
    client.send("bye");
    await client.until((one) => one.text.endsWith("bye"));
    client.fin();
    await client.ended();
    expect(client.ending).toBe("fin");
  }
  expect(await drained).toBe(0);
});
