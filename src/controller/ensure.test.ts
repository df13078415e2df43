import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ConfigMap, Secret } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import { FakeApi } from "#kube/testing/fake-api.ts";
import { covers, equals } from "./compare.ts";
import { ensure } from "./ensure.ts";
import { addFinalizer, removeFinalizer } from "./finalizer.ts";
import { isOwnedBy, ownerReference } from "./owner-reference.ts";
import { withConditions, writeStatus } from "./write-status.ts";

const MAPS = "/api/v1/namespaces/west/configmaps";
const def = RESOURCES.configMaps;
let api: FakeApi;
let client: KubeClient;

function desired(data: Record<string, string>): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "west", name: "a", labels: { x: "y" } },
    data,
  };
}

function isOurs(map: ConfigMap): boolean {
  return map.metadata.labels?.["x"] === "y";
}

function writes(): number {
  return api.requests.filter((request) => request.method !== "GET").length;
}

beforeEach(() => {
  api = new FakeApi();
  client = new KubeClient(api.connection);
});
afterEach(() => api.stop());

describe("ensure", () => {
  test("creates, then writes only when something differs", async () => {
    expect((await ensure(client, { def, desired: desired({ a: "1" }) })).outcome).toBe("created");
    const { object, outcome } = await ensure(client, { def, desired: desired({ a: "1" }) });
    expect(outcome).toBe("unchanged");
    expect(writes()).toBe(1);
    expect((await ensure(client, { def, desired: desired({ a: "1" }), existing: object })).outcome).toBe(
      "unchanged",
    );
    expect(api.requests.length).toBe(3);
    expect((await ensure(client, { def, desired: desired({ a: "2" }) })).outcome).toBe("updated");
  });

  test("repairs what another one changed, leaves what another one added, and notices a field no longer wanted", async () => {
    await ensure(client, { def, desired: desired({ a: "1", b: "2" }) });
    const stored = await client.get(def, { namespace: "west", name: "a" });
    api.put(MAPS, { ...stored, metadata: { ...stored.metadata, labels: { x: "y", theirs: "1" } } });
    expect((await ensure(client, { def, desired: desired({ a: "1", b: "2" }) })).outcome).toBe("unchanged");
    api.put(MAPS, { ...stored, data: { a: "broken", b: "2" } });
    expect((await ensure(client, { def, desired: desired({ a: "1", b: "2" }) })).outcome).toBe("updated");
    expect((await ensure(client, { def, desired: desired({ a: "1" }) })).outcome).toBe("updated");
  });

  test("does not touch what is not ours", async () => {
    api.put(MAPS, { metadata: { namespace: "west", name: "a" }, data: { theirs: "1" } });
    const refused = ensure(client, { def, desired: desired({ a: "1" }), mayChange: isOurs });
    expect(refused).rejects.toThrow('Cannot take over configmaps "west/a"');
    await refused.catch(() => {});
    expect(writes()).toBe(0);
  });

  test("a Secret of text is unchanged the second time", async () => {
    const secret: Secret & { stringData: Record<string, string> } = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: "west", name: "s" },
      stringData: { code: "ä" },
    };
    await ensure(client, { def: RESOURCES.secrets, desired: secret });
    expect(api.read("/api/v1/namespaces/west/secrets", "s")?.["data"]).toEqual({ code: "w6Q=" });
    expect((await ensure(client, { def: RESOURCES.secrets, desired: secret })).outcome).toBe("unchanged");
  });
});

test("what is wanted is covered by a live object with defaults, not by one that says less or else", () => {
  const live = { spec: { ports: [{ port: 80, protocol: "TCP" }], type: "ClusterIP", clusterIP: "1.2.3.4" } };
  expect(
    covers(live, { spec: { ports: [{ port: 80 }], type: "ClusterIP", externalIPs: [], headless: false } }),
  ).toBe(true);
  expect(covers(live, { spec: { ports: [{ port: 81 }] } })).toBe(false);
  expect(covers(live, { spec: { ports: [{ port: 80 }, { port: 81 }] } })).toBe(false);
  expect(covers(live, { spec: { ports: [] } })).toBe(false);
  expect(covers(live, { spec: { selector: { a: "b" } } })).toBe(false);
  expect(covers({ replicas: 2 }, { replicas: 0 })).toBe(false);
  expect(covers({ name: "x" }, { name: "" })).toBe(false);
  expect(covers({ any: { a: 1 } }, { any: {} })).toBe(true);
  expect(equals({ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1, d: undefined })).toBe(true);
  expect(equals({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  expect(equals({ a: {} }, { a: [] })).toBe(false);
});

test("finalizers of others are kept, and nothing is written when there is nothing to do", async () => {
  api.put(MAPS, { metadata: { namespace: "west", name: "a", finalizers: ["theirs"] } });
  const finalizer = "isthmus.dev/x";
  const stale = await client.get(def, { namespace: "west", name: "a" });
  const added = await addFinalizer(client, { def, object: stale, finalizer });
  expect(added.metadata.finalizers).toEqual(["theirs", finalizer]);
  expect(await addFinalizer(client, { def, object: added, finalizer })).toBe(added);
  expect(addFinalizer(client, { def, object: stale, finalizer })).rejects.toThrow("has been modified");
  await removeFinalizer(client, { def, object: added, finalizer });
  expect(api.read(MAPS, "a")?.metadata.finalizers).toEqual(["theirs"]);
  api.remove(MAPS, "a");
  await removeFinalizer(client, { def, object: added, finalizer });
});

test("a status is written once, and a condition keeps the time of its last transition", async () => {
  const SITES = "/apis/isthmus.dev/v1alpha1/namespaces/west/sites";
  api.put(SITES, { metadata: { namespace: "west", name: "s", generation: 1 }, spec: {} });
  const ref = { namespace: "west", name: "s" };
  const ready = {
    type: "Ready",
    status: "True",
    reason: "Ready",
    message: "",
    observedGeneration: 1,
  } as const;
  const site = await client.get(RESOURCES.sites, ref);
  const status = { conditions: withConditions([], [ready], { nowMs: 1000 }) };
  expect(await writeStatus(client, { def: RESOURCES.sites, object: site, status })).toBe(true);
  const after = await client.get(RESOURCES.sites, ref);
  const again = { conditions: withConditions(after.status?.conditions, [ready], { nowMs: 9000 }) };
  expect(await writeStatus(client, { def: RESOURCES.sites, object: after, status: again })).toBe(false);
  expect(after.status?.conditions?.[0]?.lastTransitionTime).toBe("1970-01-01T00:00:01Z");
});

test("an owner is known by its uid", () => {
  const owner = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "o", uid: "1" } };
  const child = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", ownerReferences: [ownerReference(owner)] },
  };
  expect(isOwnedBy(child, owner)).toBe(true);
  expect(isOwnedBy(child, { ...owner, metadata: { name: "o", uid: "2" } })).toBe(false);
  expect(() => ownerReference({ ...owner, metadata: { name: "o" } })).toThrow("has no uid");
});
