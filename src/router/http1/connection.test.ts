import { expect, test } from "bun:test";
import { eventually } from "../testing/routers.ts";
import { EngineRig } from "./testing/engine.ts";
import { namedPod, ok, RawPod } from "./testing/raw-pod.ts";
import { GET, get, post, sendSlowly, contains, bodyOf } from "./testing/requests.ts";

for (const remote of [false, true]) {
  const where = remote ? "behind a link" : "here";

  test(`requests of one keep-alive connection are shared equally by pods ${where}`, async () => {
    using rig = new EngineRig(
      ["a", "b", "c"].map((name) => namedPod(name)),
      { remote },
    );
    const client = await rig.engine.client();
    for (let i = 1; i <= 30; i++) {
      client.send(GET);
      await client.until(({ text }) => text.split("HTTP/1.1 200").length === i + 1);
    }
    expect(rig.pods.map((pod) => pod.requests.length)).toEqual([10, 10, 10]);
    expect(rig.pods.map((pod) => pod.connections.length)).toEqual([1, 1, 1]);
    expect(rig.engine.inFlight).toBe(0);
    expect(rig.engine.counters.upstreamReused).toBe(27);
  });

  test(`pipelined requests are answered in order by pods ${where}`, async () => {
    const pods = ["a", "b"].map(
      (name) =>
        new RawPod({
          onRequest: ({ head, connection }) => {
            const path = head.split(" ")[1] ?? "";
            // The first pod is slow: its answers would come last.
            setTimeout(() => connection.send(ok(`<${path}>`)), name === "a" ? 20 : 0);
          },
        }),
    );
    using rig = new EngineRig(pods, { remote });
    const client = await rig.engine.client();
    client.send([1, 2, 3, 4, 5, 6].map((n) => get(`/${n}`)).join(""));
    const text = await contains(client, "</6>");
    expect([...text.matchAll(/<\/(\d)>/g)].map((match) => match[1]).join("")).toBe("123456");
    expect(rig.pods.map((pod) => pod.requests.length)).toEqual([3, 3]);
  });

  test(`big bodies go both ways with slow readers in bounded memory, pods ${where}`, async () => {
    const total = 8 * 1024 * 1024;
    using rig = new EngineRig(
      [
        {
          // Echo: the answer begins with the first byte of the body.
          onData: (connection, chunk) => {
            if (connection.bytesIn === chunk.length) {
              const from = chunk.indexOf("\r\n\r\n") + 4;
              connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
              connection.send(chunk.subarray(from));
              connection.socket.pause();
              setTimeout(() => connection.socket.resume(), 100);
            } else connection.send(new Uint8Array(chunk));
          },
        },
      ],
      { remote },
    );
    const client = await rig.engine.client();
    client.keep = false;
    client.send(`POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${total}\r\n\r\n`);
    client.pause();
    const piece = new Uint8Array(256 * 1024).fill(0x61);
    for (let sent = 0; sent < total; sent += piece.length) client.send(piece);
    let mostHeld = 0;
    const watch = setInterval(() => {
      for (const flow of rig.engine.flows) mostHeld = Math.max(mostHeld, flow.near?.held ?? 0);
    }, 5);
    await Bun.sleep(200);
    client.resume();
    await client.until((one) => one.bytes > total, 15_000);
    clearInterval(watch);
    expect(mostHeld).toBeLessThan(1024 * 1024 + 65_536);
    expect(rig.engine.inFlight).toBe(0);
  }, 20_000);

  test(`a refused pod is passed over, also by a POST, pods ${where}`, async () => {
    const gone = new RawPod({});
    gone.stop();
    using rig = new EngineRig([gone, namedPod("b")], { remote });
    const client = await rig.engine.client();
    for (let i = 1; i <= 4; i++) {
      client.send(post(`body ${i}`));
      await client.until(({ text }) => text.split("HTTP/1.1 200").length === i + 1);
    }
    expect(rig.pods[1]?.requests.map(({ body }) => body.toString())).toEqual([
      "body 1",
      "body 2",
      "body 3",
      "body 4",
    ]);
    expect(rig.engine.counters.retries).toBeGreaterThan(0);
    expect(rig.engine.inFlight).toBe(0);
  });

  test(`a pod that breaks in the middle of its answer breaks the client, pods ${where}`, async () => {
    for (const how of ["fin", "reset"] as const) {
      using rig = new EngineRig(
        [
          {
            onRequest: ({ connection }) => {
              connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
              setTimeout(() => connection[how](), 20);
            },
          },
        ],
        { remote },
      );
      const client = await rig.engine.client();
      client.send(GET);
      await client.ended();
      expect(client.ending).toBe("reset");
      expect(rig.engine.inFlight).toBe(0);
    }
  });

  test(`a WebSocket upgrade makes a tunnel, pods ${where}`, async () => {
    using rig = new EngineRig(
      [
        {
          onData: (connection, chunk) => {
            if (connection.bytesIn > chunk.length) connection.send(`pod heard ${chunk.toString()};`);
            else {
              expect(chunk.toString()).toMatch(/\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/i);
              connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst;",
              );
            }
          },
        },
      ],
      { remote },
    );
    const client = await rig.engine.client();
    client.send(get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"));
    await contains(client, "first;");
    expect(client.text).toStartWith("HTTP/1.1 101 ");
    expect(rig.engine.inFlight).toBe(1);
    expect(rig.engine.pools.connections).toBe(0);
    client.send("one");
    await contains(client, "pod heard one;");
    client.fin();
    await client.ended();
    expect(client.ending).toBe("fin");
    await eventually(() => rig.engine.inFlight === 0);
    expect(rig.engine.flows.size).toBe(0);
    expect(rig.engine.counters.upgrades).toBe(1);
  });
}

test("an HTTP/1.0 client keeps its connection when it asks to", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  expect(await contains(client, "\r\n\r\na")).toMatch(/\r\nConnection: keep-alive\r\n/i);
  client.send("GET / HTTP/1.0\r\n\r\n");
  await client.ended();
  expect(client.text.split("HTTP/1.1 200").length).toBe(3);
  expect(client.ending).toBe("fin");
});

test("Connection: close is kept", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send(get("/", "Connection: close\r\n"));
  client.fin();
  await client.ended();
  expect(client.text).toMatch(/\r\nConnection: close\r\n/i);
  expect(bodyOf(client.text)).toBe("a");
  expect(client.ending).toBe("fin");
  await eventually(() => rig.engine.flows.size === 0);
  expect(rig.engine.pools.connections).toBe(0);
});

test("a request that is malformed is answered 400 with its reason, and the connection closes", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send(`${GET}GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`);
  await client.ended();
  expect(client.ending).toBe("fin");
  expect(client.text).toMatch(/^HTTP\/1.1 200 .*HTTP\/1.1 400 .*x-isthmus-reason: clWithTe\r\n/s);
  expect(rig.engine.counters.refused.get("clWithTe")).toBe(1);
  expect(rig.pods[0]?.requests.length).toBe(1);
});

test("a chunked body that is malformed never reaches the pod as a whole request", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  await eventually(() => (rig.pods[0]?.connections[0]?.bytesIn ?? 0) > 0);
  client.send("zz\r\n");
  await client.ended();
  expect(client.text).toMatch(/^HTTP\/1.1 400 .*reason: badChunkSize/s);
  expect(rig.pods[0]?.requests.length).toBe(0);
  await eventually(() => rig.pods[0]?.open === 0);
  expect(rig.engine.inFlight).toBe(0);
});

test("a head may come byte by byte", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  await sendSlowly(client, post("xyz", "X-Long: abc\r\n"));
  await contains(client, "200 OK");
  expect(rig.pods[0]?.requests[0]?.body.toString()).toBe("xyz");
});

test("a client that goes away takes its request with it", async () => {
  using rig = new EngineRig([{ onRequest: () => undefined }]);
  const client = await rig.engine.client();
  client.send(GET);
  await eventually(() => rig.pods[0]?.requests.length === 1);
  client.reset();
  await eventually(() => rig.pods[0]?.open === 0);
  expect(rig.engine.inFlight).toBe(0);
  expect(rig.engine.flows.size).toBe(0);
  expect(rig.engine.pools.connections).toBe(0);
});

test("a client that ended its side still gets its answers", async () => {
  using rig = new EngineRig([
    { onRequest: ({ connection }) => setTimeout(() => connection.send(ok("late")), 30) },
  ]);
  const client = await rig.engine.client();
  client.send(GET + GET);
  client.fin();
  await client.ended();
  expect(client.text.split("late").length).toBe(3);
  expect(client.ending).toBe("fin");
  await eventually(() => rig.engine.flows.size === 0);
});

test("drain closes idle connections at once, and the others with their answer", async () => {
  using rig = new EngineRig([
    { onRequest: ({ connection }) => setTimeout(() => connection.send(ok("done")), 50) },
  ]);
  const idle = await rig.engine.client();
  const busy = await rig.engine.client();
  busy.send(GET);
  await eventually(() => rig.pods[0]?.requests.length === 1);
  for (const connection of rig.engine.connections) connection.drain();
  await idle.ended();
  expect(idle.ending).toBe("fin");
  await busy.ended();
  expect(busy.ending).toBe("fin");
  expect(busy.text).toMatch(/\r\nConnection: close\r\n.*done$/is);
});

test("a path decides where there are several routes; an unknown one is 404", async () => {
  using rig = new EngineRig([namedPod("a")], {
    routes: (route) => ({
      only: undefined,
      find: (path) => (path.startsWith("/east/app") ? { route, stripBytes: 9 } : undefined),
    }),
  });
  const client = await rig.engine.client();
  client.send(get("/east/app/x?q=1") + get("/east/app") + get("/other"));
  expect(await contains(client, "no-route")).toMatch(/HTTP\/1.1 404 /);
  expect(rig.pods[0]?.requests.map(({ head }) => head.split("\r\n")[0])).toEqual([
    "GET /x?q=1 HTTP/1.1",
    "GET / HTTP/1.1",
  ]);
});

test("the pod hears of the client from the router only", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send(
    get("/", "X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Secret: s\r\nConnection: x-secret\r\n"),
  );
  await contains(client, "200 OK");
  const head = rig.pods[0]?.requests[0]?.head ?? "";
  expect(head).toContain("X-Forwarded-For: 127.0.0.1\r\n");
  expect(head).toContain("X-Forwarded-Proto: http\r\n");
  expect(head).not.toContain("1.2.3.4");
  expect(head).not.toMatch(/secret/i);
});
