import { expect, test } from "bun:test";
import { connect, createServer } from "node:http2";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { RawPod } from "../http1/testing/raw-pod.ts";
import type { Router } from "../router.ts";
import { TestNetwork } from "../testing/network.ts";
import { Rig, SERVICE, eventually, listenPort, listener, service } from "../testing/routers.ts";
import type { FlowRecord, Observation, TrafficRow } from "./observation.ts";

const site = { id: "a", name: "here" };

function observe(router: Router, after?: Observation): Observation {
  return router.observe(
    new URLSearchParams(
      Object.entries(after?.next ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
    ),
  );
}

function row(router: Router, name: string): TrafficRow | undefined {
  return observe(router).traffic.find(({ endpointName }) => endpointName === name);
}

function http(): ReturnType<typeof listener> {
  return { ...listener(), protocol: "http" };
}

function pod(rig: Rig, fetch: (request: Request) => Response | Promise<Response>): { readonly port: number } {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  rig.defer(() => void server.stop(true));
  return { port: server.port as number };
}

function linkTo(router: Router): { readonly name: string; readonly addresses: string[] } {
  return { name: "on", addresses: [`127.0.0.1:${router.linkPorts[0]}`] };
}

test("HTTP/1.1: each request is counted once, at the endpoint that answered, with its class, bytes and time", async () => {
  using rig = new Rig();
  const pods = ["a", "b", "c"].map((name) =>
    pod(rig, (request) => new Response(name, { status: request.url.includes("/bad") ? 404 : 200 })),
  );
  const router = rig.router({ site, listeners: [http()], services: [service(pods)] });
  const client = await rig.client(listenPort(router));
  let sent = 0;
  for (let n = 0; n < 30; n++) {
    const request = `GET /${n % 10 === 0 ? "bad" : "x"}?secret=1 HTTP/1.1\r\nHost: app\r\n\r\n`;
    sent += request.length;
    client.send(request);
    await client.until((one) => one.text.split("HTTP/1.1").length === n + 2 && /[abc]$/.test(one.text));
  }
  const { traffic, flows, flowsUnsampled } = observe(router);
  expect(traffic.map(({ endpointName, total }) => `${endpointName} ${total}`).toSorted()).toEqual([
    "pod-0 10",
    "pod-1 10",
    "pod-2 10",
  ]);
  const sum = (of: (one: TrafficRow) => number): number => traffic.reduce((all, one) => all + of(one), 0);
  expect(sum(({ codes }) => codes[1] ?? 0)).toBe(27);
  expect(sum(({ codes }) => codes[3] ?? 0)).toBe(3);
  expect(sum(({ bytesToEndpoint }) => bytesToEndpoint)).toBe(sent);
  expect(sum(({ durations }) => durations.reduce((all, count) => all + count, 0))).toBe(30);
  expect(sum(({ active, failures, retries }) => active + failures + retries)).toBe(0);
  expect(traffic[0]).toMatchObject({
    service: SERVICE,
    port: 8080,
    protocol: "http",
    destinationSiteId: "a",
    destinationSite: "here",
  });
  expect([flows.length, flowsUnsampled]).toEqual([30, 0]);
  expect(flows[0]).toMatchObject({
    seq: 1,
    protocol: "http",
    client: "127.0.0.1",
    path: ["a"],
    attempts: 1,
    outcome: "ok",
    why: "Endpoints, LeastRequest, tier 1 of 2",
    http: { method: "GET", host: "app", path: "/bad", status: 404 },
  });
  expect(JSON.stringify(flows)).not.toContain("secret");
});

test("who asks again gets what is newer, and nothing twice", async () => {
  using rig = new Rig();
  const router = rig.router({
    site,
    listeners: [http()],
    services: [service([pod(rig, () => new Response("x"))])],
  });
  const ask = async (): Promise<void> => {
    await (await fetch(`http://127.0.0.1:${listenPort(router)}/`)).text();
  };
  await ask();
  const first = observe(router);
  expect(first.state?.sites).toHaveLength(1);
  const nothing = observe(router, first);
  expect([nothing.state, nothing.traffic, nothing.flows, nothing.events]).toEqual([undefined, [], [], []]);
  await ask();
  const next = observe(router, nothing);
  expect([next.traffic.length, next.flows.map(({ seq }) => seq), next.more]).toEqual([1, [2], false]);
  expect(next.traffic[0]?.total).toBe(2);
  router.apply({ site, services: [] });
  expect(observe(router, next).state).toBeDefined();
  expect(observe(router, { ...next, next: { ...next.next, epoch: "another" } }).flows).toHaveLength(2);
});

test("an attempt that failed is a retry where it was made; the request counts where it was answered", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  const { port } = gone;
  gone.stop();
  const router = rig.router({
    site,
    listeners: [http()],
    services: [service([{ port }, pod(rig, () => new Response("x"))])],
  });
  for (let n = 0; n < 4; n++) await (await fetch(`http://127.0.0.1:${listenPort(router)}/`)).text();
  const again = observe(router).flows.filter(({ attempts }) => attempts === 2);
  expect(again.length).toBeGreaterThan(0);
  expect(row(router, "pod-0")).toMatchObject({
    total: 0,
    retries: again.length,
    active: 0,
    bytesToEndpoint: 0,
  });
  expect(row(router, "pod-1")).toMatchObject({ total: 4, retries: 0, active: 0, codes: [0, 4, 0, 0, 0] });
  expect(again[0]?.why).toEndWith("attempt 2");
});

test("what nobody could take is counted without an endpoint, as failures with their reason", async () => {
  using rig = new Rig();
  const router = rig.router({ site, listeners: [http(), listener()], services: [service([])] });
  const answer = await fetch(`http://127.0.0.1:${listenPort(router)}/`);
  expect(answer.status).toBe(503);
  const client = await rig.client(listenPort(router, 1));
  await client.ended();
  await eventually(() => observe(router).flows.length === 2);
  const { traffic, flows } = observe(router);
  expect(
    traffic.map(({ protocol, endpoint, total, failures }) => [protocol, endpoint, total, failures]),
  ).toEqual([
    ["http", "", 1, 1],
    ["tcp", "", 1, 1],
  ]);
  expect(flows.map(({ outcome, reason, why }) => [outcome, reason, why])).toEqual([
    ["error", "no-endpoints", "no endpoint may be used"],
    ["error", "no-endpoints", "no endpoint may be used"],
  ]);
});

test("a TCP connection shows its bytes while it lives, and is recorded when it ends", async () => {
  using rig = new Rig();
  const router = rig.router({ site, listeners: [listener()], services: [service([rig.backend()])] });
  const client = await rig.client(listenPort(router));
  client.send("hello");
  await client.until((one) => one.text === "hello");
  expect(row(router, "pod-0")).toMatchObject({
    protocol: "tcp",
    total: 1,
    active: 1,
    bytesToEndpoint: 5,
    bytesToClient: 5,
    codes: [],
  });
  client.fin();
  await client.ended();
  await eventually(() => row(router, "pod-0")?.active === 0);
  expect(row(router, "pod-0")).toMatchObject({ total: 1, failures: 0, bytesToEndpoint: 5, bytesToClient: 5 });
  expect(observe(router).flows).toMatchObject([
    {
      protocol: "tcp",
      outcome: "ok",
      bytesToEndpoint: 5,
      bytesToClient: 5,
      endpointName: "pod-0",
      attempts: 1,
    },
  ]);
});

test("a connection that the pod resets is a failure; one that the client resets is not", async () => {
  using rig = new Rig();
  const pods = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => socket.terminate() },
  });
  rig.defer(() => pods.stop(true));
  const router = rig.router({ site, listeners: [listener()], services: [service([pods])] });
  const broken = await rig.client(listenPort(router));
  broken.send("x");
  await broken.ended();
  const left = await rig.client(listenPort(router));
  await eventually(() => row(router, "pod-0")?.total === 2);
  left.reset();
  await eventually(() => observe(router).flows.length === 2);
  expect(row(router, "pod-0")).toMatchObject({ total: 2, failures: 1, active: 0 });
  expect(observe(router).flows.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ["error", "RESET_BY_PEER"],
    ["error", "client-left"],
  ]);
});

test("an answer that is cut short, or does not come, is a failure of its endpoint; a client that leaves is none", async () => {
  using rig = new Rig();
  const raw = new RawPod({
    onRequest: ({ head, connection }) => {
      if (!head.includes("/cut")) return;
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
      setTimeout(() => connection.fin(), 5);
    },
  });
  rig.defer(() => raw.stop());
  const router = rig.router({
    site,
    listeners: [http()],
    services: [service([raw])],
    policies: [{ service: SERVICE, timeouts: { requestMs: 100 } }],
  });
  const ask = async (path: string): Promise<Awaited<ReturnType<Rig["client"]>>> => {
    const client = await rig.client(listenPort(router));
    client.send(`GET ${path} HTTP/1.1\r\nHost: app\r\n\r\n`);
    return client;
  };
  await (await ask("/cut")).ended();
  await (await ask("/slow")).until((one) => one.text.includes("504"));
  const leaving = await ask("/left");
  await eventually(() => row(router, "pod-0")?.active === 1);
  leaving.reset();
  await eventually(() => observe(router).flows.length === 3);
  const reasons = observe(router).flows.map(({ http: facts, reason }) => [
    facts?.path,
    facts?.status,
    reason,
  ]);
  expect(reasons).toEqual([
    ["/cut", 200, "cut-short"],
    ["/slow", 504, "timeout"],
    ["/left", 0, "client-left"],
  ]);
  expect(row(router, "pod-0")).toMatchObject({ total: 3, failures: 2, active: 0, codes: [0, 1, 0, 0, 1] });
});

test("a WebSocket is one request with 101, active while it lives, with all its bytes", async () => {
  using rig = new Rig();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no")),
    websocket: { message: (socket, text) => void socket.send(text) },
  });
  rig.defer(() => void server.stop(true));
  const router = rig.router({
    site,
    listeners: [http()],
    services: [service([{ port: server.port as number }])],
  });
  const socket = new WebSocket(`ws://127.0.0.1:${listenPort(router)}/chat?token=x`);
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const heard = new Promise((resolve) => socket.addEventListener("message", resolve));
  socket.send("x".repeat(1000));
  await heard;
  expect(row(router, "pod-0")).toMatchObject({ total: 1, active: 1, codes: [1, 0, 0, 0, 0] });
  expect(row(router, "pod-0")?.bytesToEndpoint).toBeGreaterThan(1000);
  expect(observe(router).flows).toEqual([]);
  socket.close();
  await eventually(() => row(router, "pod-0")?.active === 0);
  const [flow] = observe(router).flows as [FlowRecord];
  expect(flow).toMatchObject({ outcome: "ok", http: { path: "/chat", status: 101 } });
  expect(flow.bytesToClient).toBeGreaterThan(1000);
  expect(row(router, "pod-0")?.total).toBe(1);
});

test("HTTP/2 and gRPC: requests are counted at once; of gRPC the status of the call decides", async () => {
  using rig = new Rig();
  const server = createServer((request, response) => {
    request.resume();
    if (request.headers["content-type"] !== "application/grpc") {
      response.end("hello");
      return;
    }
    response.writeHead(200, { "content-type": "application/grpc" });
    response.write("12345");
    response.addTrailers({ "grpc-status": request.url.endsWith("/Fails") ? "13" : "0" });
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  rig.defer(() => server.close());
  const { port } = server.address() as AddressInfo;
  const router = rig.router({
    site,
    listeners: [{ ...listener(), protocol: "http2" }],
    services: [service([{ port }])],
  });
  const session = connect(`http://127.0.0.1:${listenPort(router)}`);
  rig.defer(() => session.destroy());
  const call = async (path: string, type?: string): Promise<void> => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      ...(type === undefined ? {} : { "content-type": type }),
    });
    stream.end("abc");
    stream.resume();
    await once(stream, "close");
  };
  await Promise.all([
    call("/plain?x=1"),
    call("/pkg.S/Works", "application/grpc"),
    call("/pkg.S/Fails", "application/grpc"),
  ]);
  await eventually(() => observe(router).flows.length === 3);
  const { traffic, flows } = observe(router);
  const of = (protocol: string): TrafficRow | undefined => traffic.find((one) => one.protocol === protocol);
  expect(of("http")).toMatchObject({
    total: 1,
    codes: [0, 1, 0, 0, 0],
    bytesToEndpoint: 3,
    bytesToClient: 5,
  });
  expect(of("grpc")).toMatchObject({
    total: 2,
    active: 0,
    codes: [0, 1, 0, 0, 1],
    bytesToEndpoint: 6,
    bytesToClient: 10,
  });
  const fails = flows.find(({ http: facts }) => facts?.path === "/pkg.S/Fails");
  expect(fails).toMatchObject({ protocol: "grpc", outcome: "error", http: { status: 200, grpcStatus: 13 } });
  expect(flows.some(({ http: facts }) => facts?.path === "/plain")).toBe(true);
});

test("a flow to another site names it, and the sites that it passes", async () => {
  using rig = new Rig();
  const network = await TestNetwork.create();
  const base = async (
    id: string,
  ): Promise<{
    site: { id: string; name: string };
    identity: Awaited<ReturnType<TestNetwork["identity"]>>;
  }> => ({
    site: { id, name: `site-${id}` },
    identity: await network.identity(id),
  });
  const accept = [{ listen: "127.0.0.1:0" }];
  const c = rig.router({ ...(await base("c")), accept, services: [service([rig.backend()])] });
  const b = rig.router({ ...(await base("b")), accept, links: [linkTo(c)] });
  const a = rig.router({ ...(await base("a")), links: [linkTo(b)], listeners: [listener()] });
  await eventually(() => a.core().services.balancer(SERVICE, { port: 8080 }).candidates.length === 1);
  const client = await rig.client(listenPort(a));
  client.send("x");
  await client.until((one) => one.text === "x");
  client.fin();
  await client.ended();
  await eventually(() => observe(a).flows.length === 1);
  expect(observe(a).flows[0]).toMatchObject({
    destinationSiteId: "c",
    destinationSite: "site-c",
    path: ["a", "b", "c"],
    why: "Endpoints, RoundRobin, tier 2 of 2",
  });
  // Only the router that the client came to tells of it.
  expect([observe(b).flows, observe(c).flows, observe(b).traffic, observe(c).traffic]).toEqual([
    [],
    [],
    [],
    [],
  ]);
  expect(
    observe(b)
      .links.map(({ remoteSiteId, direction }) => `${remoteSiteId} ${direction}`)
      .toSorted(),
  ).toEqual(["a accepted", "c dialled"]);
  expect(observe(a).router).toMatchObject({
    siteId: "a",
    siteName: "site-a",
    certificateExpires: expect.any(String),
  });
});
