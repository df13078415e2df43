import { expect, test } from "bun:test";
import { H2_ERROR } from "#http/h2/constants.ts";
import { field } from "#http/hpack/field.ts";
import { eventually } from "../testing/routers.ts";
import { Client } from "./testing/client.ts";
import { Hop } from "./testing/hop.ts";
import { Pod } from "./testing/pod.ts";

const MIB = 1024 * 1024;

function named(name: string): Pod {
  return new Pod((request) => request.answer(200, name));
}

test("the requests of one connection are spread over all pods, exactly", async () => {
  using a = named("a");
  using b = named("b");
  using c = named("c");
  using hop = new Hop([a, b, c]);
  using client = await Client.connect(hop.port);
  const answers = await Promise.all(Array.from({ length: 99 }, () => client.ask().done()));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 99 }, () => 200));
  expect([a, b, c].map(({ requests }) => requests.length)).toEqual([33, 33, 33]);
  expect([a, b, c].map(({ peers }) => peers.length)).toEqual([1, 1, 1]);
  expect(hop.endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
  expect(hop.context.counters.responses[2]).toBe(99);
});

test("what a client claims of who it is does not reach the pod; the router says it", async () => {
  using pod = named("a");
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const fields = {
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-prefix": "/evil",
    "x-real-ip": "6.6.6.6",
    forwarded: "for=6.6.6.6",
    "x-request-id": "kept",
    te: "trailers",
  };
  await client.ask({ fields, path: "/p?q=1" }).done();
  const request = pod.requests[0];
  expect(request?.value("x-forwarded-for")).toBe("127.0.0.1");
  expect(request?.value("x-forwarded-proto")).toBe("http");
  expect(request?.value("x-forwarded-host")).toBe(hop.authority);
  expect(request?.value(":authority")).toBe(hop.authority);
  expect(request?.value(":path")).toBe("/p?q=1");
  expect(request?.value("x-request-id")).toBe("kept");
  expect(request?.value("te")).toBe("trailers");
  for (const name of ["x-forwarded-prefix", "x-real-ip", "forwarded"])
    expect(request?.value(name)).toBeUndefined();
});

test("paths lead to a service and lose what leads there; others are not found", async () => {
  using pod = named("a");
  using hop = new Hop([pod], {
    find: (path, route) => (path.startsWith("/one") ? { route, stripBytes: 4 } : undefined),
  });
  using client = await Client.connect(hop.port);
  await client.ask({ path: "/one/x?y" }).done();
  await client.ask({ path: "/one?y" }).done();
  expect(pod.requests.map((request) => request.value(":path"))).toEqual(["/x?y", "/?y"]);
  const missing = await client.ask({ path: "/two" }).done();
  expect(missing.status).toBe(404);
  expect(missing.value("x-isthmus-reason")).toBe("no-route");
});

test("bodies go both ways, larger than any window, and trailers too", async () => {
  const big = Buffer.alloc(3 * MIB, "x");
  using pod = new Pod((request) => {
    void request
      .until(() => request.ended)
      .then(() => {
        request.stream.headers([field(":status", "200"), field("content-length", String(big.length))], false);
        request.stream.data(big, false);
        request.stream.headers([field("x-sum", String(request.bytes))], true);
      });
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const answer = client.ask({ method: "POST", body: null });
  answer.stream?.data(big, false);
  answer.stream?.headers([field("x-end", "yes"), field("x-forwarded-for", "6.6.6.6")], true);
  await answer.done();
  expect(answer.bytes).toBe(big.length);
  expect(answer.trailer("x-sum")).toBe(String(big.length));
  expect(pod.requests[0]?.trailers?.map(({ name, value }) => `${name}=${value}`)).toEqual(["x-end=yes"]);
});

test("informational answers pass, and so does an answer before the request is whole", async () => {
  using pod = new Pod((request) => {
    request.stream.headers([field(":status", "103"), field("link", "</a>")], false);
    request.answer(413, "too large");
    request.stream.reset(H2_ERROR.NO_ERROR);
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const answer = client.ask({ method: "POST", body: null });
  await answer.until(() => answer.resetCode !== undefined);
  expect(answer.informational.length).toBe(1);
  expect([answer.status, answer.text, answer.ended, answer.resetCode]).toEqual([
    413,
    "too large",
    true,
    H2_ERROR.NO_ERROR,
  ]);
  await eventually(() => hop.endpoints[0]?.inFlight === 0);
});

test("a pod that answers early and reads on gets the rest of the body", async () => {
  using pod = new Pod((request) => request.answer(200, "early"));
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const answer = client.ask({ method: "POST", body: null });
  await answer.until(() => answer.ended);
  answer.stream?.data(Buffer.from("late"), true);
  const request = pod.requests[0];
  await request?.until(() => request.ended);
  expect(request?.text).toBe("late");
});

test("a client that cancels cancels at the pod; a pod that resets resets the client", async () => {
  using pod = new Pod((request) => {
    request.stream.headers([field(":status", "200")], false);
    request.stream.data(Buffer.from("begin"), false);
    if (request.value(":path") === "/reset")
      setTimeout(() => request.stream.reset(H2_ERROR.ENHANCE_YOUR_CALM), 20);
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const cancelled = client.ask();
  await cancelled.until(() => cancelled.bytes > 0);
  cancelled.stream?.reset(H2_ERROR.CANCEL);
  const request = pod.requests[0];
  await request?.until(() => request.resetCode === H2_ERROR.CANCEL);
  const reset = await client.ask({ path: "/reset" }).done();
  expect([reset.ended, reset.resetCode]).toEqual([false, H2_ERROR.ENHANCE_YOUR_CALM]);
  await eventually(() => hop.endpoints[0]?.inFlight === 0);
});

test("a client that goes away cancels all it has asked for", async () => {
  using pod = new Pod(() => undefined);
  using hop = new Hop([pod]);
  {
    using client = await Client.connect(hop.port);
    for (let i = 0; i < 10; i++) client.ask();
    await eventually(() => pod.requests.length === 10);
  }
  await eventually(() => pod.requests.every(({ resetCode }) => resetCode === H2_ERROR.CANCEL));
  await eventually(() => hop.flows.size === 0 && hop.endpoints[0]?.inFlight === 0);
});

test("many downloads that are cancelled at once do not break the connection to the pod for others", async () => {
  const big = Buffer.alloc(2 * MIB);
  using pod = new Pod((request) => {
    if (request.value(":path") !== "/big") return;
    request.stream.headers([field(":status", "200")], false);
    request.stream.data(big, true);
  });
  using hop = new Hop([pod]);
  using patient = await Client.connect(hop.port);
  const answer = patient.ask();
  await eventually(() => pod.requests.length === 1);
  for (let round = 0; round < 4; round++) {
    using hasty = await Client.connect(hop.port);
    await hasty.ask({ path: "/big" }).done(8000);
    for (let i = 0; i < 90; i++) hasty.ask({ path: "/big" }).reading = false;
    await eventually(() => pod.requests.length === 1 + (round + 1) * 91);
  }
  await eventually(() => hop.endpoints[0]?.inFlight === 1);
  pod.requests[0]?.answer(200, "still there");
  expect((await answer.done()).text).toBe("still there");
  expect(pod.peers.length).toBe(1);
});

test("a reader that stops stops its own stream only, in both directions", async () => {
  const big = Buffer.alloc(8 * MIB);
  let sent = 0;
  using pod = new Pod((request) => {
    if (request.value(":path") === "/big") {
      request.stream.headers([field(":status", "200")], false);
      // As much as is taken, until it is not.
      const pump = (): void => {
        while (sent < big.length) {
          sent += 16_384;
          if (!request.stream.data(big.subarray(0, 16_384), sent >= big.length)) return;
        }
      };
      request.stream.handler.onWritable = pump;
      pump();
    } else if (request.value(":path") === "/hold") request.reading = false;
    else request.answer(200, "small");
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const stopped = client.ask({ path: "/big" });
  stopped.reading = false;
  const held = client.ask({ path: "/hold", method: "POST", body: null });
  held.stream?.data(big, true);
  await eventually(() => stopped.bytes > 0 && pod.requests.length === 2);
  const after = await settled(() => sent);
  expect(after).toBeLessThan(3 * MIB);
  expect(pod.requests.find((request) => request.value(":path") === "/hold")?.bytes).toBeLessThan(MIB);
  for (let i = 0; i < 20; i++) expect((await client.ask().done()).text).toBe("small");
  expect(sent).toBe(after);
  stopped.consume();
  await stopped.done();
  expect(stopped.bytes).toBe(big.length);
  const request = pod.requests.find((one) => one.value(":path") === "/hold");
  request?.consume();
  await request?.until(() => request.ended);
  expect(request?.bytes).toBe(big.length);
});

/** The number when it has not changed for a while. */
async function settled(read: () => number): Promise<number> {
  for (let before = -1; ;) {
    const now = read();
    if (now === before) return now;
    before = now;
    await Bun.sleep(100);
  }
}

test("drain: what runs is finished, what comes is refused, then the connection ends", async () => {
  using pod = new Pod((request) => {
    setTimeout(() => request.answer(200, "slow"), 100);
  });
  using hop = new Hop([pod]);
  using client = await Client.connect(hop.port);
  const answer = client.ask();
  await eventually(() => pod.requests.length === 1);
  hop.drain();
  await answer.done();
  expect(answer.text).toBe("slow");
  await eventually(() => client.peer.closedBecause !== undefined && hop.flows.size === 0);
  expect(client.peer.goAways.at(-1)?.lastId).toBe(1);
});

test("a client's connection without requests is ended in order, and so is one to a pod", async () => {
  using pod = named("a");
  using hop = new Hop([pod], { policy: { httpIdleMs: 300 } });
  using client = await Client.connect(hop.port);
  await client.ask().done();
  expect(hop.pools.size).toBe(1);
  await eventually(() => client.peer.goAways.length > 0 && hop.flows.size === 0);
  await eventually(() => hop.pools.size === 0);
  expect(pod.peers[0]?.goAways.length).toBe(1);
});

test("what breaks the protocol ends the connection, and is counted", async () => {
  using pod = named("a");
  using hop = new Hop([pod]);
  await Bun.connect({
    hostname: "127.0.0.1",
    port: hop.port,
    socket: {
      open: (socket) => {
        socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense nonsense nonsense");
      },
      data: () => undefined,
    },
  });
  await eventually(() => hop.pools.counters.frameSizeError + hop.pools.counters.protocolError === 1);
  await eventually(() => hop.flows.size === 0, 4000);
});
