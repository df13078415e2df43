import { expect, test } from "bun:test";
import { decodeAdvertisement } from "./advertisement.ts";
import { Rig, SERVICE, eventually, listenPort, listener, service } from "./testing/routers.ts";

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
