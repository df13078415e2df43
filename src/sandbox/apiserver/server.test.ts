import { connect } from "node:tls";
import { expect, test } from "bun:test";
import type { KubeObject, NewObject } from "./cluster-api.ts";
import { ADMIN, JOE, nextEvent, testServer, watchLines } from "./testing.ts";

const CM = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string, data: Record<string, string> = {}, extra: object = {}): NewObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ...extra },
  data,
});
const pod = (name: string, extra: object = {}, spec: object = {}): NewObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", ...extra },
  spec: { containers: [{ name: "c", image: "isthmus/echo" }], ...spec },
});
const owned = (owner: KubeObject, block = false): object => ({
  ownerReferences: [
    {
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name: owner.metadata.name,
      uid: owner.metadata.uid,
      ...(block ? { blockOwnerDeletion: true } : {}),
    },
  ],
});

test("a change reaches an HTTP watcher within 5 ms of the write", async () => {
  await using t = await testServer();
  const events = watchLines(
    await t.fetch(`${CM}?watch=1&resourceVersion=${t.server.api.list("namespaces").length}`),
  );
  const delays: number[] = [];
  for (let index = 0; index < 50; index++) {
    const start = performance.now();
    t.server.api.create("configmaps", configMap(`c${index}`));
    const event = await nextEvent(events);
    delays.push(performance.now() - start);
    expect(event.object.metadata.name).toBe(`c${index}`);
  }
  expect(delays.toSorted((a, b) => a - b)[25]).toBeLessThan(5);
});

test("a watch resumes after a revision, also over a restart, and answers 410 when the log no longer has it", async () => {
  await using t = await testServer({ keptRevisions: 100 });
  const first = await t.json("POST", CM, configMap("a"));
  await t.json("POST", CM, configMap("b"));
  await t.json("DELETE", `${CM}/a`);
  await t.restart();
  const since = first.metadata.resourceVersion ?? "";
  const events = watchLines(await t.fetch(`${CM}?watch=1&resourceVersion=${since}`));
  expect((await nextEvent(events)).object.metadata.name).toBe("b");
  const deleted = await nextEvent(events);
  expect([deleted.type, deleted.object.metadata.name]).toEqual(["DELETED", "a"]);
  expect(Number(deleted.object.metadata.resourceVersion)).toBeGreaterThan(Number(since));
  await events.return(undefined);

  for (let index = 0; index < 500; index++) {
    t.server.api.mutate("configmaps", "default", "b", (draft) => ({ ...draft, data: { n: String(index) } }));
  }
  const late = watchLines(await t.fetch(`${CM}?watch=1&resourceVersion=${since}`));
  const gone = await nextEvent(late);
  expect([gone.type, gone.object.code]).toEqual(["ERROR", 410]);
}, 20_000);

test("a watch with a selector says ADDED and DELETED when an object begins and ceases to match", async () => {
  await using t = await testServer();
  const { api } = t.server;
  const events = watchLines(await t.fetch(`${CM}?watch=1&labelSelector=app%3Dx`));
  api.create("configmaps", configMap("a"));
  const label = (value: string): void => {
    api.mutate("configmaps", "default", "a", (draft) => {
      draft.metadata.labels = { app: value };
      return draft;
    });
  };
  label("x");
  label("y");
  expect((await nextEvent(events)).type).toBe("ADDED");
  expect((await nextEvent(events)).type).toBe("DELETED");
});

test("sendInitialEvents ends with a bookmark that says so", async () => {
  await using t = await testServer();
  t.server.api.create("configmaps", configMap("a"));
  const query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
  const events = watchLines(await t.fetch(`${CM}?${query}`));
  expect((await nextEvent(events)).type).toBe("ADDED");
  const bookmark = await nextEvent(events);
  expect(bookmark.type).toBe("BOOKMARK");
  expect(bookmark.object.metadata.annotations?.["k8s.io/initial-events-end"]).toBe("true");
});

test("a watcher that does not read gets what fits a bounded buffer, then its watch ends", async () => {
  await using t = await testServer();
  t.server.api.create("configmaps", configMap("big"));
  const socket = connect({ host: "127.0.0.1", port: t.server.port, ca: t.ca });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  socket.write(`GET ${CM}?watch=1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN}\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  let received = 0;
  let tail = "";
  const ended = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      tail = chunk.toString().slice(-5);
      if (tail === "0\r\n\r\n") resolve();
    });
  });
  socket.pause();
  const payload = "x".repeat(500_000);
  for (let index = 0; index < 80; index++) {
    const data = { payload: payload + index };
    t.server.api.mutate("configmaps", "default", "big", (draft) => ({ ...draft, data }));
    await Bun.sleep(1);
  }
  socket.resume();
  await ended;
  socket.destroy();
  // What was buffered, in the server and in the kernel, and not the 40 MB that were written.
  expect(received).toBeGreaterThan(10_000_000);
  expect(received).toBeLessThan(30_000_000);
  expect((await t.fetch(`${CM}/big`)).status).toBe(200);
}, 15_000);

test("a list comes in pages whose revision leads to what they missed", async () => {
  await using t = await testServer();
  for (let index = 0; index < 7; index++) t.server.api.create("configmaps", configMap(`c${index}`));
  const names: string[] = [];
  let next = "";
  let pages = 0;
  do {
    const query = new URLSearchParams({ limit: "3", ...(next === "" ? {} : { continue: next }) });
    const list = (await t.json("GET", `${CM}?${query.toString()}`)) as unknown as {
      items: KubeObject[];
      metadata: { continue?: string; resourceVersion: string };
    };
    names.push(...list.items.map((item) => item.metadata.name));
    next = list.metadata.continue ?? "";
    pages++;
  } while (next !== "");
  expect([names.length, pages]).toEqual([7, 3]);
  expect((await t.json("GET", `${CM}?limit=3&continue=nonsense`)).code).toBe(400);
});

test("two writers of the same version: the second gets 409", async () => {
  await using t = await testServer();
  const made = await t.json("POST", CM, configMap("a", { v: "1" }));
  const first = await t.json("PUT", `${CM}/a`, { ...made, data: { v: "2" } });
  expect(first.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
  const second = await t.json("PUT", `${CM}/a`, { ...made, data: { v: "3" } });
  expect([second.code, second["reason"]]).toEqual([409, "Conflict"]);
});

test("a write that changes nothing keeps the resourceVersion; dry-run writes nothing", async () => {
  await using t = await testServer();
  const made = await t.json("POST", CM, configMap("a", { v: "1" }));
  const same = await t.json("PATCH", `${CM}/a`, { data: { v: "1" } }, "application/merge-patch+json");
  expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion ?? "");
  const dry = await t.json(
    "PATCH",
    `${CM}/a?dryRun=All`,
    { data: { v: "2" } },
    "application/merge-patch+json",
  );
  expect(dry["data"]).toEqual({ v: "2" });
  expect((await t.json("GET", `${CM}/a`))["data"]).toEqual({ v: "1" });
});

test("an object with a finalizer stays, deleting, until the finalizer is gone", async () => {
  await using t = await testServer();
  await t.json("POST", CM, configMap("a", {}, { finalizers: ["isthmus.dev/x"] }));
  const deleting = await t.json("DELETE", `${CM}/a`);
  expect(deleting.metadata.deletionTimestamp).toBeDefined();
  await t.json("PATCH", `${CM}/a`, { metadata: { finalizers: null } }, "application/merge-patch+json");
  expect((await t.json("GET", `${CM}/a`)).code).toBe(404);
});

test("dependents go with their owner in the background, before it in the foreground, and stay when orphaned", async () => {
  await using t = await testServer();
  const { api } = t.server;
  const build = (suffix: string): KubeObject => {
    const owner = api.create("configmaps", configMap(`owner-${suffix}`));
    const child = api.create("configmaps", configMap(`child-${suffix}`, {}, owned(owner, true)));
    api.create("configmaps", configMap(`grandchild-${suffix}`, {}, owned(child, true)));
    return owner;
  };
  const left = (): string[] =>
    api
      .list("configmaps", { namespace: "default" })
      .map((object) => object.metadata.name)
      .toSorted();
  build("b");
  api.delete("configmaps", "default", "owner-b");
  expect(left()).toEqual([]);

  build("f");
  const order: string[] = [];
  const stop = api.watch("configmaps", (type, object) => {
    if (type === "DELETED") order.push(object.metadata.name);
  });
  api.delete("configmaps", "default", "owner-f", { propagation: "Foreground" });
  stop();
  expect(order).toEqual(["grandchild-f", "child-f", "owner-f"]);

  build("o");
  api.delete("configmaps", "default", "owner-o", { propagation: "Orphan" });
  expect(left()).toEqual(["child-o", "grandchild-o"]);
  expect(api.get("configmaps", "default", "child-o")?.metadata.ownerReferences).toBeUndefined();
});

test("a bound pod waits for its kubelet, and its namespace waits for the pod", async () => {
  await using t = await testServer();
  const { api } = t.server;
  api.create("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } });
  api.create("pods", pod("p", { namespace: "n" }, { nodeName: "node" }));
  api.create("configmaps", configMap("c", {}, { namespace: "n" }));
  await t.json("DELETE", "/api/v1/namespaces/n");
  expect(api.get("namespaces", "", "n")?.["status"]).toEqual({ phase: "Terminating" });
  expect(api.get("configmaps", "n", "c")).toBeUndefined();
  expect(api.get("pods", "n", "p")?.metadata.deletionGracePeriodSeconds).toBe(30);
  const refused = await t.json(
    "POST",
    "/api/v1/namespaces/n/configmaps",
    configMap("d", {}, { namespace: "n" }),
  );
  expect(refused.code).toBe(403);
  api.delete("pods", "n", "p", { graceSeconds: 0 });
  expect(api.get("pods", "n", "p")).toBeUndefined();
  expect(api.get("namespaces", "", "n")).toBeUndefined();
});

test("status and spec are written apart, and only the spec raises the generation", async () => {
  await using t = await testServer();
  const path = "/apis/apps/v1/namespaces/default/deployments";
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d" },
    spec: {
      selector: { matchLabels: { app: "d" } },
      template: {
        metadata: { labels: { app: "d" } },
        spec: { containers: [{ name: "c", image: "isthmus/echo" }] },
      },
    },
    status: { replicas: 7 },
  };
  const made = await t.json("POST", path, deployment);
  expect([made["status"], made.metadata.generation]).toEqual([{}, 1]);
  const status = await t.json(
    "PATCH",
    `${path}/d/status`,
    { spec: { replicas: 9 }, status: { replicas: 1 } },
    "application/merge-patch+json",
  );
  expect([status["status"], status.metadata.generation]).toEqual([{ replicas: 1 }, 1]);
  expect((status["spec"] as { replicas: number }).replicas).toBe(1);
  const scaled = await t.json(
    "PATCH",
    `${path}/d/scale`,
    { spec: { replicas: 4 } },
    "application/merge-patch+json",
  );
  expect([scaled.kind, scaled["spec"]]).toEqual(["Scale", { replicas: 4 }]);
  expect((await t.json("GET", `${path}/d`)).metadata.generation).toBe(2);
});

test("changes made in a listener come in order, each once, to every listener", async () => {
  await using t = await testServer();
  const { api } = t.server;
  api.create("configmaps", configMap("a", { n: "0" }));
  const seen: string[] = [];
  api.watch("configmaps", (_type, object) => {
    const n = Number((object["data"] as { n: string }).n);
    if (n < 3)
      api.mutate("configmaps", "default", "a", (draft) => ({ ...draft, data: { n: String(n + 1) } }));
  });
  api.watch("configmaps", (_type, object) => seen.push((object["data"] as { n: string }).n));
  api.mutate("configmaps", "default", "a", (draft) => ({ ...draft, data: { n: "1" } }));
  expect(seen).toEqual(["3", "1", "2", "3"]);
});

test("admission hooks change and refuse what is written, over HTTP and in-process", async () => {
  await using t = await testServer({
    admission: [
      {
        admit: ({ resource, operation, object }) => {
          if (resource === "configmaps" && operation === "create") object["data"] = { admitted: "yes" };
          return object;
        },
      },
    ],
  });
  expect((await t.json("POST", CM, configMap("a")))["data"]).toEqual({ admitted: "yes" });
  expect(t.server.api.create("configmaps", configMap("b"))["data"]).toEqual({ admitted: "yes" });
});

test("who has no role is refused with what he lacks; a RoleBinding opens one namespace", async () => {
  await using t = await testServer();
  const list = (): Promise<Response> => t.fetch(CM, { token: JOE });
  expect((await t.fetch(CM, { token: "unknown" })).status).toBe(401);
  const refused = (await (await list()).json()) as { message: string };
  expect(refused.message).toBe(
    'configmaps is forbidden: User "joe" cannot list resource "configmaps" in API group "" in the namespace "default"',
  );
  t.server.api.create("rolebindings.rbac.authorization.k8s.io", {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "view", namespace: "default" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "Group", name: "developers" }],
  });
  expect((await list()).status).toBe(200);
  expect((await t.fetch("/api/v1/configmaps", { token: JOE })).status).toBe(403);
  expect((await t.fetch(`${CM}/x`, { token: JOE, method: "DELETE" })).status).toBe(403);
});

test("a service account speaks through the token of its Secret, until the Secret is gone", async () => {
  await using t = await testServer();
  const { api } = t.server;
  api.create("serviceaccounts", {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "bot", namespace: "default" },
  });
  api.create("secrets", {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/service-account-token",
    metadata: {
      name: "bot-token",
      namespace: "default",
      annotations: { "kubernetes.io/service-account.name": "bot" },
    },
    stringData: { token: "secret-of-bot" },
  });
  const review = {
    method: "POST",
    token: "secret-of-bot",
    body: JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }),
  };
  const answer = await t.fetch("/apis/authentication.k8s.io/v1/selfsubjectreviews", review);
  const { status } = (await answer.json()) as { status: { userInfo: { username: string } } };
  expect(status.userInfo.username).toBe("system:serviceaccount:default:bot");
  api.delete("secrets", "default", "bot-token");
  expect((await t.fetch("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)).status).toBe(401);
});

test("bad requests get one clear answer each and harm nothing", async () => {
  await using t = await testServer();
  const code = async (
    method: string,
    path: string,
    body?: string,
    type?: string,
  ): Promise<number | undefined> => (await t.json(method, path, body, type)).code;
  expect(await code("POST", CM, "{")).toBe(400);
  expect(await code("POST", CM, "[]")).toBe(400);
  expect(await code("POST", CM, '{"metadata":[]}')).toBe(400);
  expect(await code("POST", CM, '{"metadata":{"name":"UPPER"}}')).toBe(422);
  expect(await code("POST", CM, '{"metadata":{"name":"a","namespace":"other"}}')).toBe(400);
  expect(await code("POST", CM, '{"metadata":{"name":5}}')).toBe(400);
  expect(await code("POST", CM, '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}')).toBe(400);
  expect(await code("POST", CM, "x".repeat(100), "text/html")).toBe(415);
  expect(await code("POST", CM, '{"metadata":{"name":"a"},"data":{"a":1}}')).toBe(400);
  expect(await code("PATCH", `${CM}/a`, "{}", "application/merge-patch+json")).toBe(404);
  expect(await code("GET", "/api/v1/namespaces/default/nothing")).toBe(404);
  expect(await code("GET", "/api/v1/namespaces/%ff/pods")).toBe(404);
  expect(await code("GET", `${CM}?labelSelector=a%20b`)).toBe(400);
  expect(await code("GET", `${CM}?fieldSelector=spec.x%3D1`)).toBe(undefined);
  expect(await code("PUT", CM, "{}")).toBe(405);
  expect(await code("POST", "/api/v1/configmaps", "{}")).toBe(405);
  expect((await t.fetch(CM, { method: "POST", body: "x".repeat(4 * 1024 * 1024) })).status).toBe(413);
  t.server.api.create("configmaps", configMap("a"));
  const patch = (text: string): Promise<number | undefined> =>
    code("PATCH", `${CM}/a`, text, "application/json-patch+json");
  expect(await patch('[{"op":"remove","path":"/data/none"}]')).toBe(422);
  expect(await patch('[{"op":"nonsense"}]')).toBe(422);
  expect(await patch('[{"op":"remove","path":"/metadata"}]')).toBe(400);
  expect(await patch('{"a":1}')).toBe(400);
  expect((await t.fetch("/healthz")).status).toBe(200);
});
