import { expect, test } from "bun:test";
import { cpuSeconds } from "../../bench/lib/processes.ts";
import { HttpConnection } from "../../bench/lib/http-connection.ts";
import { get } from "../lib/asking.ts";
import { Pods } from "../lib/pods.ts";
import { TrafficSites } from "../lib/traffic-sites.ts";
import { WatchedClient } from "../lib/watched-client.ts";

/* Clients that keep their connection and ask little. `npm run bench -- http-idle` measures what 10,000 of them cost. */

const CONNECTIONS = 500;
const IDLE_MS = 2000;

test(`${CONNECTIONS} idle keep-alive connections cost pods few, routers no work, and answer when they are asked again`, async () => {
  await using pods = await Pods.start(["b-0", "b-1"]);
  await using sites = await TrafficSites.start({ others: { b: { pods: pods.all } } });
  const clients = Array.from({ length: CONNECTIONS }, () => new HttpConnection(sites.entrance));
  const askAll = async (): Promise<Set<number>> => {
    const statuses = new Set<number>();
    const queue = clients.values();
    const worker = async (): Promise<void> => {
      for (const client of queue) statuses.add((await client.request(get())).status);
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    return statuses;
  };
  const pids = ["a", "b"].map((site) => sites.pid(site));
  expect(await askAll()).toEqual(new Set([200]));
  await Bun.sleep(300);
  const before = cpuSeconds(pids);
  await Bun.sleep(IDLE_MS);
  const percent = ((cpuSeconds(pids) - before) / (IDLE_MS / 1000)) * 100;
  expect(await askAll()).toEqual(new Set([200]));
  const reports = await pods.report();
  const upstream = reports.reduce((sum, { connections }) => sum + connections, 0);
  console.log(
    `figure: ${CONNECTIONS} idle keep-alive connections: ${upstream} connections to pods, ${percent.toFixed(1)} % of a core in both routers while idle`,
  );
  expect(clients.map(({ opened }) => opened)).toEqual(clients.map(() => 1));
  expect(reports.map(({ requests }) => requests)).toEqual([CONNECTIONS, CONNECTIONS]);
  // As many as were busy at once, not as many as there are clients.
  expect(upstream).toBeLessThan(CONNECTIONS / 5);
  expect(percent).toBeLessThan(10);
  for (const client of clients) client.close();
}, 30_000);

test("a client that asks nothing for the idle time is ended cleanly, one that asks is not", async () => {
  await using pods = await Pods.start(["b-0"]);
  await using sites = await TrafficSites.start({
    others: { b: { pods: pods.all } },
    policy: { timeouts: { httpIdleMs: 1000 } },
  });
  using quiet = await WatchedClient.connect(sites.entrance);
  quiet.write(get());
  await quiet.untilReceived(1);
  const startMs = performance.now();
  const busy = new HttpConnection(sites.entrance);
  const asking = setInterval(() => void busy.request(get()), 300);
  const { how, ms } = await Promise.race([
    quiet.ending,
    Bun.sleep(8000).then(() => ({ how: "still open", ms: performance.now() })),
  ]);
  clearInterval(asking);
  console.log(`figure: httpIdleMs 1000: ended (${how}) after ${(ms - startMs).toFixed(0)} ms`);
  expect(how).toBe("clean");
  expect(busy.opened).toBe(1);
  busy.close();
}, 30_000);
