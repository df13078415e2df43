import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ConfigMap } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { seededRandom } from "#core/random.ts";
import { KubeClient } from "#kube/client.ts";
import { failure, FakeApi } from "#kube/testing/fake-api.ts";
import { Informer } from "./informer.ts";
import { keyText } from "./object-key.ts";

const MAPS = "/api/v1/namespaces/west/configmaps";

let api: FakeApi;
let informer: Informer<ConfigMap>;
let seen: string[];

function put(name: string, data: Record<string, string> = {}) {
  return api.put(MAPS, { metadata: { namespace: "west", name }, data });
}

function names(): string[] {
  return informer
    .list()
    .map((object) => object.metadata.name)
    .toSorted();
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await Bun.sleep(2);
  expect(condition()).toBe(true);
}

function versions(objects: readonly ConfigMap[]): string {
  return objects
    .map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
    .toSorted()
    .join();
}

function empty(): Response {
  return Response.json({ kind: "List", metadata: { resourceVersion: api.version }, items: [] });
}

function gone(): Response {
  return failure(410, "Expired", "too old");
}

async function relistWith(answers: (() => Response)[]): Promise<void> {
  const left = [gone, ...answers];
  api.intercept(() => left.shift()?.(), left.length);
  api.closeWatches();
  await until(() => left.length === 0);
}

async function startInformer(): Promise<void> {
  informer = new Informer({
    client: new KubeClient(api.connection),
    def: RESOURCES.configMaps,
    namespace: "west",
    random: seededRandom(1),
    backoff: { baseMs: 10, capMs: 40 },
    confirmMs: 50,
    indexes: { color: (map) => Object.values(map.data ?? {}) },
  });
  informer.onChange((key, { before, after }) => {
    const word = after === undefined ? "-" : before === undefined ? "+" : "~";
    seen.push(word + keyText(key));
  });
  informer.start();
  await informer.synced();
  await until(() => api.watching === 1);
}

beforeEach(() => {
  api = new FakeApi();
  seen = [];
});
afterEach(async () => {
  await informer.stop();
  await api.stop();
});

describe("following", () => {
  test("the cache, the indexes and the handlers follow what happens", async () => {
    put("a", { x: "red" });
    await startInformer();
    put("b", { x: "red", y: "blue" });
    put("a", { x: "green" });
    await until(() => seen.length === 3);
    expect(seen).toEqual(["+west/a", "+west/b", "~west/a"]);
    expect(informer.get("west", "a")?.data).toEqual({ x: "green" });
    expect(informer.by("color", "red").map((map) => map.metadata.name)).toEqual(["b"]);
    api.remove(MAPS, "b");
    await until(() => seen.length === 4);
    expect(informer.by("color", "blue")).toEqual([]);
    expect(informer.stats()).toMatchObject({ objects: 1, lists: 1, failures: 0 });
    expect(Object.isFrozen(informer.get("west", "a")?.data)).toBe(true);
    expect(informer.stale).toBe(false);
    const late: string[] = [];
    informer.onChange((key) => late.push(key.name));
    expect(late).toEqual(["a"]);
  });

  test("a closed watch goes on where it ended, without a list", async () => {
    await startInformer();
    for (let i = 0; i < 5; i++) {
      api.closeWatches();
      put(`m${i}`);
      await until(() => seen.length === i + 1);
    }
    expect(informer.stats()).toMatchObject({ lists: 1, failures: 0 });
  });

  test("a server that ends every watch at once is not asked in a tight loop", async () => {
    await startInformer();
    api.intercept((r) => (r.query.has("watch") ? new Response("") : undefined), 1_000_000);
    const before = api.requests.length;
    api.closeWatches();
    await Bun.sleep(300);
    expect(api.requests.length - before).toBeLessThan(60);
  });

  test("a handler that throws stops no other", async () => {
    await startInformer();
    informer.onChange(() => {
      throw new Error("mine");
    });
    const after: string[] = [];
    informer.onChange((key) => after.push(key.name));
    put("a");
    await until(() => after.length === 1);
  });
});

describe("an API server that fails", () => {
  test("an absent server makes the cache stale, never empty, and is followed again without a list", async () => {
    put("a");
    await startInformer();
    api.intercept(() => failure(503, "ServiceUnavailable", "coming up"), 4);
    api.closeWatches();
    await until(() => informer.stale);
    expect(names()).toEqual(["a"]);
    put("b");
    await until(() => seen.includes("+west/b"));
    expect(informer.stale).toBe(false);
    expect(informer.stats().lists).toBe(1);
    expect(informer.stats().failures).toBe(4);
  });

  test("a server that is gone for a while and comes back on the same port", async () => {
    put("a");
    await startInformer();
    const { port } = api;
    await api.stop();
    await until(() => informer.stale && informer.stats().failures >= 3);
    expect(names()).toEqual(["a"]);
    api = new FakeApi({ port });
    put("a");
    put("b");
    await until(() => names().join() === "a,b" && !informer.stale);
  });

  test("410 leads to one list, whose difference is told", async () => {
    put("a");
    put("b");
    put("c");
    await startInformer();
    api.intercept((r) => (r.query.has("watch") ? failure(410, "Expired", "too old") : undefined));
    seen.length = 0;
    api.closeWatches();
    api.remove(MAPS, "a");
    put("b", { x: "new" });
    put("d");
    await until(() => names().join() === "b,c,d");
    expect(seen.toSorted()).toEqual(["+west/d", "-west/a", "~west/b"]);
    expect(informer.stats().lists).toBe(2);
  });

  test("half an event, an unreadable line and an ERROR event end in the true state", async () => {
    put("a");
    await startInformer();
    for (const junk of ['{"type":"ADDED","obj', "not json\n", '{"type":"ERROR","object":{"code":410}}\n']) {
      api.pushRaw(junk);
      await Bun.sleep(5);
      api.closeWatches();
      put(`m${junk.length}`);
      await until(() => names().includes(`m${junk.length}`));
    }
    expect(names().length).toBe(4);
  });

  test("duplicate and reordered events end in the state of a list", async () => {
    const first = put("a", { x: "1" });
    await startInformer();
    const second = put("a", { x: "2" });
    await until(() => informer.get("west", "a")?.data?.["x"] === "2");
    for (const object of [first, second, second, first]) {
      api.pushRaw(`${JSON.stringify({ type: "MODIFIED", object })}\n`);
    }
    api.pushRaw(`${JSON.stringify({ type: "DELETED", object: first })}\n`);
    put("b");
    await until(() => seen.includes("+west/b"));
    expect(informer.get("west", "a")?.data).toEqual({ x: "2" });
    expect(informer.stats().lists).toBe(1);
    // An event older than the watch about an object that is not known: only a list can tell.
    api.pushRaw(
      `${JSON.stringify({ type: "ADDED", object: { ...first, metadata: { ...first.metadata, name: "ghost" } } })}\n`,
    );
    await until(() => informer.stats().lists === 2);
    await until(() => !informer.stale);
    expect(names()).toEqual(["a", "b"]);
  });
});

describe("a list that is suspiciously small", () => {
  test("is held until a second list says otherwise", async () => {
    for (const name of ["a", "b", "c"]) put(name);
    await startInformer();
    seen.length = 0;
    await relistWith([empty]);
    await until(() => informer.stats().held === 1);
    expect(names()).toEqual(["a", "b", "c"]);
    expect(informer.stale).toBe(true);
    await until(() => !informer.stale);
    expect(names()).toEqual(["a", "b", "c"]);
    expect(seen).toEqual([]);
  });

  test("is held through failures too, and taken when confirmed", async () => {
    for (const name of ["a", "b", "c"]) put(name);
    await startInformer();
    for (const name of ["a", "b"]) api.remove(MAPS, name);
    await until(() => names().join() === "c");
    for (const name of ["a", "b"]) put(name);
    await until(() => names().length === 3);
    await relistWith([empty, () => failure(500, "InternalError", "x")]);
    expect(names()).toEqual(["a", "b", "c"]);
    api.intercept((r) => (r.query.has("watch") ? undefined : empty()));
    await until(() => names().length === 0);
    expect(informer.stats().held).toBe(1);
  });

  test("a list of half the size is taken at once", async () => {
    for (const name of ["a", "b", "c", "d"]) put(name);
    await startInformer();
    api.intercept((r) => (r.query.has("watch") ? gone() : undefined));
    api.closeWatches();
    api.remove(MAPS, "a");
    api.remove(MAPS, "b");
    await until(() => names().join() === "c,d");
    expect(informer.stats().held).toBe(0);
  });
});

test("whatever goes wrong on the way, the cache ends equal to a fresh list", async () => {
  const random = seededRandom(7);
  await startInformer();
  const faults = [
    () => api.closeWatches(),
    () => api.pushRaw('{"type":"MODIFIED","object":{"metadata":{"na'),
    () => api.pushRaw("garbage\n"),
    () => api.compact(),
    () => api.intercept((r) => (r.query.has("watch") ? gone() : undefined)),
    () => api.intercept((r) => (r.query.has("watch") ? undefined : empty())),
    () => api.intercept(() => failure(429, "TooManyRequests", "busy"), 2),
    () => api.intercept(() => new Response("<html>bad gateway", { status: 502 })),
    () => api.intercept(() => new Response("<html>login")),
  ];
  for (let step = 0; step < 300; step++) {
    const name = `m${random.below(12)}`;
    if (random.below(3) === 0) api.remove(MAPS, name);
    else put(name, { v: String(step) });
    if (random.below(4) === 0) faults[random.below(faults.length)]?.();
    if (random.below(3) === 0) api.closeWatches();
    if (random.below(4) === 0) await Bun.sleep(random.below(8));
  }
  api.closeWatches();
  const truth = (): string => versions(api.all(MAPS));
  await until(() => !informer.stale && versions(informer.list()) === truth());
  await Bun.sleep(100);
  expect(versions(informer.list())).toBe(truth());
  expect(informer.stats().failures).toBeGreaterThan(10);
});
