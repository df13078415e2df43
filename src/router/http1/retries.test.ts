import { expect, test } from "bun:test";
import type { TestClient } from "../testing/client.ts";
import { eventually } from "../testing/routers.ts";
import { EngineRig } from "./testing/engine.ts";
import { namedPod, ok, RawPod } from "./testing/raw-pod.ts";
import { GET, get, post, fullPod, contains } from "./testing/requests.ts";

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
