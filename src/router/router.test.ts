import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Rig, SERVICE, eventually, listenPort, listener, service } from "./testing/routers.ts";

const site = { id: "a", name: "a" };

function digest(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

async function names(rig: Rig, port: number, count: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let n = 0; n < count; n++) {
    const client = await rig.client(port);
    await client.until((one) => one.text.includes("\n"));
    const name = client.text.trim();
    counts[name] = (counts[name] ?? 0) + 1;
    client.fin();
    await client.ended();
  }
  return counts;
}

test("sequential connections are spread exactly over the pods", async () => {
  using rig = new Rig();
  const pods = ["p0", "p1", "p2"].map((name) => rig.backend(name));
  const router = rig.router({ site, listeners: [listener()], services: [service(pods)] });
  expect(await names(rig, listenPort(router), 30)).toEqual({ p0: 10, p1: 10, p2: 10 });
  await eventually(() => router.flows.size === 0);
});

test("a refused endpoint is replaced by another before the client notices", async () => {
  using rig = new Rig();
  const gone = rig.backend("gone");
  const { port } = gone;
  gone.stop();
  const pods = [{ port }, rig.backend("p1"), { port }];
  const router = rig.router({ site, listeners: [listener()], services: [service(pods)] });
  expect(await names(rig, listenPort(router), 12)).toEqual({ p1: 12 });
  const [stats] = [...router.metrics().matchAll(/isthmus_retries_total\{.*\} (\d+)/g)];
  expect(Number(stats?.[1])).toBeGreaterThan(0);
});

test("with nothing left the client is reset within 100 ms", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  gone.stop();
  const router = rig.router({
    site,
    listeners: [listener()],
    services: [service([gone, { port: gone.port, ready: false }])],
  });
  const started = performance.now();
  const client = await rig.client(listenPort(router));
  await client.ended();
  expect(client.ending).toBe("reset");
  expect(performance.now() - started).toBeLessThan(100);
});

test.each(["client", "backend"])(
  "half-close by the %s first keeps the other direction, with equal SHA-256",
  async (first) => {
    using rig = new Rig();
    const payload = crypto.getRandomValues(new Uint8Array(65_536));
    const bytes = Buffer.concat(Array.from({ length: 40 }, () => payload));
    const received: Uint8Array[] = [];
    let backendEnded = false;
    const pod = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          if (first === "backend") {
            socket.write("early");
            socket.shutdown();
          }
        },
        data: (_socket, chunk) => void received.push(new Uint8Array(chunk)),
        close: (_socket, error) => {
          backendEnded ||= error === undefined;
        },
        end: (socket) => {
          backendEnded = true;
          if (first === "client") {
            socket.write("late");
            socket.shutdown();
          }
        },
      },
    });
    rig.defer(() => pod.stop(true));
    const router = rig.router({ site, listeners: [listener()], services: [service([pod])] });
    const client = await rig.client(listenPort(router));
    if (first === "backend") {
      await client.ended();
      expect(client.text).toBe("early");
    }
    client.send(bytes);
    client.fin();
    await eventually(() => backendEnded);
    expect(digest(Buffer.concat(received))).toBe(digest(bytes));
    await client.ended();
    expect(client.ending).toBe("fin");
    expect(client.text).toBe(first === "client" ? "late" : "early");
    await eventually(() => router.flows.size === 0);
  },
);

test("a reset of one side is a reset of the other, never a clean end", async () => {
  using rig = new Rig();
  let broke: Error | undefined | "open" = "open";
  const pod = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      data: (socket, chunk) => {
        if (chunk.toString() === "break") socket.terminate();
        else socket.write(chunk);
      },
      close: (_socket, error) => {
        broke = error;
      },
    },
  });
  rig.defer(() => pod.stop(true));
  const router = rig.router({ site, listeners: [listener()], services: [service([pod])] });
  const victim = await rig.client(listenPort(router));
  victim.send("break");
  await victim.ended();
  expect(victim.ending).toBe("reset");
  const half = await rig.client(listenPort(router));
  half.send("break");
  half.fin();
  await half.ended();
  expect(half.ending).toBe("reset");
  broke = "open";
  const leaver = await rig.client(listenPort(router));
  leaver.send("hello");
  await leaver.until((one) => one.text === "hello");
  leaver.reset();
  await eventually(() => broke !== "open");
  expect(broke).toBeInstanceOf(Error);
  await eventually(() => router.flows.size === 0);
});

test("a client that does not read stops its sender and holds little", async () => {
  using rig = new Rig();
  const router = rig.router({ site, listeners: [listener()], services: [service([rig.backend()])] });
  const client = await rig.client(listenPort(router));
  client.pause();
  const chunk = new Uint8Array(1024 * 1024);
  for (let n = 0; n < 64; n++) client.send(chunk);
  await Bun.sleep(150);
  let held = 0;
  for (const flow of router.flows) held += (flow.near?.held ?? 0) + (flow.far?.held ?? 0);
  expect(client.unsentBytes).toBeGreaterThan(16 * 1024 * 1024);
  expect(held).toBeLessThan(2 * 1024 * 1024);
  client.keep = false;
  client.resume();
  await client.until((one) => one.bytes === 64 * 1024 * 1024);
});

test("a reload touches no connection: listeners, endpoints and policies change around it", async () => {
  using rig = new Rig();
  const [p0, p1] = [rig.backend("p0"), rig.backend("p1")];
  const at = listener();
  const router = rig.router({ site, listeners: [at], services: [service([{ port: p0.port, id: "p0" }])] });
  const port = listenPort(router);
  const client = await rig.client(port);
  await client.until((one) => one.text === "p0\n");
  router.apply({
    site,
    listeners: [at, { ...listener("default/other") }],
    services: [service([{ port: p1.port, id: "p1" }])],
  });
  expect(listenPort(router)).toBe(port);
  expect(await names(rig, port, 4)).toEqual({ p1: 4 });
  router.apply({ site, listeners: [], services: [] });
  client.send("still here");
  await client.until((one) => one.text === "p0\nstill here");
  client.fin();
  await client.ended();
  expect(client.ending).toBe("fin");
});

test("a port in use is one clear error at start, and a state with a retry on reload", async () => {
  using rig = new Rig();
  const taken = rig.backend();
  const listeners = [{ service: SERVICE, port: 8080, listen: `127.0.0.1:${taken.port}` }];
  expect(() => rig.router({ site, listeners })).toThrow(/Cannot listen on .*in use/);
  const router = rig.router({ site, listeners: [listener()] });
  router.apply({ site, listeners });
  expect(router.state().listeners[0]).toMatchObject({ state: "error" });
  expect(router.state().problems[0]?.field).toBe("listeners[0].listen");
  taken.stop();
  await eventually(() => router.state().listeners[0]?.state === "open");
});

test("drain takes no more, waits for what runs, and leaves nothing", async () => {
  using rig = new Rig();
  const router = rig.router({
    site,
    listeners: [listener()],
    services: [service([rig.backend("p0")])],
    drain: { timeoutMs: 5000 },
  });
  const port = listenPort(router);
  const client = await rig.client(port);
  await client.until((one) => one.text === "p0\n");
  const drained = router.drain();
  await expect(rig.client(port)).rejects.toThrow();
  client.send("last words");
  await client.until((one) => one.text.endsWith("last words"));
  client.fin();
  expect(await drained).toBe(0);
  await client.ended();
  expect(client.ending).toBe("fin");
});

test("what is idle is reaped, what moves is not", async () => {
  using rig = new Rig();
  const router = rig.router({
    site,
    listeners: [listener()],
    services: [service([rig.backend("p0")])],
    policies: [{ service: SERVICE, timeouts: { idleMs: 1000 } }],
  });
  const [idle, busy] = [await rig.client(listenPort(router)), await rig.client(listenPort(router))];
  const timer = setInterval(() => busy.send("x"), 100);
  rig.defer(() => clearInterval(timer));
  await idle.ended();
  expect(idle.ending).toBe("reset");
  expect(busy.ending).toBe("open");
});

test("an endpoint that fails five times in a row is put aside and comes back", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  gone.stop();
  const router = rig.router({
    site,
    listeners: [listener()],
    services: [service([{ port: gone.port }, rig.backend("p1")])],
  });
  await names(rig, listenPort(router), 12);
  const retries = (): number => Number(/isthmus_retries_total\{.*\} (\d+)/.exec(router.metrics())?.[1]);
  expect(retries()).toBe(5);
  rig.backend("back", { port: gone.port });
  // After its time one connection tries it.
  const seen: string[] = [];
  const giveUp = performance.now() + 4000;
  while (!seen.includes("back") && performance.now() < giveUp)
    seen.push(...Object.keys(await names(rig, listenPort(router), 1)));
  expect(await names(rig, listenPort(router), 10)).toEqual({ back: 5, p1: 5 });
});
