import { expect, test } from "bun:test";
import { Rig, SERVICE, eventually, listenPort, listener, service } from "../testing/routers.ts";

test("an endpoint whose probes fail gets nothing, is told of as not ready with the reason, and comes back", async () => {
  using rig = new Rig();
  const statuses = [200, 200];
  const pods = statuses.map((_, index) =>
    Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response(`p${index}\n`, { status: statuses[index] ?? 200 }),
    }),
  );
  rig.defer(() => {
    for (const pod of pods) void pod.stop(true);
  });
  const health = {
    type: "HTTP",
    path: "/healthz",
    intervalMs: 100,
    timeoutMs: 500,
    rise: 2,
    fall: 2,
  } as const;
  const states: (boolean | undefined)[] = [];
  const router = rig.router(
    {
      site: { id: "a", name: "a" },
      listeners: [listener()],
      services: [{ ...service(pods.map(({ port }) => ({ port: port ?? 0 }))), health }],
    },
    { onState: ({ sites }) => states.push(sites[0]?.services[0]?.endpoints[0]?.ready) },
  );
  const ask = async (): Promise<string> => {
    const client = await rig.client(listenPort(router));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.until(({ text }) => text.endsWith("\n"));
    return client.text.trim().slice(-2);
  };
  const endpoints = () => router.core().services.explain(SERVICE, { port: 8080 })?.endpoints ?? [];
  statuses[0] = 503;
  await eventually(() => endpoints()[0]?.why === "not ready: health check: answered 503");
  expect([await ask(), await ask()]).toEqual(["p1", "p1"]);
  await eventually(() => states.includes(false));
  statuses[0] = 200;
  await eventually(() => endpoints()[0]?.state === "in");
  expect([await ask(), await ask()].toSorted()).toEqual(["p0", "p1"]);
});
