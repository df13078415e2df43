import { afterAll, beforeAll, expect, test } from "bun:test";
import { HelperProcess } from "../lib/helper-process.ts";
import { OwnDelay } from "../lib/own-delay.ts";
import { RouterNetwork } from "../lib/router-network.ts";
import { TcpProxy } from "../lib/tcp-proxy.ts";
import { type Ending, WatchedClient } from "../lib/watched-client.ts";

/*
 * A link that breaks under a connection: whatever the client was doing, it is reset within 3 s and never told that it
 * has everything; and once the far router can be reached again, work goes on.
 */

/** What the issue promises, from the break to the client's reset. */
const RESET_WITHIN_MS = 3000;

let backend: HelperProcess<{ port: number }>;
let backendPort = 0;

beforeAll(async () => {
  backend = new HelperProcess(new URL("lib/flood-backend.ts", import.meta.url).pathname);
  backendPort = (await backend.next()).port;
});
afterAll(async () => {
  await backend[Symbol.asyncDispose]();
});

test("the far router is killed: clients are reset, and the near router goes on when it is back", async () => {
  await using routers = await RouterNetwork.start({ backendPort, lanes: 2 });
  await expectResets("SIGKILL of the far router", routers, () => routers.kill("far"));
  // While it is away nobody is left hanging.
  expect(await refusal(routers)).toBe("reset");
  routers.restart("far");
  await expectWork(routers);
}, 60_000);

test("the link is cut without a FIN: clients are reset, and the link comes back by itself", async () => {
  let proxy: TcpProxy | undefined;
  await using routers = await RouterNetwork.start({
    backendPort,
    lanes: 2,
    via: (address) => (proxy = new TcpProxy(address.hostname, address)).address,
  });
  using link = required(proxy);
  await expectResets("link reset", routers, () => link.cut());
  await expectWork(routers);
}, 60_000);

test("the link falls silent: clients are reset, and the link comes back when the silence ends", async () => {
  let proxy: TcpProxy | undefined;
  await using routers = await RouterNetwork.start({
    backendPort,
    lanes: 2,
    via: (address) => (proxy = new TcpProxy(address.hostname, address)).address,
  });
  using link = required(proxy);
  await expectResets("silent link", routers, () => link.goSilent());
  link.recover();
  await expectWork(routers);
}, 60_000);

test("the router in between is killed: clients are reset, and work goes on when it is back", async () => {
  await using routers = await RouterNetwork.start({ backendPort, relay: true });
  await expectResets("SIGKILL of a relay", routers, () => routers.kill("relay"));
  routers.restart("relay");
  await expectWork(routers);
}, 60_000);

/** How a new connection ends. One that is reset before this process has looked at it never opens. */
async function refusal({ entrance }: RouterNetwork): Promise<Ending["how"]> {
  const client = await WatchedClient.connect(entrance).catch(() => undefined);
  if (client === undefined) return "reset";
  using open = client;
  open.write("s");
  return (await open.ending).how;
}

/** Breaks the link under clients in every state that a connection can be in. */
async function expectResets(
  what: string,
  { entrance }: RouterNetwork,
  breakLink: () => void | Promise<void>,
): Promise<void> {
  const downloading = await begin(entrance, { first: "f", bytes: 4 * 1024 ** 2 });
  const idle = await begin(entrance, { first: "s", bytes: 1 });
  const ended = await begin(entrance, { first: "s", bytes: 1 });
  ended.shutdown();
  const uploading = await begin(entrance, { first: "s", bytes: 1 });
  const upload = setInterval(() => uploading.write(BLOCK), 1);
  const clients = { downloading, idle, ended, uploading };
  try {
    await Bun.sleep(200);
    const own = new OwnDelay();
    const startMs = performance.now();
    await breakLink();
    const entries = await Promise.all(
      Object.entries(clients).map(async ([name, client]): Promise<[string, Ending]> => [
        name,
        await Promise.race([
          client.ending,
          Bun.sleep(20_000).then(() => ({ how: "other", ms: Infinity }) as const),
        ]),
      ]),
    );
    const delayMs = own.stop();
    const ways = Object.fromEntries(entries.map(([name, { how }]) => [name, how]));
    expect(ways).toEqual({ downloading: "reset", idle: "reset", ended: "reset", uploading: "reset" });
    const slowestMs = Math.max(...entries.map(([, { ms }]) => ms - startMs));
    console.log(`figure: ${what}: the last of 4 clients was reset after ${slowestMs.toFixed(0)} ms`);
    expect(slowestMs).toBeLessThan(RESET_WITHIN_MS + delayMs);
  } finally {
    clearInterval(upload);
    for (const client of Object.values(clients)) client[Symbol.dispose]();
  }
}

const BLOCK = new Uint8Array(256 * 1024);

/** A connection in the middle of its work: so many bytes have come through both routers. */
async function begin(
  entrance: RouterNetwork["entrance"],
  { first, bytes }: { first: string; bytes: number },
): Promise<WatchedClient> {
  const client = await WatchedClient.connect(entrance);
  client.write(first);
  await client.untilReceived(bytes);
  return client;
}

/** New work gets through within a time that allows for the longest back-off of the dialler. */
async function expectWork(routers: RouterNetwork): Promise<void> {
  await routers.untilJoined();
  using client = await begin(routers.entrance, { first: "f", bytes: 8 * 1024 ** 2 });
  expect(client.received).toBeGreaterThan(0);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("Expected a value");
  return value;
}
