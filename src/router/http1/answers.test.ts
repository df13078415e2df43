import { expect, test } from "bun:test";
import { EngineRig } from "./testing/engine.ts";
import { ok } from "./testing/raw-pod.ts";
import { GET, get, sendSlowly, contains, bodyOf } from "./testing/requests.ts";

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
