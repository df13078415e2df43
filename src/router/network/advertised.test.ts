import { describe, expect, test } from "bun:test";
import { applyDelta, changesBetween, decodeAdvertisement, type RouterFacts } from "./advertisement.ts";
import { Rig, SERVICE, eventually, listenPort, listener, service } from "../testing/routers.ts";

/** A full advertisement with one port and one endpoint. */
function body(port: object, endpoint: object): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      kind: "full",
      site: "b",
      router: "r",
      epoch: 1,
      seq: 1,
      name: "b",
      namespace: "",
      version: "1",
      generation: 0,
      links: [],
      services: [
        {
          service: SERVICE,
          ports: [{ port: 80, protocol: "TCP", ...port }],
          endpoints: [{ id: "p", name: "p", ready: false, weight: 1, ...endpoint }],
        },
      ],
    }),
  );
}

test("what a port speaks is in the state, as it is told to others, where it is known", () => {
  using rig = new Rig();
  const ports = [{ port: 8080, appProtocol: "kubernetes.io/h2c" }, { port: 9090 }];
  const router = rig.router({
    site: { id: "a", name: "a" },
    services: [{ ...service([{ port: 1 }]), ports }],
  });
  const [advertised] = router.state().sites[0]?.services ?? [];
  expect(advertised?.ports).toEqual([
    { port: 8080, protocol: "TCP", appProtocol: "kubernetes.io/h2c" },
    { port: 9090, protocol: "TCP" },
  ]);
});

test("an advertisement with and without appProtocol and reason is read", () => {
  expect(decodeAdvertisement(body({}, {}))).toBeDefined();
  expect(decodeAdvertisement(body({ appProtocol: "grpc" }, { reason: "terminating" }))).toMatchObject({
    services: [{ ports: [{ appProtocol: "grpc" }], endpoints: [{ reason: "terminating" }] }],
  });
  expect(decodeAdvertisement(body({ appProtocol: 5 }, {}))).toBeUndefined();
});

test("a TCP client with affinity stays with one pod", async () => {
  using rig = new Rig();
  const pods = ["p0", "p1", "p2"].map((name) => rig.backend(name));
  const router = rig.router({
    site: { id: "a", name: "a" },
    listeners: [listener()],
    services: [service(pods)],
    policies: [{ service: SERVICE, affinity: { type: "ClientIP" } }],
  });
  const seen = new Set<string>();
  for (let n = 0; n < 10; n++) {
    const client = await rig.client(listenPort(router));
    await client.until(({ text }) => text.includes("\n"));
    seen.add(client.text.trim());
    client.fin();
    await client.ended();
  }
  expect(seen.size).toBe(1);
  await eventually(() => router.flows.size === 0);
});

function facts(more: object): RouterFacts {
  return {
    site: "b",
    router: "r",
    name: "b",
    namespace: "",
    version: "1",
    generation: 0,
    links: [],
    services: new Map([[SERVICE, { service: SERVICE, ports: [], endpoints: [], ...more }]]),
  };
}

function said(more: object): Uint8Array {
  const text = new TextDecoder().decode(body({}, {}));
  const ad = JSON.parse(text) as { services: object[] };
  return new TextEncoder().encode(JSON.stringify({ ...ad, services: [{ ...ad.services[0], terms: more }] }));
}

describe("what an exporter says of a Service", () => {
  const terms = {
    type: "Headless",
    createdMs: 1_700_000_000_000,
    sessionAffinity: "ClientIP",
    affinitySeconds: 10,
    ipFamilies: ["IPv4"],
    labels: { a: "1" },
    otherPorts: [{ name: "dns", port: 53, protocol: "UDP" }],
  };

  test("is in the state, and in what others are told when it changes", () => {
    using rig = new Rig();
    const router = rig.router({
      site: { id: "a", name: "a" },
      services: [{ ...service([{ port: 1 }]), terms }],
    });
    const [seen] = router.state().sites[0]?.services ?? [];
    expect(seen?.terms).toEqual(terms);
    const [before, after] = [facts({ terms }), facts({ terms: { ...terms, affinitySeconds: 11 } })];
    for (const [from, to] of [
      [before, after],
      [before, facts({})],
      [facts({}), after],
    ] as const) {
      const changes = changesBetween(from, to);
      if (changes === undefined || changes === "same") throw new Error("Nothing is told");
      const delta = { kind: "delta", site: "b", router: "r", epoch: 1, seq: 2, ...changes } as const;
      expect(applyDelta(from, delta).services).toEqual(new Map(to.services));
    }
    expect(changesBetween(before, facts({ terms }))).toBe("same");
  });

  test("is read within its bounds, with what a later version adds", () => {
    expect(decodeAdvertisement(said({ ...terms, later: true }))).toMatchObject({ services: [{ terms }] });
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, ""]));
    for (const wrong of [
      { ipFamilies: ["IPv4", "IPv6", "x"] },
      { labels: { a: "x".repeat(64) } },
      { labels: many },
      { annotations: { a: "x".repeat(16_385) } },
      { type: 1 },
      { createdMs: -1 },
    ])
      expect(decodeAdvertisement(said(wrong))).toBeUndefined();
  });
});
