import { afterAll, beforeAll, expect, test } from "bun:test";
import { rssMiB } from "../../bench/lib/processes.ts";
import { median, percentile, round } from "../../bench/lib/stats.ts";
import { HelperProcess } from "../lib/helper-process.ts";
import { RouterNetwork } from "../lib/router-network.ts";
import { WatchedClient } from "../lib/watched-client.ts";

/*
 * Streams that share one lane leave each other room. All is measured in turns within one run and compared with itself,
 * since machines are noisy; load comes from processes of its own.
 */

const SLOW_READERS = 100;
const LEAST_SPEED = 0.8;
/** More rounds than these only while noise hides the answer, and no longer than this. */
const ROUNDS = 5;
const ROUNDS_MS = 75_000;
/**
 * What the routers may hold for all slow readers together, MiB each. Their links never hold more than 256 MiB, and the
 * allocator some of what went.
 */
const MEMORY_BOUND_MIB = 350;

let backend: HelperProcess<{ port: number }>;
let backendPort = 0;

beforeAll(async () => {
  backend = new HelperProcess(new URL("lib/flood-backend.ts", import.meta.url).pathname);
  backendPort = (await backend.next()).port;
});
afterAll(async () => {
  await backend[Symbol.asyncDispose]();
});

class BulkClient extends HelperProcess<{ received: number }> {
  constructor({ entrance }: RouterNetwork, streams: number) {
    super(
      new URL("lib/bulk-client.ts", import.meta.url).pathname,
      entrance.hostname,
      String(entrance.port),
      String(streams),
    );
  }

  /** MiB/s from now on. */
  async speed(ms: number): Promise<number> {
    const startMs = performance.now();
    const before = (await this.ask("received")).received;
    await Bun.sleep(ms);
    const after = (await this.ask("received")).received;
    return (after - before) / 1024 ** 2 / ((performance.now() - startMs) / 1000);
  }
}

test("100 slow readers do not slow another stream, and memory stays bounded", async () => {
  await using routers = await RouterNetwork.start({ backendPort });
  await using bulk = new BulkClient(routers, 1);
  await bulk.next();
  // The routers grow to their working size first.
  await bulk.speed(1000);
  const rss = (): { near: number; far: number } => ({
    near: rssMiB([routers.pid("near")]),
    far: rssMiB([routers.pid("far")]),
  });
  const before = rss();
  let most = before;
  const endMs = performance.now() + ROUNDS_MS;
  const alone: number[] = [];
  const beside: number[] = [];
  const ratios = (): number[] => beside.map((speed, index) => speed / (alone[index] ?? Number.NaN));
  while (alone.length < ROUNDS || (median(ratios()) < LEAST_SPEED && performance.now() < endMs)) {
    alone.push(await bulk.speed(700));
    const slow = await slowReaders(routers);
    beside.push(await bulk.speed(700));
    const now = rss();
    most = { near: Math.max(most.near, now.near), far: Math.max(most.far, now.far) };
    for (const client of slow) {
      expect(client.received).toBeGreaterThan(0);
      client[Symbol.dispose]();
    }
    await Bun.sleep(300);
  }
  const share = median(ratios());
  const grown = { near: most.near - before.near, far: most.far - before.far };
  console.log(
    `figure: beside ${SLOW_READERS} slow readers a stream has ${(share * 100).toFixed(0)} % of its speed alone (${round(median(alone))} MiB/s)`,
  );
  for (const site of ["near", "far"] as const) {
    console.log(
      `figure: RSS of the ${site} router ${round(before[site])} MiB before, at most ${round(most[site])} MiB with them: ${round(grown[site] / SLOW_READERS)} MiB a slow reader; ${round(rss()[site])} MiB after ${alone.length} rounds`,
    );
  }
  expect(share).toBeGreaterThan(LEAST_SPEED);
  expect(grown.near).toBeLessThan(MEMORY_BOUND_MIB);
  expect(grown.far).toBeLessThan(MEMORY_BOUND_MIB);
}, 180_000);

/**
 * Each has asked for an endless answer, took its first bytes and then reads no more. Resolves when every buffer on the way
 * is full: until then they are streams like any other.
 */
async function slowReaders(routers: RouterNetwork): Promise<WatchedClient[]> {
  const clients = await Promise.all(
    Array.from({ length: SLOW_READERS }, async () => {
      const client = await WatchedClient.connect({ ...routers.entrance, onData: () => client.pause() });
      client.write("f");
      return client;
    }),
  );
  await Promise.all(clients.map((client) => client.untilReceived(1)));
  const ports = new Set(clients.map(({ localPort }) => String(localPort)));
  const carried = async (): Promise<number> => {
    const flows = (await routers.flows("far")).filter(({ client }) =>
      ports.has(client.split(":").at(-1) ?? ""),
    );
    expect(flows.length).toBe(SLOW_READERS);
    return flows.reduce((sum, { bytesToClient }) => sum + bytesToClient, 0);
  };
  const endMs = performance.now() + 30_000;
  for (let before = -1, now = await carried(); now !== before; now = await carried()) {
    if (performance.now() > endMs) throw new Error("The slow readers still take bytes");
    before = now;
    await Bun.sleep(300);
  }
  return clients;
}

test("a small request passes a lane that bulk fills", async () => {
  await using routers = await RouterNetwork.start({ backendPort, lanes: 1 });
  // The same load on this machine, but not in this lane: what is left of the difference is the lane's.
  await using others = await RouterNetwork.start({ backendPort, lanes: 1 });
  using client = await WatchedClient.connect(routers.entrance);
  client.write("e");
  await client.untilReceived(1);
  const idle: number[] = [];
  const speeds: number[] = [];
  const elsewhere: number[] = [];
  const shared: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    idle.push(...(await latencies(client, 1000)));
    elsewhere.push(...(await latenciesUnder(others, client)).latencies);
    const { latencies: measured, speed } = await latenciesUnder(routers, client);
    shared.push(...measured);
    speeds.push(speed);
  }
  const p99 = {
    idle: percentile(idle, 99),
    elsewhere: percentile(elsewhere, 99),
    shared: percentile(shared, 99),
  };
  console.log(
    `figure: small request p99: idle ${round(p99.idle)} ms, bulk of ${round(median(speeds))} MiB/s beside it in the lane ${round(p99.shared)} ms (${round(p99.shared / p99.idle)} x), same bulk on other routers ${round(p99.elsewhere)} ms (${round(p99.elsewhere / p99.idle)} x)`,
  );
  console.log(
    `figure: small request p50: idle ${round(median(idle))} ms, bulk beside it in the lane ${round(median(shared))} ms, same bulk on other routers ${round(median(elsewhere))} ms`,
  );
  // A request that waits for bulk to pass would wait for ever: this bulk has no end.
  expect(p99.shared).toBeLessThan(Math.max(1500, 20 * Math.max(p99.idle, p99.elsewhere)));
}, 120_000);

async function latenciesUnder(
  loaded: RouterNetwork,
  client: WatchedClient,
): Promise<{ latencies: number[]; speed: number }> {
  await using bulk = new BulkClient(loaded, 4);
  await bulk.next();
  const [measured, speed] = await Promise.all([latencies(client, 1500), bulk.speed(1400)]);
  return { latencies: measured, speed };
}

/** Of requests of 100 bytes, one after the other, answered by as many. */
async function latencies(client: WatchedClient, forMs: number): Promise<number[]> {
  const result: number[] = [];
  const endMs = performance.now() + forMs;
  for (let startMs = performance.now(); startMs < endMs; startMs = performance.now()) {
    client.write(REQUEST);
    await client.next(REQUEST.length);
    result.push(performance.now() - startMs);
  }
  return result;
}

const REQUEST = new Uint8Array(100).fill(113);
