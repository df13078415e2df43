import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { H2_ERROR } from "#http/h2/constants.ts";
import { field } from "#http/hpack/field.ts";
import { eventually } from "../testing/routers.ts";
import { Client } from "./testing/client.ts";
import { Hop } from "./testing/hop.ts";
import { Pod, type PodRequest } from "./testing/pod.ts";

/** A port that refuses connections. */
function refusingPort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

const ok = (request: PodRequest): void => {
  void request.until(() => request.ended).then(() => request.answer(200, `ok ${request.text}`));
};

test("a pod that refuses connections is not noticed, whatever the method", async () => {
  using pod = new Pod(ok);
  using hop = new Hop([{ port: refusingPort() }, pod]);
  using client = await Client.connect(hop.port);
  for (let i = 0; i < 4; i++) {
    const answer = await client.ask({ method: "POST", body: "body" }).done();
    expect([answer.status, answer.text]).toEqual([200, "ok body"]);
  }
  expect(hop.context.counters.retries).toBeGreaterThan(0);
  expect(hop.endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

test("nobody left: 503 with the reason, at once; for gRPC a status of its own", async () => {
  using hop = new Hop([{ port: refusingPort() }]);
  using client = await Client.connect(hop.port);
  const started = performance.now();
  const answer = await client.ask().done();
  expect([answer.status, answer.value("x-isthmus-reason")]).toEqual([503, "connect-failed"]);
  expect(answer.text).toContain("could be reached");
  const fields = { "content-type": "application/grpc+proto", te: "trailers" };
  const grpc = await client.ask({ method: "POST", fields, body: "12345" }).done();
  expect(["status", "message"].map((name) => grpc.value(`grpc-${name}`))).toEqual([
    "14",
    "No endpoint of the service could be reached",
  ]);
  expect([grpc.status, grpc.ended, grpc.bytes]).toEqual([200, true, 0]);
  hop.setPods([]);
  expect((await client.ask().done()).value("x-isthmus-reason")).toBe("no-endpoints");
  expect(performance.now() - started).toBeLessThan(500);
  expect(hop.context.counters.unavailable).toBe(3);
});

test("REFUSED_STREAM is tried elsewhere, also for a POST with its body", async () => {
  using busy = new Pod((request) => {
    void request.until(() => request.ended).then(() => request.stream.reset(H2_ERROR.REFUSED_STREAM));
  });
  using pod = new Pod(ok);
  using hop = new Hop([busy, pod]);
  using client = await Client.connect(hop.port);
  for (let i = 0; i < 4; i++) {
    const answer = await client.ask({ method: "POST", body: "body" }).done();
    expect(answer.text).toBe("ok body");
  }
  expect(busy.requests.length).toBe(4);
});

test("502, 503 and 504 of a pod lead a GET to another one, and leave a POST alone", async () => {
  using bad = new Pod((request) => request.answer(503, "bad"));
  using pod = new Pod(ok);
  using hop = new Hop([bad, pod]);
  using client = await Client.connect(hop.port);
  const gets = await Promise.all([0, 1, 2, 3].map(() => client.ask().done()));
  expect(gets.map(({ text }) => text)).toEqual(["ok ", "ok ", "ok ", "ok "]);
  const posts = await Promise.all([0, 1].map(() => client.ask({ method: "POST", body: "x" }).done()));
  expect(posts.map(({ text }) => text).toSorted()).toEqual(["bad", "ok x"]);
  // Nobody else is left: its own answer is given on.
  hop.setPods([{ port: bad.port }]);
  expect((await client.ask().done()).text).toBe("bad");
});

test("retries end with the attempts and with the budget", async () => {
  using bad = new Pod((request) => request.stream.reset(H2_ERROR.INTERNAL_ERROR));
  using hop = new Hop([bad], { policy: { attempts: 1 } });
  using client = await Client.connect(hop.port);
  const answer = await client.ask().done();
  expect([answer.status, answer.value("x-isthmus-reason")]).toEqual([502, "reset"]);
  expect(bad.requests.length).toBe(2);
  const many = await Promise.all(Array.from({ length: 100 }, () => client.ask().done()));
  expect(many.every(({ status }) => status === 502)).toBe(true);
  // 30 in 10 s are always allowed.
  expect(bad.requests.length).toBe(101 + 30);
  expect(hop.context.counters.retriesOverBudget).toBe(71);
});

test("a connection that breaks before the answer: a GET is repeated, a POST is not", async () => {
  using fragile = new Pod(({ peer }) => peer.kill());
  using pod = new Pod(ok);
  using hop = new Hop([fragile, pod]);
  using client = await Client.connect(hop.port);
  for (let i = 0; i < 4; i++) expect((await client.ask().done()).text).toBe("ok ");
  const posts = [];
  for (let i = 0; i < 2; i++) posts.push(await client.ask({ method: "POST", body: "x" }).done());
  expect(new Set(posts.map(({ status }) => status))).toEqual(new Set([200, 502]));
});

test("a connection that breaks within an answer resets the client's stream, never ends it", async () => {
  using pod = new Pod(({ stream, peer }) => {
    stream.headers([field(":status", "200")], false);
    stream.data(Buffer.from("half"), false);
    setTimeout(() => peer.kill(), 20);
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const answer = await client.ask().done();
  expect([answer.text, answer.ended, answer.resetCode]).toEqual(["half", false, H2_ERROR.INTERNAL_ERROR]);
});

test("GOAWAY: what the pod has not begun goes to a new connection, the rest is finished", async () => {
  const held: PodRequest[] = [];
  let refuse = true;
  using pod = new Pod((request) => {
    if (!refuse) {
      ok(request);
      return;
    }
    held.push(request);
    if (held.length < 3) return;
    // As a server that goes away with the first as the last it takes.
    refuse = false;
    const { sender } = request.peer.session;
    sender.output.goAway(held[0]?.stream.id ?? 0, H2_ERROR.NO_ERROR, "");
    sender.written();
    setTimeout(() => held[0]?.answer(200, "finished"), 30);
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const answers = await Promise.all(
    ["a", "b", "c"].map((body) => client.ask({ method: "POST", body }).done()),
  );
  expect(answers.map(({ text }) => text)).toEqual(["finished", "ok b", "ok c"]);
  expect(pod.peers.length).toBe(2);
  await eventually(() => hop.pools.size === 1);
});

test("another connection is made when all have as many requests as they take", async () => {
  const held: PodRequest[] = [];
  using pod = new Pod((request) => held.push(request));
  using hop = new Hop([pod]);
  using one = await Client.connect(hop.port);
  using two = await Client.connect(hop.port);
  const answers = [];
  for (const client of [one, two]) {
    answers.push(client.ask());
    await eventually(() => client.peer.session.canOpen && held.length === answers.length);
    for (let i = 1; i < 125; i++) answers.push(client.ask());
    await eventually(() => held.length === answers.length);
  }
  expect(pod.peers.length).toBe(2);
  expect(pod.peers[0]?.session.streams).toBe(128);
  for (const request of held) request.answer(200, "x");
  await Promise.all(answers.map((answer) => answer.done()));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  // Those that come now fit into the first.
  await tenMore(hop, held);
  expect(pod.peers.length).toBe(2);
});

/** Ten more requests, answered. */
async function tenMore(hop: Hop, held: PodRequest[]): Promise<void> {
  using client = await Client.connect(hop.port);
  const before = held.length;
  const answers = Array.from({ length: 10 }, () => client.ask());
  await eventually(() => held.length === before + 10);
  for (const request of held.slice(before)) request.answer(200, "y");
  await Promise.all(answers.map((answer) => answer.done()));
}

test("time is up: 504, and for gRPC status 4; the pod hears of it", async () => {
  using pod = new Pod(() => undefined);
  using hop = new Hop([pod], { policy: { requestMs: 100 } });
  using client = await Client.connect(hop.port);
  const started = performance.now();
  const [plain, grpc] = await Promise.all([
    client.ask().done(),
    client.ask({ method: "POST", fields: { "content-type": "application/grpc" }, body: "x" }).done(),
  ]);
  expect(performance.now() - started).toBeLessThan(400);
  expect([plain.status, plain.value("x-isthmus-reason")]).toEqual([504, "timeout"]);
  expect([grpc.status, grpc.value("grpc-status")]).toEqual([200, "4"]);
  await eventually(() => pod.requests.every(({ resetCode }) => resetCode === H2_ERROR.CANCEL));
});

test("a dial that hangs costs the connect timeout, once", async () => {
  // A full accept queue drops SYNs only by chance; an address without a host behind it does not answer here.
  using pod = new Pod(ok);
  using hop = new Hop([pod], { policy: { connectMs: 150 } });
  const { dialer } = hop.context;
  const dial = dialer.dial.bind(dialer);
  hop.setPods([{ port: 1, name: "blackhole" }, { port: pod.port }]);
  const blackhole = hop.endpoints.find(({ id }) => id === "blackhole");
  dialer.dial = (upstream, options) => {
    if (options.endpoint !== blackhole) dial(upstream, options);
    else setTimeout(() => upstream.onDialFailed("ETIMEDOUT"), options.timeoutMs);
  };
  using client = await Client.connect(hop.port);
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask().done()));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(performance.now() - started).toBeLessThan(450);
  const later = performance.now();
  await Promise.all(Array.from({ length: 20 }, () => client.ask().done()));
  expect(performance.now() - later).toBeLessThan(100);
});

test("a pod that falls silent: new requests do not wait for it, and go back to it when it speaks again", async () => {
  using pod = new Pod((request) => request.answer(200, "late"));
  const clock = new FakeClock();
  using hop = new Hop([pod], { clock });
  using client = await Client.connect(hop.port);
  await client.ask().done();
  pod.peers[0]?.pause();
  const stuck = client.ask();
  await eventually(() => hop.endpoints[0]?.inFlight === 1);
  // A PING after one second, and no answer to it for another.
  for (let passedMs = 0; passedMs < 3000; passedMs += 250) {
    await Bun.sleep(5);
    clock.advance(250);
  }
  // Over a new connection, since the old one is silent.
  expect((await client.ask().done()).text).toBe("late");
  expect(pod.peers.length).toBe(2);
  expect(stuck.ended).toBe(false);
  pod.peers[0]?.resume();
  expect((await stuck.done()).text).toBe("late");
});

test("a pod that keeps requests for long is pinged twice at most", async () => {
  using pod = new Pod(() => undefined);
  const clock = new FakeClock();
  using hop = new Hop([pod], { clock });
  using client = await Client.connect(hop.port);
  let pings = 0;
  for (let i = 0; i < 3; i++) {
    client.ask();
    await eventually(() => pod.requests.length === i + 1);
    const peer = pod.peers[0];
    if (i === 0 && peer !== undefined) {
      const ack = peer.session.sender.output.pingAck.bind(peer.session.sender.output);
      peer.session.sender.output.pingAck = (from, at) => {
        pings++;
        ack(from, at);
      };
    }
    // The pod answers a PING in real time, within the second of this clock that it has for it.
    for (let passedMs = 0; passedMs < 2000; passedMs += 250) {
      clock.advance(250);
      await Bun.sleep(50);
    }
  }
  expect(pings).toBe(2);
});

test("affinity by cookie: set once, followed after", async () => {
  using a = new Pod((request) => request.answer(200, "a"));
  using b = new Pod((request) => request.answer(200, "b"));
  using hop = new Hop([a, b], { selection: { affinity: { type: "Cookie", cookie: "stay" } } });
  using client = await Client.connect(hop.port);
  const first = await client.ask().done();
  const cookie = first.value("set-cookie")?.split(";")[0] ?? "";
  expect(cookie).toStartWith("stay=");
  for (let i = 0; i < 6; i++) {
    const again = await client.ask({ fields: { cookie } }).done();
    expect(again.text).toBe(first.text);
    expect(again.value("set-cookie")).toBeUndefined();
  }
});
