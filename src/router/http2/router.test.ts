import { beforeAll, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import type { RouterConfig } from "../config.ts";
import type { Router } from "../router.ts";
import { TestNetwork } from "../testing/network.ts";
import { eventually, listenPort, listener, Rig, service, SERVICE } from "../testing/routers.ts";
import { Client } from "./testing/client.ts";
import { GrpcClient, GrpcPod } from "./testing/grpc.ts";
import { Pod } from "./testing/pod.ts";

let network: TestNetwork;
const identities = new Map<string, Awaited<ReturnType<TestNetwork["identity"]>>>();

beforeAll(async () => {
  network = await TestNetwork.create();
  for (const id of ["a", "b"]) identities.set(id, await network.identity(id));
});

function base(id: string): RouterConfig {
  const identity = identities.get(id);
  if (identity === undefined) throw new Error(`No identity ${id}`);
  return { site: { id, name: `site-${id}` }, identity };
}

function candidates(router: Router): number {
  return router.core().services.balancer(SERVICE, { port: 8080 }).candidates.length;
}

type Pods = Parameters<typeof service>[0];

/** Site b has pods and accepts the link; site a, with the listener and pods of its own, dials it. */
function sites(
  rig: Rig,
  { here, there }: { readonly here: Pods; readonly there: Pods },
): { a: Router; b: Router } {
  const policies: RouterConfig["policies"] = [{ service: SERVICE, mode: "ActiveActive" }];
  const b = rig.router({
    ...base("b"),
    accept: [{ listen: "127.0.0.1:0" }],
    services: [service(there)],
  });
  const a = rig.router({
    ...base("a"),
    links: [{ name: "to-b", addresses: [`127.0.0.1:${b.linkPorts[0]}`], cost: 1, lanes: 2 }],
    listeners: [{ ...listener(), protocol: "http2" }],
    services: [service(here)],
    policies,
  });
  return { a, b };
}

function named(name: string): Pod {
  return new Pod((request) => {
    void request.until(() => request.ended).then(() => request.answer(200, name));
  });
}

test("pods here and behind a link share one connection's requests exactly", async () => {
  using rig = new Rig();
  using one = named("one");
  using two = named("two");
  using three = named("three");
  const { a } = sites(rig, {
    here: [one],
    there: [two, three].map(({ port }, id) => ({ port, id: `far-${id}` })),
  });
  await eventually(() => candidates(a) === 3);
  using client = await Client.connect(listenPort(a));
  const big = "x".repeat(300_000);
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => client.ask({ method: "POST", body: big }).done(15_000)),
  );
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  expect([one, two, three].map(({ requests }) => requests.length)).toEqual([20, 20, 20]);
  expect([one, two, three].map(({ peers }) => peers.length)).toEqual([1, 1, 1]);
  expect(two.requests.every(({ bytes }) => bytes === big.length)).toBe(true);
  expect(two.requests[0]?.value("x-forwarded-for")).toBe("127.0.0.1");
});

test("a pod behind a link that refuses connections costs nothing, also for POST", async () => {
  using rig = new Rig();
  using one = named("one");
  const gone = named("gone");
  const { port } = gone;
  gone.kill();
  const { a } = sites(rig, { here: [one], there: [{ port, id: "far" }] });
  await eventually(() => candidates(a) === 2);
  using client = await Client.connect(listenPort(a));
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => client.ask({ method: "POST", body: "body" }).done()),
  );
  expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, () => "one"));
});

test("a site that vanishes under load: no GET fails, new ones go elsewhere", async () => {
  using rig = new Rig();
  using one = named("one");
  using two = named("two");
  const { a, b } = sites(rig, { here: [one], there: [{ port: two.port, id: "far" }] });
  await eventually(() => candidates(a) === 2);
  using client = await Client.connect(listenPort(a));
  const outcomes: Record<string, number> = {};
  const ask = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) {
      const answer = await client.ask().done(8000);
      const outcome = answer.resetCode === undefined ? String(answer.status) : `reset ${answer.resetCode}`;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  const load = Promise.all(Array.from({ length: 10 }, ask));
  await Bun.sleep(20);
  b.stop();
  await load;
  console.log(`  ${JSON.stringify(outcomes)}, ${two.requests.length} at the site that vanished`);
  expect(outcomes).toEqual({ "200": 500 });
});

test("gRPC over a link: streams and statuses as without one", async () => {
  using rig = new Rig();
  using pod = await GrpcPod.start("far");
  const { a } = sites(rig, { here: [], there: [{ port: pod.port, id: "far" }] });
  await eventually(() => candidates(a) === 1);
  using client = new GrpcClient(`127.0.0.1:${listenPort(a)}`);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => client.unary(`${i}`).done));
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([status.OK]));
  expect((await client.unary("fail").done).details).toBe("not ä %");
  const total = Promise.withResolvers<string>();
  const call = client.collect((text) => total.resolve(text));
  for (let i = 0; i < 50; i++) call.write(Buffer.alloc(20_000));
  call.end();
  expect(await total.promise).toBe("1000000");
});
