import { expect, test } from "bun:test";
import type { TestClient } from "../testing/client.ts";
import { eventually } from "../testing/routers.ts";
import { EngineRig } from "./testing/engine.ts";
import { namedPod, ok, RawPod } from "./testing/raw-pod.ts";

const GET = "GET / HTTP/1.1\r\nHost: app\r\n\r\n";

function get(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: app\r\n${headers}\r\n`;
}

function post(body: string, headers = ""): string {
  return `POST / HTTP/1.1\r\nHost: app\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;
}

function fullPod(): RawPod {
  return new RawPod({
    onRequest: ({ connection }) =>
      connection.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"),
  });
}

async function sendSlowly(to: { send(data: string): void }, text: string): Promise<void> {
  for (const byte of text) {
    to.send(byte);
    await Bun.sleep(0);
  }
}

async function contains(client: TestClient, text: string, timeoutMs?: number): Promise<string> {
  await client.until((one) => one.text.includes(text), timeoutMs);
  return client.text;
}

/** Body of the only answer so far. */
function bodyOf(text: string): string {
  return text.slice(text.indexOf("\r\n\r\n") + 4);
}

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

test("bytes that the client sent behind its upgrade go through the tunnel", async () => {
  using rig = new EngineRig([
    {
      onData: (connection, chunk) => {
        if (connection.bytesIn > chunk.length) connection.send(chunk);
        else
          setTimeout(
            () =>
              connection.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
              ),
            30,
          );
      },
    },
  ]);
  const client = await rig.engine.client();
  client.send(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  await Bun.sleep(10);
  client.send("early");
  await contains(client, "early");
  expect(client.text).toStartWith("HTTP/1.1 101 ");
});

test("an upgrade that nobody asked for is a bad answer", async () => {
  using rig = new EngineRig([
    {
      onRequest: ({ connection }) =>
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        ),
    },
  ]);
  const client = await rig.engine.client();
  client.send(GET);
  expect(await contains(client, "\r\n\r\n")).toMatch(/^HTTP\/1.1 502 .*x-isthmus-reason: bad-answer\r\n/s);
});

test("a chunked body and its trailers go up and down, framed anew", async () => {
  using rig = new EngineRig([
    {
      onRequest: ({ connection }) => {
        connection.send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
        );
      },
    },
  ]);
  const client = await rig.engine.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhel");
  await Bun.sleep(10);
  client.send("lo\r\n6\r\n world\r\n0\r\nX-Up: 1\r\n\r\n");
  const text = await contains(client, "0\r\n");
  expect(bodyOf(text)).toBe("3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n");
  const sent = rig.pods[0]?.requests[0];
  expect(sent?.body.toString()).toBe("3\r\nhel\r\n2\r\nlo\r\n6\r\n world\r\n0\r\nX-Up: 1\r\n\r\n");
  expect(sent?.head).toMatch(/\r\nTransfer-Encoding: chunked\r\n/);
  client.send(GET);
  await client.until((one) => one.text.split("HTTP/1.1 200").length === 3);
});

test("answers without a body end with their head: HEAD, 204, 304", async () => {
  const answers = [
    "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 1000\r\n\r\n',
    ok("end"),
  ];
  using rig = new EngineRig([{ onRequest: ({ connection }) => connection.send(answers.shift() ?? "") }]);
  const client = await rig.engine.client();
  client.send(`HEAD / HTTP/1.1\r\nHost: app\r\n\r\n${GET}${GET}${GET}`);
  const text = await contains(client, "end");
  expect([...text.matchAll(/HTTP\/1.1 (\d+)/g)].map((match) => match[1])).toEqual([
    "200",
    "204",
    "304",
    "200",
  ]);
  expect(rig.pods[0]?.connections.length).toBe(1);
});

test("an answer that ends with the connection is chunked for HTTP/1.1, and closed for HTTP/1.0", async () => {
  using rig = new EngineRig([
    {
      onRequest: ({ connection }) => {
        connection.send("HTTP/1.0 200 OK\r\n\r\nfirst ");
        setTimeout(() => {
          connection.send("second");
          connection.fin();
        }, 10);
      },
    },
  ]);
  const modern = await rig.engine.client();
  modern.send(GET);
  expect(await contains(modern, "0\r\n\r\n")).toMatch(/Transfer-Encoding: chunked/);
  expect(bodyOf(modern.text)).toBe("6\r\nfirst \r\n6\r\nsecond\r\n0\r\n\r\n");
  expect(modern.ending).toBe("open");
  const old = await rig.engine.client();
  old.send("GET / HTTP/1.0\r\n\r\n");
  await old.ended();
  expect(old.ending).toBe("fin");
  expect(bodyOf(old.text)).toBe("first second");
});

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

test("100 and 103 of a pod reach the client; the body follows", async () => {
  using rig = new EngineRig([
    {
      onData: (connection, chunk) => {
        if (connection.bytesIn === chunk.length) {
          expect(chunk.toString()).toMatch(/\r\nExpect: 100-continue\r\n/);
          connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
        } else connection.send(ok(chunk.toString()));
      },
    },
  ]);
  const client = await rig.engine.client();
  client.send("PUT / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  await contains(client, "100 Continue\r\n\r\n");
  client.send("body");
  const text = await contains(client, "\r\n\r\nbody");
  expect([...text.matchAll(/HTTP\/1.1 (\d+)/g)].map((match) => match[1])).toEqual(["103", "100", "200"]);
  expect(text).toContain("Link: </a.css>");
});

test("a request that is refused while its client waits for 100 closes the connection", async () => {
  using rig = new EngineRig([
    {
      onData: (connection) => connection.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"),
    },
  ]);
  const client = await rig.engine.client();
  client.send("PUT / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  await client.ended();
  expect(client.ending).toBe("fin");
  expect(client.text).toMatch(/^HTTP\/1.1 417 .*\r\nConnection: close\r\n/is);
});

test("an early answer to a long body goes out, and the connection closes", async () => {
  using rig = new EngineRig([
    {
      onData: (connection, chunk) => {
        if (connection.bytesIn === chunk.length)
          connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nlong");
      },
    },
  ]);
  const client = await rig.engine.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 100000000\r\n\r\n");
  for (let i = 0; i < 8; i++) client.send(new Uint8Array(65_536));
  await client.ended();
  expect(client.text).toMatch(/^HTTP\/1.1 413 .*\r\nConnection: close\r\n\r\nlong$/is);
  expect(client.ending).toBe("fin");
  expect(rig.engine.pools.size).toBe(0);
});

test("the rest of a short body behind an early answer is read away, and the connection goes on", async () => {
  let requests = 0;
  using rig = new EngineRig([
    {
      onData: (connection, chunk) => {
        if (connection.bytesIn === chunk.length) connection.send(ok(`answer ${++requests}`));
      },
    },
  ]);
  const client = await rig.engine.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\n12345");
  await contains(client, "answer 1");
  client.send(`67890${GET}`);
  await contains(client, "answer 2");
  expect(client.ending).toBe("open");
});

test("a connection that the pod closed while it was idle is not used", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send(GET);
  await contains(client, "200 OK");
  expect(rig.engine.pools.size).toBe(1);
  rig.pods[0]?.connections[0]?.fin();
  await eventually(() => rig.engine.pools.size === 0);
  client.send(post("x"));
  await client.until((one) => one.text.split("200 OK").length === 3);
  expect(rig.engine.counters.retries).toBe(0);
});

test("a connection on which a pod speaks unasked is dropped", async () => {
  using rig = new EngineRig([namedPod("a")]);
  const client = await rig.engine.client();
  client.send(GET);
  await contains(client, "200 OK");
  rig.pods[0]?.connections[0]?.send(ok("not asked"));
  await eventually(() => rig.engine.pools.size === 0);
  client.send(GET);
  await client.until((one) => one.text.split("200 OK").length === 3);
  expect(client.text).not.toContain("not asked");
});

test("a GET on a kept connection that the pod closes in this moment is sent again; a POST is not", async () => {
  let closing = false;
  using rig = new EngineRig([
    {
      onRequest: ({ connection }) => {
        if (closing && connection.requests > 1) connection.reset();
        else connection.send(ok("a"));
      },
    },
  ]);
  const client = await rig.engine.client();
  client.send(GET);
  await contains(client, "200 OK");
  closing = true;
  client.send(GET);
  await client.until((one) => one.text.split("200 OK").length === 3);
  expect(rig.engine.counters.retries).toBe(1);
  client.send(post("once"));
  expect(await contains(client, "x-isthmus-reason")).toMatch(/HTTP\/1.1 502 .*x-isthmus-reason: reset/s);
  expect(rig.pods[0]?.requests.filter(({ body }) => body.toString() === "once").length).toBe(1);
  expect(client.ending).toBe("open");
});

test("a pod that breaks before its answer: a GET goes to another, within the budget", async () => {
  const broken = new RawPod({ onRequest: ({ connection }) => connection.reset() });
  using rig = new EngineRig([broken, namedPod("b")]);
  const client = await rig.engine.client();
  for (let i = 1; i <= 6; i++) {
    client.send(GET);
    await client.until(({ text }) => text.split("HTTP/1.1 200").length === i + 1);
  }
  expect(rig.pods[1]?.requests.length).toBe(6);
  // Then it is put aside.
  expect(broken.requests.length).toBe(5);
  expect(rig.engine.inFlight).toBe(0);
});

test("503 of one pod is answered by another for a GET, and passed on for a POST", async () => {
  using rig = new EngineRig([fullPod(), namedPod("b")]);
  const client = await rig.engine.client();
  client.send(GET);
  await contains(client, "\r\n\r\nb");
  client.send(GET);
  await client.until(({ text }) => text.split("HTTP/1.1 200").length === 3);
  expect(client.text).not.toContain("full");
  const posting = await rig.engine.client();
  posting.send(post("x") + post("y"));
  await contains(posting, "full");
  await contains(posting, "\r\n\r\nb");
});

test("503 of all pods is passed on", async () => {
  using rig = new EngineRig([fullPod(), fullPod()]);
  const client = await rig.engine.client();
  client.send(GET);
  expect(await contains(client, "full")).not.toContain("x-isthmus-reason");
  expect(rig.engine.inFlight).toBe(0);
});

test("without an endpoint the answer is 503 within 100 ms, and the connection goes on", async () => {
  using rig = new EngineRig([]);
  const client = await rig.engine.client();
  const startedMs = performance.now();
  client.send(GET + post("body") + GET);
  await client.until(({ text }) => text.split("x-isthmus-reason: no-endpoints").length === 4);
  expect(performance.now() - startedMs).toBeLessThan(100);
  expect(client.text).toContain("No endpoint of default/app:8080 is available");
  expect(rig.engine.counters.unavailable).toBe(3);
  expect(client.ending).toBe("open");
});

test("when every endpoint refuses, the answer is 503", async () => {
  const gone = [new RawPod({}), new RawPod({})];
  for (const pod of gone) pod.stop();
  using rig = new EngineRig(gone);
  const client = await rig.engine.client();
  client.send(GET);
  expect(await contains(client, "x-isthmus-reason")).toMatch(/^HTTP\/1.1 503 .*connect-failed/s);
  expect(rig.engine.inFlight).toBe(0);
});

test("requestMs: 504 when the head of the answer is late, and the connection goes on", async () => {
  using rig = new EngineRig([{ onRequest: () => undefined }], { policy: { timeouts: { requestMs: 100 } } });
  const client = await rig.engine.client();
  client.send(GET);
  expect(await contains(client, "x-isthmus-reason")).toMatch(/^HTTP\/1.1 504 .*reason: timeout/s);
  await eventually(() => rig.pods[0]?.open === 0);
  expect(client.ending).toBe("open");
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

test("an answer may come byte by byte", async () => {
  using rig = new EngineRig([
    {
      onRequest: ({ connection }) => void sendSlowly(connection, ok("slow answer")),
    },
  ]);
  const client = await rig.engine.client();
  client.send(GET);
  await contains(client, "slow answer");
  client.send(GET);
  await client.until(({ text }) => text.split("slow answer").length === 3);
  expect(rig.pods[0]?.connections.length).toBe(1);
});

test("an answer that cannot be understood becomes 502", async () => {
  using rig = new EngineRig([{ onRequest: ({ connection }) => connection.send("SSH-2.0-x\r\n\r\n") }]);
  const client = await rig.engine.client();
  client.send(GET);
  expect(await contains(client, "x-isthmus-reason")).toMatch(/^HTTP\/1.1 502 .*reason: bad-answer/s);
  expect(rig.engine.counters.refused.get("answer-badStatusLine")).toBe(1);
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

test("an affinity cookie brings a client back to its pod, and tells nothing of it", async () => {
  using rig = new EngineRig([namedPod("a"), namedPod("b"), namedPod("c")], {
    policy: { affinity: { type: "Cookie", cookie: "stick", timeoutSeconds: 60 } },
  });
  const first = await rig.engine.client();
  first.send(GET);
  const text = await contains(first, "200 OK");
  const cookie = /\r\nSet-Cookie: (stick=[0-9a-f]{8}); Path=\/; Max-Age=60; HttpOnly; SameSite=Lax\r\n/.exec(
    text,
  )?.[1];
  expect(cookie).toBeDefined();
  const pod = bodyOf(text);
  const back = await rig.engine.client();
  for (let i = 1; i <= 5; i++) {
    back.send(get("/", `Cookie: x=1; ${cookie}\r\n`));
    await back.until((one) => one.text.split("200 OK").length === i + 1);
  }
  expect(back.text).not.toContain("Set-Cookie");
  expect([...back.text.matchAll(/\r\n\r\n([abc])/g)].map((match) => match[1])).toEqual(Array(5).fill(pod));
});

test("a header decides by its hash", async () => {
  using rig = new EngineRig([namedPod("a"), namedPod("b"), namedPod("c")], {
    policy: { algorithm: "Hash", hash: { source: "Header", name: "X-User" } },
  });
  const client = await rig.engine.client();
  for (let i = 1; i <= 6; i++) {
    client.send(get("/", `X-User: u${i % 2}\r\n`));
    await client.until((one) => one.text.split("200 OK").length === i + 1);
  }
  const pods = [...client.text.matchAll(/\r\n\r\n([abc])/g)].map((match) => match[1]);
  expect(new Set([pods[0], pods[2], pods[4]]).size).toBe(1);
  expect(new Set([pods[1], pods[3], pods[5]]).size).toBe(1);
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

test("a pod that is gone without a word: what waits for it goes elsewhere, and a POST is told", async () => {
  // Its machine is gone: what is sent on open connections is lost, and so are new connections.
  const silent = new RawPod({
    onRequest: ({ connection, head }) => {
      if (head.startsWith("GET /warm")) setTimeout(() => connection.send(ok("warm")), 30);
    },
  });
  using rig = new EngineRig([silent, namedPod("b")], {
    policy: { algorithm: "RoundRobin", timeouts: { connectMs: 200 } },
    connectsTo: (port) => port !== silent.port || silent.connections.length < 2,
  });
  const clients = await Promise.all([1, 2, 3, 4].map(() => rig.engine.client()));
  for (const client of clients) client.send(get("/warm"));
  await Promise.all(clients.map((client) => contains(client, "200 OK")));
  expect(silent.connections.length).toBe(2);
  const startedMs = performance.now();
  const [reading, posting] = clients as [TestClient, TestClient, ...TestClient[]];
  while (silent.requests.at(-1)?.head.startsWith("GET /lost") !== true) {
    reading.send(get("/lost"));
    await Bun.sleep(20);
  }
  while (silent.requests.at(-1)?.head.startsWith("POST") !== true) {
    posting.send(post("lost"));
    await Bun.sleep(20);
  }
  await reading.until(({ text }) => text.endsWith("b"), 4000);
  await contains(posting, "x-isthmus-reason: silent");
  expect(performance.now() - startedMs).toBeLessThan(2500);
  expect(posting.text).toContain("HTTP/1.1 504 ");
  expect(rig.engine.inFlight).toBe(0);
});
