import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Service } from "#api/builtin.ts";
import type { Link } from "#api/kinds/link.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { TYPE } from "#dns/constants.ts";
import { ask, readAnswer } from "#dns/testing/client.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";
import { OwnDelay } from "../lib/own-delay.ts";
import { TcpProxy } from "../lib/tcp-proxy.ts";

/*
 * Two clusters as a user has them, with DNS for c1 (`isthmus dns run`). c2 exports a service and a headless one; its link goes
 * through a proxy that can fail. What is asked is what a client in c1 asks.
 */

const namespace = "default";
const clusters = new LinkedClusters("c1", "c2");
/** Seconds that the link flaps; 60 shows the whole promise. */
const FLAP_SECONDS = Number(process.env["ISTHMUS_FLAP_SECONDS"] ?? 12);
const HOLD_MS = 5000;

let proxy: TcpProxy;
let dns: UdpClient;

async function find(name: string): Promise<string[] | "NXDOMAIN"> {
  const read = readAnswer(await dns.ask(ask({ name: `${name}.svc.clusterset.local`, type: TYPE.A })));
  return read.rcode === 3 ? "NXDOMAIN" : read.answers.map(({ data }) => data).toSorted();
}

async function untilFound(name: string, count: number): Promise<string[]> {
  return await eventually(async () => {
    const found = await find(name);
    return found !== "NXDOMAIN" && found.length === count && found;
  }, 20_000);
}

/** Which pod answers at an address: cluster/pod. */
async function who(address: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://${address}:8080/`, {
      keepalive: false,
      signal: AbortSignal.timeout(3000),
    });
    const { cluster, pod } = (await answer.json()) as { cluster: string; pod: string };
    return `${cluster}/${pod}`;
  } catch {
    return undefined;
  }
}

async function expose(cluster: "c1" | "c2", name: string, { headless = false } = {}): Promise<void> {
  const client = clusters.client(cluster);
  await client.create<Service>(RESOURCES.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: {
      selector: { app: "web" },
      ports: [{ name: "http", port: 8080, targetPort: 8080 }],
      ...(headless ? { clusterIP: "None" } : {}),
    },
  });
  await client.create<ServiceExport>(RESOURCES.serviceExports, {
    apiVersion: apiVersionOf(RESOURCES.serviceExports),
    kind: "ServiceExport",
    metadata: { name, namespace },
    spec: {},
  });
}

async function startDns(): Promise<UdpClient> {
  const server = clusters.playground.start([
    "--context",
    "sandbox-c1",
    "dns",
    "run",
    "--listen",
    "127.0.0.1:0",
  ]);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const listen = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of server.stderr) {
      text += decoder.decode(chunk, { stream: true });
      const port = /"message":"DNS runs".*"port":(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    }
    reject(new Error(`DNS ended: ${text}`));
  };
  listen().catch(reject);
  return await UdpClient.open(await promise);
}

/** Leads c2's link through the proxy. */
async function throughProxy(): Promise<TcpProxy> {
  const client = clusters.client("c2");
  const { items } = await client.list<Link>(RESOURCES.links, { namespace });
  const [link] = items;
  const endpoint = link?.spec.endpoints[0];
  if (link === undefined || endpoint === undefined) throw new Error("c2 has no link");
  const made = new TcpProxy("127.0.0.1", { hostname: endpoint.host, port: endpoint.port });
  const { hostname: host, port } = made.address;
  await client.patch<Link>(RESOURCES.links, {
    namespace,
    name: link.metadata.name,
    type: "merge",
    body: { spec: { endpoints: [{ host, port }] } },
  });
  return made;
}

beforeAll(async () => {
  await clusters.up();
  proxy = await throughProxy();
  await clusters.deploy("c2", "web");
  await clusters.scale("c2", "web", 2);
  await clusters.deploy("c1", "web");
  dns = await startDns();
}, 60_000);

afterAll(async () => {
  dns[Symbol.dispose]();
  proxy[Symbol.dispose]();
  await clusters.down();
}, 30_000);

test("a cluster of a service has a name that leads there alone, and each pod of a headless one an address", async () => {
  for (const cluster of ["c1", "c2"] as const) await expose(cluster, "web");
  await expose("c2", "db", { headless: true });
  const [pin = ""] = await untilFound("c2.web.default", 1);
  await untilFound("c1.web.default", 1);
  const [whole = ""] = await untilFound("web.default", 1);
  await eventually(async () => (await who(whole))?.startsWith("c1/"));
  await eventually(async () => (await who(pin))?.startsWith("c2/"));
  const pinned = new Set<string | undefined>();
  for (let n = 0; n < 10; n++) pinned.add(await who(pin));
  expect([...pinned].every((pod) => pod?.startsWith("c2/"))).toBe(true);
  expect(pinned.size).toBe(2);

  const pods = await untilFound("db.default", 2);
  await eventually(
    async () => (await who(pods[0] ?? "")) !== undefined && (await who(pods[1] ?? "")) !== undefined,
  );
  const first = new Set<string | undefined>();
  for (let n = 0; n < 5; n++) first.add(await who(pods[0] ?? ""));
  expect(first.size).toBe(1);
  expect(await who(pods[1] ?? "")).not.toBe([...first][0]);
}, 60_000);

test("a cluster whose link falls silent is out of DNS within 2.5 s, and back when it has been back for the hold time", async () => {
  const own = new OwnDelay();
  proxy.goSilent();
  const wentMs = performance.now();
  await eventually(async () => (await find("c2.web.default")) === "NXDOMAIN");
  await eventually(async () => (await find("db.default")) === "NXDOMAIN");
  const goneMs = performance.now() - wentMs;
  const delayMs = own.stop();
  expect(await find("web.default")).toHaveLength(1);
  proxy.recover();
  const backMs = performance.now();
  await untilFound("db.default", 2);
  await untilFound("c2.web.default", 1);
  const seenMs = performance.now() - backMs;
  console.info(
    `figure: discovery, a silent link: out of DNS after ${goneMs.toFixed(0)} ms (this process was held up for ${delayMs.toFixed(0)} ms), back ${seenMs.toFixed(0)} ms after it`,
  );
  // The promise is 2.5 s; other processes of a busy machine are held up too.
  expect(goneMs).toBeLessThan(3000 + 4 * delayMs);
  expect(seenMs).toBeGreaterThanOrEqual(HOLD_MS);
}, 60_000);

test("while a link flaps once a second no import goes, and DNS changes once", async () => {
  const client = clusters.client("c1");
  const uids = async (): Promise<string[]> =>
    (await client.list(RESOURCES.serviceImports, { namespace })).items.map(
      ({ metadata }) => metadata.uid ?? "",
    );
  const before = await uids();
  const [address] = await untilFound("web.default", 1);
  const changes: string[] = [];
  let last = "";
  const flapping = new AbortController();
  const watch = async (): Promise<void> => {
    while (!flapping.signal.aborted) {
      const now = JSON.stringify([await find("c2.web.default"), await find("db.default")]);
      if (now !== last) changes.push(now);
      last = now;
      expect(await find("web.default")).toEqual([address ?? ""]);
      await Bun.sleep(25);
    }
  };
  const watching = watch();
  for (let n = 0; n < FLAP_SECONDS; n++) {
    proxy.goSilent();
    proxy.cut();
    await Bun.sleep(500);
    proxy.recover();
    await Bun.sleep(500);
    expect(await uids()).toEqual(before);
  }
  flapping.abort();
  await watching;
  console.info(
    `figure: discovery, ${FLAP_SECONDS} s of a link that flaps: ${changes.length - 1} changes of DNS`,
  );
  expect(changes.length - 1).toBeLessThanOrEqual(1 + Math.floor((FLAP_SECONDS * 1000) / HOLD_MS));
  await untilFound("c2.web.default", 1);
  await untilFound("db.default", 2);
  expect(await uids()).toEqual(before);
}, 120_000);

test("a controller that is killed and one that starts leave every name and address as it is", async () => {
  const names = ["web.default", "c1.web.default", "c2.web.default", "db.default", "c2.db.default"];
  const all = async (): Promise<unknown> => {
    const found = [];
    for (const name of names) found.push(await find(name));
    return found;
  };
  const before = await all();
  const [pid] = clusters.pidsOf("c1", "controller run");
  if (pid === undefined) throw new Error("The controller of c1 is not there");
  process.kill(pid, "SIGKILL");
  const endMs = performance.now() + 6000;
  let restarted = false;
  while (performance.now() < endMs) {
    expect(await all()).toEqual(before);
    restarted ||= clusters.pidsOf("c1", "controller run").some((other) => other !== pid);
    await Bun.sleep(50);
  }
  expect(restarted).toBe(true);
}, 60_000);

test("a pod that comes and one that goes are in DNS at once, and with the export all of its names go", async () => {
  await clusters.scale("c2", "web", 3);
  await untilFound("db.default", 3);
  await clusters.scale("c2", "web", 1);
  await untilFound("db.default", 1);
  await clusters.client("c2").delete(RESOURCES.serviceExports, { namespace, name: "db" });
  await eventually(async () => (await find("db.default")) === "NXDOMAIN");
  await eventually(async () => {
    const { items } = await clusters.client("c1").list<Service>(RESOURCES.services, { namespace });
    return items.every(({ metadata }) => metadata.labels?.["isthmus.dev/clusterset-of"] !== "db");
  });
}, 60_000);
