import { afterAll, expect, test } from "bun:test";
import { TYPE } from "./constants.ts";
import { Responder } from "./responder.ts";
import { TcpServer } from "./tcp-server.ts";
import { ask, readAnswer } from "./testing/client.ts";
import { TcpClient } from "./testing/tcp-client.ts";
import { testZone } from "./testing/zone.ts";

const WEB = "web.default.svc.clusterset.local";
const MANY = "many.default.svc.clusterset.local";
const responder = new Responder({ zone: testZone() });
const server = new TcpServer({ hostname: "127.0.0.1", port: 0, responder });
const hasty = new TcpServer({ hostname: "127.0.0.1", port: 0, responder, idleSeconds: 5 });

afterAll(() => {
  server.close();
  hasty.close();
});

const query = (name: string, id = 1): Uint8Array => ask({ name, type: TYPE.A }, { id });

test("several queries in one piece are answered in order, on one connection", async () => {
  using client = await TcpClient.open(server.port);
  const queries = Array.from({ length: 500 }, (_, id) => query(id % 3 === 0 ? MANY : WEB, id));
  client.write(TcpClient.framed(...queries));
  expect(await client.has(500)).toBe(true);
  const reads = client.got.map((bytes) => readAnswer(bytes));
  expect(reads.map(({ id }) => id)).toEqual(queries.map((_, id) => id));
  expect(reads.map(({ answers }) => answers.length)).toEqual(
    queries.map((_, id) => (id % 3 === 0 ? 100 : 1)),
  );
  expect(client.closed).toBe(false);
});

test("a query that comes byte by byte is answered, and so is one split in its length", async () => {
  using client = await TcpClient.open(server.port);
  const bytes = TcpClient.framed(query(WEB, 1), query(WEB, 2), query(WEB, 3));
  for (const byte of bytes) {
    client.write(Uint8Array.of(byte));
    await Bun.sleep(0);
  }
  expect(await client.has(3)).toBe(true);
  expect(client.got.map((one) => readAnswer(one).id)).toEqual([1, 2, 3]);
});

test("a client that does not read is not read from; when it reads, it gets everything", async () => {
  using client = await TcpClient.open(server.port);
  client.pause();
  const batch = TcpClient.framed(...Array.from({ length: 100 }, (_, id) => query(MANY, id)));
  const { queries: before } = responder.counters;
  let sent = 0;
  // Until the kernel has no room in either direction: the rest of a batch that was taken in part is sent below.
  let rest = new Uint8Array();
  for (let n = 0; n < 20_000 && rest.length === 0; n++) {
    const took = Math.max(0, client.write(batch));
    sent++;
    rest = batch.slice(took);
    if (n % 20 === 0) await Bun.sleep(1);
  }
  expect(rest.length).toBeGreaterThan(0);
  await Bun.sleep(100);
  const answered = responder.counters.queries - before;
  expect(answered).toBeLessThan(sent * 100);
  client.resume();
  for (
    const endMs = performance.now() + 15_000;
    rest.length > 0 && performance.now() < endMs;
    await Bun.sleep(1)
  )
    rest = rest.slice(Math.max(0, client.write(rest)));
  expect(await client.has(sent * 100, 15_000)).toBe(true);
  expect(client.got).toHaveLength(sent * 100);
}, 40_000);

test("one who is idle, trickles, or never reads is let go", async () => {
  using idle = await TcpClient.open(hasty.port);
  using trickle = await TcpClient.open(hasty.port);
  using deaf = await TcpClient.open(hasty.port);
  using busy = await TcpClient.open(hasty.port);
  deaf.pause();
  const batch = TcpClient.framed(...Array.from({ length: 100 }, (_, id) => query(MANY, id)));
  while (deaf.write(batch) === batch.length) await Bun.sleep(0);
  const byte = query(WEB);
  trickle.write(Uint8Array.of(0, byte.length));
  for (let n = 0; n < 100 && !(idle.closed && trickle.closed); n++) {
    if (n % 5 === 0 && !trickle.closed) trickle.write(byte.subarray(n / 5, n / 5 + 1));
    busy.write(TcpClient.framed(query(WEB, n)));
    await Bun.sleep(100);
  }
  expect([idle.closed, trickle.closed, busy.closed]).toEqual([true, true, false]);
  for (let n = 0; n < 100 && hasty.connections > 1; n++) {
    busy.write(TcpClient.framed(query(WEB, n)));
    await Bun.sleep(100);
  }
  expect(hasty.connections).toBe(1);
}, 30_000);

test.each([
  ["an empty message", Uint8Array.of(0, 0)],
  ["less than a header", TcpClient.framed(new Uint8Array(11))],
  ["an answer", TcpClient.framed(Uint8Array.from([0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]))],
  ["a length that no query has", Uint8Array.of(0xff, 0xff, 1)],
])("%s ends the connection", async (_what, bytes) => {
  using client = await TcpClient.open(server.port);
  client.write(bytes);
  expect(await client.isClosed(3000)).toBe(true);
  expect(client.got).toEqual([]);
});

test("more connections than the limit are cut, and leave the others alone", async () => {
  const clients: TcpClient[] = [];
  try {
    const { connections: before } = server;
    for (let n = before; n < 1024; n++) clients.push(await TcpClient.open(server.port));
    using extra = await TcpClient.open(server.port);
    expect(await extra.isClosed(3000)).toBe(true);
    clients[0]?.write(TcpClient.framed(query(WEB)));
    expect(await clients[0]?.has(1)).toBe(true);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  for (let n = 0; n < 200 && server.connections > 0; n++) await Bun.sleep(10);
  expect(server.connections).toBe(0);
}, 20_000);
