import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { eventStream } from "./api/event-stream.ts";
import { observerApi } from "./api.ts";
import { viewEvent, type ViewEvent } from "./subscriptions.ts";
import { FakeNetwork } from "./testing/fake-network.ts";
import { observed } from "./testing/observed.ts";
import type { ServicesView } from "./views.ts";

const WEB = "shop/web";

async function world(): Promise<
  ReturnType<typeof observed> & { ask: (path: string, init?: RequestInit) => Promise<Response | undefined> }
> {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, ["c1", "c2"]);
  network.offer("c1", { service: WEB, pods: { a: true } });
  const all = observed({ network, clock });
  await all.rounds(2);
  const api = observerApi(all.observer, { clock });
  return { ...all, ask: (path, init) => api(new Request(`http://console${path}`, init)) };
}

test("Every view is JSON at its path", async () => {
  const { ask } = await world();
  const paths: Record<string, string> = {
    "/api/v1/network": "links",
    "/api/v1/services": "services",
    "/api/v1/services/shop/web": "pods",
    "/api/v1/services/shop/web?port=8080": "pods",
    "/api/v1/services/shop/web/history": "timesMs",
    "/api/v1/services/shop/web/history?from=1700000000000&to=1700000002000&step=10000": "timesMs",
    "/api/v1/services/shop/web/explain?site=c2": "policy",
    "/api/v1/flows?status=5xx&limit=10": "flows",
    "/api/v1/sites/c2": "links",
    "/api/v1/activity?limit=1": "items",
  };
  for (const [path, field] of Object.entries(paths)) {
    const response = await ask(path);
    expect([path, response?.status]).toEqual([path, 200]);
    expect(await response?.json()).toHaveProperty(field);
  }
  expect(await ask("/api/v1/about")).toBeUndefined();
  expect(await ask("/api/v1/services/shop")).toBeUndefined();
  expect(await ask("/index.html")).toBeUndefined();
});

test("What cannot be answered says why, as JSON", async () => {
  const { ask } = await world();
  const cases: [string, number, string][] = [
    ["/api/v1/services/shop/none", 404, "There is no service shop/none in the network"],
    ["/api/v1/services/shop/web?port=99", 404, "shop/web has no port 99: it has 8080"],
    ["/api/v1/sites/c9", 404, "There is no site c9 in the network"],
    ["/api/v1/flows?limit=0", 400, 'Cannot use the query\'s "limit": expected a whole number from 1 to 1000'],
    ["/api/v1/flows?status=abc", 400, 'Cannot use the query\'s "status"'],
    ["/api/v1/flows?staus=503", 400, 'Cannot use the query\'s "staus": it is not known here'],
    ["/api/v1/flows?protocol=udp", 400, "expected tcp or http or grpc"],
    ["/api/v1/flows?limit=1&limit=2", 400, "it is given twice"],
    ["/api/v1/services/shop/web/history?from=5&to=4", 400, 'expected a time before "to"'],
    ["/api/v1/services/%E0%A4%A/x", 400, "Cannot read the path"],
  ];
  for (const [path, status, message] of cases) {
    const response = await ask(path);
    expect([path, response?.status]).toEqual([path, status]);
    expect(await response?.json()).toMatchObject({
      error: { message: expect.stringContaining(message), code: status === 404 ? "NOT_FOUND" : "INVALID" },
    });
  }
  expect((await ask("/api/v1/network", { method: "POST" }))?.status).toBe(405);
});

test("Before anybody was heard, views say who does not answer", async () => {
  const clock = new FakeClock();
  const network = new FakeNetwork(clock, ["c1"]);
  network.router("c1").silent = true;
  const { observer, rounds } = observed({ network, clock });
  await rounds(1);
  const response = await observerApi(observer)(new Request("http://console/api/v1/network"));
  expect(response?.status).toBe(503);
  expect(await response?.json()).toMatchObject({ error: { code: "UNREACHABLE" } });
  const ready = observer.ready({ timeoutMs: 5 });
  clock.advance(5);
  expect(ready).rejects.toThrow("No router of id-c1 answers");
});

test("A stream begins with the view, goes on with what changed, and breathes while nothing does", async () => {
  const { ask, network, rounds, clock } = await world();
  const response = await ask("/api/v1/services", { headers: { accept: "text/event-stream" } });
  expect(response?.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const reader = response?.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const until = async (part: string): Promise<void> => {
    while (!text.includes(part)) text += decoder.decode((await reader?.read())?.value);
  };
  await until("\n\n");
  expect(text.startsWith("event: view\ndata: {")).toBe(true);
  const first: ServicesView = JSON.parse(text.slice(text.indexOf("{")));
  expect(first.services.map(({ service }) => service)).toEqual([WEB]);
  text = "";
  await rounds(1, () => network.router("c1").request({ service: WEB, to: ["c1", "a"] }));
  await until("event: update\n");
  text = "";
  clock.advance(20_000);
  await until(":\n\n");
  await reader?.cancel();
});

test("A client that does not read is sent away, and nobody tells it anything any more", async () => {
  const told = new Set<(event: ViewEvent) => void>();
  let ended = 0;
  const response = eventStream(
    (fn) => {
      told.add(fn);
      return () => told.delete(fn);
    },
    { every: () => () => undefined, onEnd: () => ended++ },
  );
  for (let n = 0; n < 100; n++) for (const fn of told) fn(viewEvent("view", "x".repeat(1024 * 1024)));
  expect(told.size).toBe(0);
  expect(ended).toBe(1);
  expect(response.text()).rejects.toThrow("The client does not read");
});

test("No more than so many may follow, and one that left makes room", async () => {
  const { ask } = await world();
  const follow = { headers: { accept: "text/event-stream" } };
  const streams = [];
  for (let n = 0; n < 200; n++) streams.push(await ask("/api/v1/activity", follow));
  expect(streams.every((stream) => stream?.status === 200)).toBe(true);
  expect((await ask("/api/v1/activity", follow))?.status).toBe(503);
  await streams[0]?.body?.cancel();
  expect((await ask("/api/v1/activity", follow))?.status).toBe(200);
});
