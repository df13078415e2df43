import type { udp } from "bun";
import { expect, test } from "bun:test";
import { Datagrams } from "./datagrams.ts";

/** A socket that the runtime does not get to read: all happens in one turn of the event loop. */
async function socket(hostname: string): Promise<{ port: number; datagrams: Datagrams } & Disposable> {
  const bound: { readonly port: number; readonly fd?: number; close(): void } = await Bun.udpSocket({
    hostname,
    socket: { error() {} },
  });
  const datagrams = Datagrams.of(bound.fd);
  if (datagrams === undefined) throw new Error("This system has no recvmmsg");
  return { port: bound.port, datagrams, [Symbol.dispose]: () => bound.close() };
}

/** One whose datagrams are there when `send` is back. */
class Client implements Disposable {
  readonly got: Uint8Array[] = [];
  #socket: udp.ConnectedSocket<"uint8array"> | undefined;

  static async open(port: number, hostname = "127.0.0.1"): Promise<Client> {
    const client = new Client();
    client.#socket = await Bun.udpSocket({
      hostname,
      binaryType: "uint8array",
      connect: { hostname, port },
      socket: { data: (_socket, bytes) => void client.got.push(Uint8Array.from(bytes)) },
    });
    return client;
  }

  send(bytes: Uint8Array): void {
    this.#socket?.send(bytes);
  }

  async has(count: number): Promise<boolean> {
    for (const endMs = performance.now() + 3000; performance.now() < endMs; await Bun.sleep(1))
      if (this.got.length >= count) return true;
    return false;
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }
}

/** Gives back what it got, without those that begin with 0. */
function echo(query: Uint8Array, length: number, out: Uint8Array): number {
  if (query[0] === 0) return 0;
  out.set(query.subarray(0, Math.min(length, out.length)));
  return Math.min(length, out.length);
}

test.each(["127.0.0.1", "::1"])(
  "over %s each client has its own answers, 64 with one call",
  async (hostname) => {
    using server = await socket(hostname);
    const { port, datagrams } = server;
    const clients = await Promise.all([1, 2, 3].map(() => Client.open(port, hostname)));
    try {
      expect(datagrams.answer(echo)).toBe(0);
      for (let n = 0; n < 40; n++)
        for (const [at, client] of clients.entries())
          client.send(Uint8Array.from([n % 4, at, n, ...Array.from({ length: n }, () => 7)]));
      expect([1, 2, 3].map(() => datagrams.answer(echo))).toEqual([64, 56, 0]);
      for (const [at, client] of clients.entries()) {
        expect(await client.has(30)).toBe(true);
        expect(client.got.map((bytes) => [bytes[1] ?? 0, bytes.length - 3 === bytes[2]])).toEqual(
          Array.from({ length: 30 }, () => [at, true]),
        );
      }
      expect(datagrams.failed).toBe(0);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
  },
);

test("what is longer than a query can be is cut, and the next one is whole again", async () => {
  using server = await socket("127.0.0.1");
  const { port, datagrams } = server;
  using client = await Client.open(port);
  client.send(new Uint8Array(9000).fill(1));
  client.send(Uint8Array.of(2));
  const lengths: number[] = [];
  datagrams.answer((_query, length) => {
    lengths.push(length);
    return 0;
  });
  expect(lengths).toEqual([4096, 1]);
});

test("a client that has gone costs the others nothing, and is no failure", async () => {
  using server = await socket("127.0.0.1");
  const { port, datagrams } = server;
  using client = await Client.open(port);
  for (let n = 1; n <= 20; n++) {
    const gone = await Client.open(port);
    gone.send(Uint8Array.of(n));
    gone[Symbol.dispose]();
    client.send(Uint8Array.of(n));
    datagrams.answer(echo);
  }
  expect(await client.has(20)).toBe(true);
  expect(client.got.map(([n]) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  expect(datagrams.failed).toBe(0);
});
