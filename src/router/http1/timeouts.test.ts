import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { eventually } from "../testing/routers.ts";
import { EngineRig } from "./testing/engine.ts";
import { namedPod, ok, RawPod } from "./testing/raw-pod.ts";
import { GET } from "./testing/requests.ts";

/** Time passes, and what came meanwhile is read. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  await Bun.sleep(10);
  clock.advance(ms);
  await Bun.sleep(10);
}

test("a client that asks nothing is closed in order after httpIdleMs", async () => {
  const clock = new FakeClock();
  using rig = new EngineRig([namedPod("a")], { clock, policy: { timeouts: { httpIdleMs: 5000 } } });
  const client = await rig.engine.client();
  await pass(clock, 4500);
  client.send(GET);
  await client.until(({ text }) => text.includes("200 OK"));
  await pass(clock, 4500);
  expect(client.ending).toBe("open");
  await pass(clock, 1000);
  await client.ended();
  expect(client.ending).toBe("fin");
});

test("a head that does not come to its end is answered 408 after 10 s", async () => {
  const clock = new FakeClock();
  using rig = new EngineRig([namedPod("a")], { clock });
  const client = await rig.engine.client();
  client.send("GET / HTTP/1.1\r\n");
  for (let i = 0; i < 9; i++) {
    await pass(clock, 1000);
    client.send(`X-${i}: slow\r\n`);
  }
  expect(client.ending).toBe("open");
  await pass(clock, 1500);
  await client.ended();
  expect(client.text).toMatch(/^HTTP\/1.1 408 .*x-isthmus-reason: head-timeout/s);
  expect(rig.engine.counters.refused.get("head-timeout")).toBe(1);
});

test("a body that stands still for 30 s is answered 408, and its pod's connection is dropped", async () => {
  const clock = new FakeClock();
  using rig = new EngineRig([{ onData: () => undefined }], { clock });
  const client = await rig.engine.client();
  client.send("POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 10\r\n\r\n123");
  await eventually(() => rig.pods[0]?.open === 1);
  await pass(clock, 29_000);
  client.send("4");
  await pass(clock, 29_000);
  expect(client.ending).toBe("open");
  await pass(clock, 1500);
  await client.ended();
  expect(client.text).toMatch(/^HTTP\/1.1 408 .*x-isthmus-reason: body-timeout/s);
  await eventually(() => rig.pods[0]?.open === 0);
  expect(rig.engine.inFlight).toBe(0);
});

test("a client that does not read its answer is reset after httpIdleMs", async () => {
  const clock = new FakeClock();
  using rig = new EngineRig(
    [{ onRequest: ({ connection }) => connection.send(ok("x".repeat(16 * 1024 * 1024))) }],
    { clock, policy: { timeouts: { httpIdleMs: 5000 } } },
  );
  const client = await rig.engine.client();
  client.keep = false;
  client.send(GET);
  await client.until(({ bytes }) => bytes > 0);
  client.pause();
  await eventually(() => [...rig.engine.flows].some(({ near }) => (near?.held ?? 0) > 0));
  await pass(clock, 4000);
  expect(rig.engine.flows.size).toBe(1);
  await pass(clock, 6000);
  await eventually(() => rig.engine.flows.size === 0);
  expect(rig.engine.inFlight).toBe(0);
  await eventually(() => rig.pods[0]?.open === 0);
});

test("a client that does not end after Connection: close is cut", async () => {
  const clock = new FakeClock();
  using rig = new EngineRig([namedPod("a")], { clock });
  const client = await rig.engine.client();
  client.send("GET / HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n");
  await client.ended();
  expect(client.ending).toBe("fin");
  expect(rig.engine.flows.size).toBe(1);
  await pass(clock, 2500);
  await eventually(() => rig.engine.flows.size === 0);
  expect(rig.engine.pools.connections).toBe(0);
});

test("a connection to a pod that nobody uses for 4 s is closed in order", async () => {
  const clock = new FakeClock();
  using rig = new EngineRig([namedPod("a")], { clock });
  const client = await rig.engine.client();
  client.send(GET);
  await client.until(({ text }) => text.includes("200 OK"));
  await pass(clock, 3500);
  expect(rig.engine.pools.size).toBe(1);
  await pass(clock, 1000);
  expect(rig.engine.pools.size).toBe(0);
  await eventually(() => rig.pods[0]?.open === 0);
  client.reset();
  await eventually(() => rig.engine.flows.size === 0);
  // Nothing is left that needs the timer.
  await pass(clock, 5000);
  expect(rig.engine.pools.connections).toBe(0);
});

test("an answer that is under way may take as long as it wants", async () => {
  const clock = new FakeClock();
  const pod = new RawPod({
    onRequest: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1"),
  });
  using rig = new EngineRig([pod], { clock, policy: { timeouts: { requestMs: 1000, httpIdleMs: 5000 } } });
  const client = await rig.engine.client();
  client.send(GET);
  await client.until(({ text }) => text.endsWith("1"));
  await pass(clock, 60_000);
  pod.connections[0]?.send("2");
  await client.until(({ text }) => text.endsWith("12"));
  expect(client.ending).toBe("open");
});
