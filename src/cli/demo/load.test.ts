import { afterAll, expect, test } from "bun:test";
import { percentile, podOf, runLoad } from "./load.ts";

let count = 0;
const connections = new Set<string>();
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, self) {
    connections.add(String(self.requestIP(request)?.port));
    count++;
    if (new URL(request.url).pathname === "/broken") return new Response("no", { status: 503 });
    return Response.json({ pod: `pod-${count % 2}`, cluster: "c2" });
  },
});
const target = { host: "127.0.0.1", port: server.port ?? 0 };
afterAll(() => server.stop(true));

test("sends exactly the number of requests asked for and counts who answered", async () => {
  connections.clear();
  const result = await runLoad({
    target,
    path: "/",
    requests: 101,
    clients: 5,
    keepAlive: false,
    timeoutMs: 5000,
  });
  expect(result.requests).toBe(101);
  expect(result.failed).toBe(0);
  expect(result.pods.map(({ pod, cluster }) => `${cluster}/${pod}`)).toEqual(["c2/pod-0", "c2/pod-1"]);
  expect(result.pods.reduce((sum, pod) => sum + pod.requests, 0)).toBe(101);
  expect(connections.size).toBe(101);
  expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms);
});

test("with keep-alive each client keeps its one connection", async () => {
  connections.clear();
  const result = await runLoad({
    target,
    path: "/",
    requests: 50,
    clients: 5,
    keepAlive: true,
    timeoutMs: 5000,
  });
  expect(result.failed).toBe(0);
  expect(connections.size).toBe(5);
});

test("a failed request is counted with its reason, and the load goes on", async () => {
  const result = await runLoad({
    target,
    path: "/broken",
    requests: 10,
    clients: 2,
    keepAlive: false,
    timeoutMs: 5000,
  });
  expect(result.failed).toBe(10);
  expect([...result.failures]).toEqual([["status 503", 10]]);
});

test("a refused connection and a server that never answers are failures", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const hung = { host: "127.0.0.1", port: silent.port };
    const load = { path: "/", requests: 2, clients: 2, keepAlive: false, timeoutMs: 50 };
    const result = await runLoad({ ...load, target: hung });
    expect([...result.failures]).toEqual([["no answer within 50 ms", 2]]);
    silent.stop(true);
    expect((await runLoad({ ...load, target: hung })).failed).toBe(2);
  } finally {
    silent.stop(true);
  }
});

test("an answer that names no pod is a failure", () => {
  expect(podOf({ status: 200, body: "hello" })).toBe("answer that names no pod");
  expect(podOf({ status: 200, body: '{"pod":"a","cluster":"c1"}' })).toEqual({ pod: "a", cluster: "c1" });
});

test("percentiles are of the nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBe(0);
});
