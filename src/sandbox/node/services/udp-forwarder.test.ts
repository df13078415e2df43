import { afterEach, describe, expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { echoService, TestCluster } from "../testing.ts";
import type { Service } from "../types.ts";
import { Backends, type Target } from "./forwarder.ts";
import { UdpForwarder } from "./udp-forwarder.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Answers each datagram with its own name before it, from as many ports as there were sessions. */
async function named(name: string, host = "127.0.0.1", port = 0) {
  const clients = new Set<number>();
  const socket = await Bun.udpSocket({
    hostname: host,
    port,
    socket: {
      data(own, bytes, from, address) {
        clients.add(from);
        own.send(`${name} ${bytes.toString()}`, from, address);
      },
    },
  });
  cleanups.push(() => socket.close());
  return { target: { host, port: socket.port } satisfies Target, clients, close: () => socket.close() };
}

async function forward(targets: readonly Target[], options: { maxSessions?: number } = {}) {
  const clock = new FakeClock();
  const backends = new Backends();
  backends.targets = targets;
  const failures: unknown[] = [];
  const failed = (error: unknown): void => void failures.push(error);
  const forwarder = new UdpForwarder({ host: "127.0.0.1", port: 0, backends, clock, failed, ...options });
  cleanups.push(() => forwarder.stop());
  await forwarder.ready;
  expect(failures).toEqual([]);
  return { forwarder, backends, clock };
}

async function client(forwarder: UdpForwarder): Promise<(text: string) => Promise<string>> {
  const opened = await UdpClient.open(forwarder.port);
  cleanups.push(() => opened[Symbol.dispose]());
  return async (text) => (await opened.ask(Buffer.from(text))).toString();
}

describe("a UDP forwarder", () => {
  test("gives each client an endpoint in turn, keeps it there, and brings its answers back", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { forwarder } = await forward([a.target, b.target]);
    const clients = await Promise.all(Array.from({ length: 4 }, () => client(forwarder)));
    const said: string[] = [];
    for (const say of clients) said.push(await say("1"), await say("2"));
    expect(said).toEqual(["a 1", "a 2", "b 1", "b 2", "a 1", "a 2", "b 1", "b 2"]);
    expect([a.clients.size, b.clients.size, forwarder.sessions]).toEqual([2, 2, 4]);
  });

  test("moves a client on when its endpoint is no longer one, and when nobody is there", async () => {
    const [a, b] = [await named("a"), await named("b")];
    const { forwarder, backends } = await forward([a.target, b.target]);
    const say = await client(forwarder);
    expect(await say("1")).toBe("a 1");
    backends.targets = [{ ...b.target }];
    expect(await say("2")).toBe("b 2");
    b.close();
    backends.targets = [a.target, { ...b.target }];
    // The datagram that finds nobody is lost, as without a forwarder.
    const lost = await UdpClient.open(forwarder.port);
    cleanups.push(() => lost[Symbol.dispose]());
    const until = performance.now() + 5000;
    while (lost.got.length === 0 && performance.now() < until) {
      lost.send(Buffer.from("3"));
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await lost.has(1, 100);
    }
    expect(lost.got[0]?.toString()).toBe("a 3");
    expect(forwarder.counters.refused).toBeGreaterThan(0);
  });

  test("forgets clients that are silent for a minute, and the most silent one when there are too many", async () => {
    const a = await named("a");
    const { forwarder, clock } = await forward([a.target], { maxSessions: 2 });
    const [first, second, third] = [
      await client(forwarder),
      await client(forwarder),
      await client(forwarder),
    ];
    await first("1");
    await second("1");
    clock.advance(1000);
    await first("2");
    await third("1");
    expect({ sessions: forwarder.sessions, evicted: forwarder.counters.evicted }).toEqual({
      sessions: 2,
      evicted: 1,
    });
    clock.advance(40_000);
    await first("3");
    clock.advance(30_000);
    expect(forwarder.sessions).toBe(1);
    clock.advance(70_000);
    expect(forwarder.sessions).toBe(0);
    expect(await first("4")).toBe("a 4");
  });

  test("drops what comes while there is no endpoint", async () => {
    const { forwarder } = await forward([]);
    const lost = await UdpClient.open(forwarder.port);
    cleanups.push(() => lost[Symbol.dispose]());
    lost.send(Buffer.from("x"));
    const until = performance.now() + 5000;
    // oxlint-disable-next-line no-await-in-loop -- no event tells of it
    while (forwarder.counters.dropped === 0 && performance.now() < until) await Bun.sleep(5);
    expect({ ...forwarder.counters }).toEqual({ sessions: 0, evicted: 0, refused: 0, dropped: 1 });
  });
});

test("A Service may have the same port for UDP and TCP, each with its own endpoints", async () => {
  await using cluster = new TestCluster(213);
  const ports = [
    { name: "u", port: 5300, protocol: "UDP" },
    { name: "t", port: 5300, protocol: "TCP" },
  ];
  cluster.apply("services", { ...echoService("both"), spec: { ports } });
  const { clusterIP = "" } = (cluster.api.get("services", "default", "both") as Service).spec;
  const server = await named("u", "127.213.1.1", 5311);
  cluster.apply("endpointslices.discovery.k8s.io", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "both", namespace: "default", labels: { "kubernetes.io/service-name": "both" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [server.target.host], conditions: { ready: true } }],
    ports: [
      { name: "u", port: 5311, protocol: "UDP" },
      { name: "t", port: 5312, protocol: "TCP" },
    ],
  });
  const asked = await UdpClient.open(5300, clusterIP);
  cleanups.push(() => asked[Symbol.dispose]());
  expect((await asked.ask(Buffer.from("hi"))).toString()).toBe("u hi");
  const tcp = await Bun.connect({ hostname: clusterIP, port: 5300, socket: { data: () => undefined } });
  tcp.terminate();
});
