import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { RESOURCES } from "#api/resources.ts";
import { FakeClock } from "#core/clock.ts";
import { KubeClient } from "./client.ts";
import { GoneError, KubeError } from "./kube-error.ts";
import { failure, FakeApi } from "./testing/fake-api.ts";
import { OTHER_TEST_CERTIFICATES } from "./testing/test-certificates.ts";

const PODS = "/api/v1/namespaces/west/pods";
const pods = RESOURCES.pods;
const west = { namespace: "west", name: "a" };

function configMap(name: string, data: Record<string, string> = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "west", name }, data };
}

async function failureOf(work: Promise<unknown>): Promise<KubeError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KubeError) return error;
    throw error;
  }
  throw new Error("It did not fail");
}

async function collect(
  watch: AsyncIterable<{ type: string; object: { metadata: { name: string } } }>,
  seen: string[],
) {
  for await (const { type, object } of watch) seen.push(`${type} ${object.metadata.name}`);
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await Bun.sleep(2);
  expect(condition()).toBe(true);
}

function bookmark(name: string): string {
  return `${JSON.stringify({ type: "BOOKMARK", object: { metadata: { name } } })}\n`;
}

function busy(seconds: number): Response {
  return new Response("busy", { status: 429, headers: { "retry-after": String(seconds) } });
}

async function errorFor(response: Response): Promise<KubeError> {
  api.intercept(() => response);
  return await failureOf(client.get(pods, west));
}

async function readLogs(pod: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of client.logs({ namespace: "west", pod, tailLines: 2, container: "c" }))
    chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

let api: FakeApi;
let client: KubeClient;
beforeAll(() => {
  api = new FakeApi();
});
beforeEach(async () => {
  await until(() => api.watching === 0);
  client = new KubeClient(api.connection);
  api.requests.length = 0;
});
afterAll(() => api.stop());

describe("verbs", () => {
  test("create, get, update, patch, apply and delete do what they say", async () => {
    const created = await client.create(RESOURCES.configMaps, configMap("one", { a: "1" }));
    expect(created.metadata.uid).toBeString();
    const updated = await client.update(RESOURCES.configMaps, { ...created, data: { a: "2" } });
    expect(updated.data).toEqual({ a: "2" });
    const conflict = await failureOf(client.update(RESOURCES.configMaps, created));
    expect(conflict.code).toBe("CONFLICT");
    expect(conflict.retryable).toBe(true);
    const ref = { namespace: "west", name: "one" };
    const patched = await client.patch(RESOURCES.configMaps, {
      ...ref,
      type: "merge",
      body: { data: { a: null, b: "3" } },
    });
    expect(patched.data).toEqual({ b: "3" });
    const applied = await client.apply(RESOURCES.configMaps, configMap("one", { c: "4" }));
    expect(applied.data).toEqual({ b: "3", c: "4" });
    const request = api.requests.at(-1);
    expect(request?.headers.get("content-type")).toBe("application/apply-patch+yaml");
    expect(request?.query.get("fieldManager")).toBe("isthmus");
    expect(request?.query.get("force")).toBe("true");
    expect(await client.delete(RESOURCES.configMaps, { ...ref, propagation: "Foreground" })).toBe(true);
    expect(JSON.parse(api.requests.at(-1)?.body ?? "")).toMatchObject({ propagationPolicy: "Foreground" });
    expect(await client.delete(RESOURCES.configMaps, ref)).toBe(false);
    expect(await client.find(RESOURCES.configMaps, ref)).toBeUndefined();
    const missing = await failureOf(client.get(RESOURCES.configMaps, ref));
    expect(missing.code).toBe("NOT_FOUND");
    expect(missing.message).toBe('Configmaps "west/one" not found (context "test")');
  });

  test("a list comes in pages and its items know their kind", async () => {
    for (let i = 0; i < 1201; i++) api.put("/api/v1/namespaces/many/pods", { metadata: { name: `p${i}` } });
    const { items, resourceVersion } = await client.list(pods, { namespace: "many", labelSelector: "app=x" });
    expect(items.length).toBe(1201);
    expect(new Set(items.map((item) => item.metadata.name)).size).toBe(1201);
    expect(items[7]).toMatchObject({ apiVersion: "v1", kind: "Pod" });
    expect(resourceVersion).toBe(api.version);
    expect(api.requests.length).toBe(3);
    expect(api.requests[2]?.query.get("labelSelector")).toBe("app=x");
  });

  test("a list whose pages expired starts again without pages", async () => {
    api.intercept((r) =>
      r.query.has("continue") ? failure(410, "Expired", "continue token expired") : undefined,
    );
    expect((await client.list(pods, { namespace: "many" })).items.length).toBe(1201);
    expect(api.requests.at(-1)?.query.has("limit")).toBe(false);
  });

  test("no name and no namespace can leave its place in the path", async () => {
    await failureOf(client.get(pods, { namespace: "a/b", name: "../x" }));
    expect(api.requests.at(-1)?.path).toBe("/api/v1/namespaces/a%2Fb/pods/..%2Fx");
    expect(client.get(pods, { namespace: "west", name: ".." })).rejects.toThrow(
      'Cannot use ".." as a name of pods',
    );
    expect(client.get(pods, { name: "a" })).rejects.toThrow("No namespace given");
  });
});

describe("errors", () => {
  test("401, 403, 404 of a type, 409, 422 and a page of something else are told apart", async () => {
    const denied = await errorFor(failure(403, "Forbidden", "pods is forbidden"));
    expect(denied).toMatchObject({ code: "DENIED", status: 403, kubeReason: "Forbidden" });
    expect(denied.message).toStartWith('Not allowed to get pods "west/a" (context "test")');
    expect(denied.hint).toBe("Check with: kubectl --context test auth can-i get pods -n west");
    expect((await errorFor(failure(401, "Unauthorized", "no"))).code).toBe("DENIED");
    expect((await errorFor(new Response("404 page not found", { status: 404 }))).message).toStartWith(
      "The cluster does not know pods",
    );
    expect((await errorFor(failure(409, "AlreadyExists", "x"))).code).toBe("ALREADY_EXISTS");
    expect((await errorFor(failure(409, "Conflict", "x"))).code).toBe("CONFLICT");
    const causes = [{ reason: "FieldValueInvalid", field: "spec.cost", message: "must be >= 1" }];
    const invalid = await errorFor(
      Response.json(
        { kind: "Status", reason: "Invalid", message: "long", details: { causes } },
        { status: 422 },
      ),
    );
    expect(invalid.code).toBe("INVALID");
    expect(invalid.causes).toEqual([{ field: "spec.cost", message: "must be >= 1" }]);
    expect(invalid.message).toEndWith('field "spec.cost": must be >= 1');
    expect((await errorFor(new Response("<html>", { status: 200 }))).code).toBe("PROTOCOL");
    expect((await errorFor(failure(500, "InternalError", "x"))).code).toBe("UNREACHABLE");
    expect((await errorFor(new Response(null, { status: 302, headers: { location: "/" } }))).code).toBe(
      "FAILED",
    );
  });

  test("nobody at the address is UNREACHABLE and names context and server", async () => {
    const server = "https://127.0.0.1:1";
    const error = await failureOf(new KubeClient({ ...api.connection, server }).version());
    expect(error.code).toBe("UNREACHABLE");
    expect(error.message).toBe(
      `Cannot reach the API server at ${server} of context "test": connection refused`,
    );
    expect(error.hint).toContain("kubectl --context test version");
  });

  test("a server of another authority is UNTRUSTED, also right after the right one was trusted", async () => {
    const other = new KubeClient({ ...api.connection, tls: { ca: OTHER_TEST_CERTIFICATES.ca } });
    const none = new KubeClient({ ...api.connection, tls: {} });
    const insecure = new KubeClient({ ...api.connection, tls: { insecure: true } });
    for (let round = 0; round < 2; round++) {
      await client.list(pods, { namespace: "west" });
      await insecure.list(pods, { namespace: "west" });
      expect((await failureOf(other.list(pods, { namespace: "west" }))).code).toBe("UNTRUSTED");
      expect((await failureOf(none.list(pods, { namespace: "west" }))).code).toBe("UNTRUSTED");
    }
    const byName = new KubeClient({
      ...api.connection,
      tls: { ca: api.tls.ca, serverName: "other.example" },
    });
    expect((await failureOf(byName.list(pods, { namespace: "west" }))).message).toEndWith(
      "it was made for another host",
    );
  });

  test("unusable credentials are INVALID", async () => {
    const broken = new KubeClient({ ...api.connection, tls: { ca: api.tls.ca, cert: "x", key: "y" } });
    expect((await failureOf(broken.version())).code).toBe("INVALID");
  });

  test("a stalled server is a TIMEOUT after the bound, and an abort ends at once", async () => {
    const clock = new FakeClock();
    api.intercept(() => new Promise<Response>(() => {}));
    const pending = failureOf(new KubeClient(api.connection, { clock }).get(pods, west));
    await Bun.sleep(20);
    clock.advance(14_999);
    expect(await Promise.race([pending, Bun.sleep(20)])).toBeUndefined();
    clock.advance(1);
    expect((await pending).code).toBe("TIMEOUT");
    api.intercept(() => new Promise<Response>(() => {}));
    const abort = new AbortController();
    const aborted = client.get(pods, { ...west, signal: abort.signal });
    await until(() => api.requests.length === 2);
    abort.abort(new Error("enough"));
    expect(aborted).rejects.toThrow("enough");
  });

  test("429 with Retry-After is tried again, within the bound only", async () => {
    api.intercept(() => busy(0), 2);
    await client.list(pods, { namespace: "west" });
    expect(api.requests.length).toBe(3);
    api.intercept(() => busy(60));
    const error = await failureOf(client.list(pods, { namespace: "west" }));
    expect(error).toMatchObject({ code: "UNREACHABLE", status: 429, retryAfterMs: 60_000 });
  });
});

describe("watch", () => {
  test("events come as they happen, and a line that is no event is a PROTOCOL error", async () => {
    const seen: string[] = [];
    const { signal } = new AbortController();
    const resourceVersion = api.version;
    const watching = collect(client.watch(pods, { namespace: "west", resourceVersion, signal }), seen);
    await until(() => api.watching === 1);
    api.put(PODS, { metadata: { name: "a" } });
    api.remove(PODS, "a");
    api.pushRaw('{"type":"NEW_THING","object":{}}\n{"type":\n');
    expect((await failureOf(watching)).code).toBe("PROTOCOL");
    expect(seen).toEqual(["ADDED a", "DELETED a"]);
  });

  test("cut at each byte, ended in the middle of an event", async () => {
    const seen: string[] = [];
    const { signal } = new AbortController();
    const watching = collect(
      client.watch(pods, { namespace: "west", resourceVersion: api.version, signal }),
      seen,
    );
    await until(() => api.watching === 1);
    for (const char of bookmark("b1") + bookmark("b2")) api.pushRaw(char);
    api.pushRaw(`${bookmark("b3")}${bookmark("b4").slice(0, 20)}`);
    await until(() => seen.length === 3);
    api.closeWatches();
    await watching;
    expect(seen).toEqual(["BOOKMARK b1", "BOOKMARK b2", "BOOKMARK b3"]);
    expect(api.requests.at(-1)?.query.get("allowWatchBookmarks")).toBe("true");
  });

  test("410 is a GoneError, as status and as event", async () => {
    const { signal } = new AbortController();
    const old = api.version;
    api.put(PODS, { metadata: { name: "a" } });
    api.compact();
    const watch = collect(client.watch(pods, { namespace: "west", resourceVersion: old, signal }), []);
    expect(await failureOf(watch)).toBeInstanceOf(GoneError);
    const later = collect(
      client.watch(pods, { namespace: "west", resourceVersion: api.version, signal }),
      [],
    );
    await until(() => api.watching === 1);
    api.pushRaw(
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}\n',
    );
    expect(await failureOf(later)).toBeInstanceOf(GoneError);
    await until(() => api.watching === 0);
  });

  test("silence longer than the bound is a TIMEOUT, abort is a quiet end", async () => {
    const clock = new FakeClock();
    const timed = new KubeClient(api.connection, { clock });
    const abort = new AbortController();
    const input = { namespace: "west", resourceVersion: api.version, signal: abort.signal };
    const silent = failureOf(collect(timed.watch(pods, input), []));
    await until(() => api.watching === 1);
    await Bun.sleep(20);
    clock.advance(75_000);
    expect((await silent).code).toBe("TIMEOUT");
    const quiet = collect(client.watch(pods, input), []);
    await until(() => api.watching === 1);
    abort.abort();
    await quiet;
    await until(() => api.watching === 0);
  });

  test("leaving the loop closes the connection", async () => {
    const { signal } = new AbortController();
    const from = api.version;
    api.put(PODS, { metadata: { name: "leave" } });
    for await (const _ of client.watch(pods, { namespace: "west", resourceVersion: from, signal })) break;
    await until(() => api.watching === 0);
  });
});

test("logs are the bytes of the container, and a missing pod is NOT_FOUND", async () => {
  api.intercept((r) => (r.path.endsWith("/log") ? new Response("one\ntwo\n") : undefined));
  expect(await readLogs("p")).toBe("one\ntwo\n");
  expect(api.requests.at(-1)?.query.toString()).toBe("container=c&tailLines=2");
  expect((await failureOf(readLogs("gone"))).code).toBe("NOT_FOUND");
});

test("two clusters at once never mix credentials", async () => {
  await using other = new FakeApi();
  const second = new KubeClient({ ...other.connection, authorization: () => "Bearer other" });
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 20; i++) {
    calls.push(client.list(pods, { namespace: "west" }), failureOf(second.list(pods, { namespace: "west" })));
  }
  await Promise.all(calls);
  expect(new Set(api.requests.map((r) => r.headers.get("authorization")))).toEqual(
    new Set(["Bearer secret"]),
  );
  expect(new Set(other.requests.map((r) => r.headers.get("authorization")))).toEqual(
    new Set(["Bearer other"]),
  );
});
