/** Names of a service of another cluster, while the link to it, the controller, the DNS servers and the API server fail. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { Link } from "#api/kinds/link.ts";
import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { lookUp } from "../dns/lib/dns-command.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";
import { TcpProxy } from "../lib/tcp-proxy.ts";

const NAME = "web.default.svc.clusterset.local";
const PINNED = `c2.${NAME}`;
/** How long better news wait. */
const HOLD_MS = 5000;
/** The promise. */
const WITHIN_MS = 2500;
const FLAP_SECONDS = Number(process.env["ISTHMUS_FLAP_SECONDS"] ?? 20);

const clusters = new LinkedClusters("c1", "c2");
let link: TcpProxy;
/** Address of the DNS servers of c1. */
let server = "";

async function open(): Promise<UdpClient> {
  return await UdpClient.open(53, server);
}

/** As a stub does: once more when the first has no answer. */
async function resolves(name: string): Promise<boolean> {
  for (let tries = 1; tries <= 2; tries++) {
    using dns = await open();
    const found = await lookUp(dns, name).catch(() => undefined);
    if (found?.answers.length === 1) return true;
  }
  return false;
}

/** Asks, from another port each time and so either server, until 10 answers in a row have so many records; returns how long that took, ms. */
async function untilAll(
  name: string,
  { count, timeoutMs }: { count: number; timeoutMs: number },
): Promise<number> {
  const startMs = performance.now();
  let firstMs = 0;
  for (let seen = 0; seen < 10;) {
    using dns = await open();
    const { answers } = await lookUp(dns, name);
    if (seen === 0) firstMs = performance.now();
    seen = answers.length === count ? seen + 1 : 0;
    if (performance.now() - startMs > timeoutMs)
      throw new Error(`"${name}" still has ${answers.length} answers`);
  }
  return firstMs - startMs;
}

/** Asks all the time while `work` is under way; gives how often, and how often there was no answer. */
async function resolving(work: () => Promise<unknown>): Promise<{ asked: number; failed: number }> {
  const ended = new AbortController();
  const working = work().finally(() => ended.abort());
  let [asked, failed] = [0, 0];
  for (; !ended.signal.aborted; asked++) {
    if (!(await resolves(NAME))) failed++;
    await Bun.sleep(5);
  }
  await working;
  return { asked, failed };
}

beforeAll(async () => {
  await clusters.up();
  const def = RESOURCES.links;
  const made = await clusters.client("c2").get<Link>(def, { namespace: "default", name: "c1" });
  const [endpoint] = made.spec.endpoints;
  if (endpoint === undefined) throw new Error("The link has no endpoint");
  link = new TcpProxy("127.0.0.1", { hostname: endpoint.host, port: endpoint.port });
  const { hostname, port } = link.address;
  await clusters.client("c2").patch(def, {
    namespace: "default",
    name: "c1",
    type: "merge",
    body: { spec: { endpoints: [{ host: hostname, port }] } },
  });
  await clusters.isthmus("c1", "dns", "install", "--apply", "--coredns");
  const { spec } = await clusters
    .client("c1")
    .get<Service>(RESOURCES.services, { namespace: "default", name: "isthmus-dns" });
  server = spec.clusterIP ?? "";
  await clusters.deploy("c2", "web");
  await clusters.isthmus("c2", "expose", "deployment/web", "--port", "8080");
  for (const name of [NAME, PINNED]) await untilAll(name, { count: 1, timeoutMs: 30_000 });
}, 90_000);

afterAll(async () => {
  link[Symbol.dispose]();
  await clusters.down();
}, 30_000);

test.each(["is reset", "is silent"] as const)(
  "a link that %s: within 2.5 s the cluster has no address any more, the import stays; and it is back when the link is",
  async (how) => {
    link.goSilent();
    if (how === "is reset") link.cut();
    const tookMs = await untilAll(PINNED, { count: 0, timeoutMs: 10_000 });
    console.log(
      `figure: discovery, a link ${how}: answers without the cluster after ${tookMs.toFixed(0)} ms`,
    );
    expect(tookMs).toBeLessThan(WITHIN_MS);
    await untilAll(NAME, { count: 1, timeoutMs: 1000 });
    link.recover();
    await untilAll(PINNED, { count: 1, timeoutMs: 30_000 });
  },
  60_000,
);

test(
  `a link that flaps once a second for ${FLAP_SECONDS} s: the import stays, and answers change at most once in the hold time`,
  async () => {
    using dns = await open();
    const ref = { namespace: "default", name: "web" };
    const changesMs: number[] = [];
    let there = true;
    let missing = 0;
    const startMs = performance.now();
    let up = true;
    for (let turnMs = startMs; performance.now() - startMs < FLAP_SECONDS * 1000;) {
      if (performance.now() >= turnMs) {
        turnMs += 500;
        up = !up;
        if (up) link.recover();
        else {
          link.goSilent();
          link.cut();
        }
      }
      const found = await clusters.client("c1").find<ServiceImport>(RESOURCES.serviceImports, ref);
      if (found === undefined || (await lookUp(dns, NAME)).answers.length !== 1) missing++;
      const now = (await lookUp(dns, PINNED)).answers.length === 1;
      if (now !== there) changesMs.push(performance.now() - startMs);
      there = now;
      await Bun.sleep(20);
    }
    link.recover();
    await untilAll(PINNED, { count: 1, timeoutMs: 30_000 });
    const said = changesMs.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(", ");
    console.log(
      `figure: discovery, a link that flapped for ${FLAP_SECONDS} s: ${changesMs.length} changes (${said})`,
    );
    expect(missing).toBe(0);
    // It goes at once, and comes back after the hold time.
    expect(changesMs.length).toBeGreaterThan(0);
    expect(changesMs.length).toBeLessThanOrEqual(1 + (FLAP_SECONDS * 1000) / HOLD_MS);
  },
  (FLAP_SECONDS + 40) * 1000,
);

test("the controller and the routers of the site are killed: names resolve all the time", async () => {
  const counts = await resolving(async () => {
    for (const words of ["controller run", "router run"]) {
      const [pid] = clusters.pidsOf("c1", words);
      if (pid === undefined) throw new Error(`No process "${words}" in c1`);
      process.kill(pid, "SIGKILL");
      await eventually(
        () => Promise.resolve(clusters.pidsOf("c1", words).some((one) => one !== pid)),
        30_000,
      );
    }
    await Bun.sleep(1000);
  });
  console.log(
    `figure: discovery, controller and routers killed: ${counts.asked} look-ups, ${counts.failed} failed`,
  );
  expect(counts.failed).toBe(0);
}, 60_000);

test("the DNS servers are replaced one after another, as by a new version: names resolve all the time", async () => {
  const client = clusters.client("c1");
  const ref = { namespace: "default", name: "isthmus-dns" };
  const counts = await resolving(async () => {
    const before = new Set(clusters.pidsOf("c1", "dns run"));
    expect(before.size).toBe(2);
    await client.patch(RESOURCES.deployments, {
      ...ref,
      type: "merge",
      body: { spec: { template: { metadata: { annotations: { restarted: "now" } } } } },
    });
    await eventually(() => {
      const pids = clusters.pidsOf("c1", "dns run");
      return Promise.resolve(pids.length === 2 && pids.every((pid) => !before.has(pid)));
    }, 40_000);
  });
  console.log(`figure: discovery, DNS servers replaced: ${counts.asked} look-ups, ${counts.failed} failed`);
  expect(counts.failed).toBe(0);
}, 60_000);
