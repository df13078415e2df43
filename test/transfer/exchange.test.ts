import { expect, test } from "bun:test";
import { HelperProcess } from "../lib/helper-process.ts";
import { RouterNetwork } from "../lib/router-network.ts";
import { Exchange, EXCHANGE_HANDLERS, type Outcome } from "./lib/exchange.ts";

/*
 * What goes in comes out, both ways at once, to the last byte. The client ends first; the backend keeps its last MiB back
 * until it has seen that, so each answer also proves a half-closed connection.
 */

const MIB = 1024 ** 2;

interface Exchanged {
  readonly clients: Outcome[];
  readonly backends: Outcome[];
  readonly seconds: number;
}

async function exchange(options: {
  readonly bytes: number;
  readonly connections: number;
  readonly lanes?: number;
  readonly relay?: boolean;
}): Promise<Exchanged> {
  const { bytes, connections, ...network } = options;
  const path = new URL("lib/exchange-backend.ts", import.meta.url).pathname;
  await using backend = new HelperProcess<{ port: number } | { outcome: Outcome }>(path, String(bytes));
  const first = await backend.next();
  if (!("port" in first)) throw new Error("Expected the port first");
  await using routers = await RouterNetwork.start({ backendPort: first.port, ...network });
  const started = performance.now();
  const exchanges = Array.from({ length: connections }, (_, seed) => new Exchange({ seed, bytes }));
  await Promise.all(
    exchanges.map((data) =>
      Bun.connect({ ...routers.entrance, allowHalfOpen: true, data, socket: EXCHANGE_HANDLERS }),
    ),
  );
  const clients = await Promise.all(exchanges.map(({ done }) => done));
  const backends: Outcome[] = [];
  while (backends.length < connections) {
    const message = await backend.next();
    if ("outcome" in message) backends.push(message.outcome);
  }
  return { clients, backends, seconds: (performance.now() - started) / 1000 };
}

/** Every stream arrived whole, ended cleanly, and was the only one with its content. */
function expectWhole({ clients, backends }: Exchanged, bytes: number): void {
  for (const outcome of [...clients, ...backends]) {
    expect({ bytes: outcome.receivedBytes, clean: outcome.clean }).toEqual({ bytes, clean: true });
  }
  expect(hashes(backends, "received")).toEqual(hashes(clients, "sent"));
  expect(hashes(clients, "received")).toEqual(hashes(backends, "sent"));
  expect(new Set([...clients, ...backends].map(({ sent }) => sent)).size).toBe(clients.length * 2);
}

function hashes(side: readonly Outcome[], key: "sent" | "received"): string[] {
  return side.map((outcome) => outcome[key]).toSorted();
}

test("1 GiB each way at once on one connection through two hops arrives with equal SHA-256", async () => {
  const bytes = 1024 * MIB;
  const exchanged = await exchange({ bytes, connections: 1 });
  expectWhole(exchanged, bytes);
  const [client, backend] = [exchanged.clients[0], exchanged.backends[0]];
  if (client === undefined || backend === undefined) throw new Error("Expected one connection");
  const overlapMs = Math.min(client.lastMs, backend.lastMs) - Math.max(client.firstMs, backend.firstMs);
  // At once, and not one after the other.
  expect(overlapMs).toBeGreaterThan((backend.lastMs - backend.firstMs) / 3);
  console.log(
    `figure: 2 x 1 GiB through two hops in ${exchanged.seconds.toFixed(1)} s, hashing at both ends included`,
  );
}, 240_000);

test("20 connections at once do not mix", async () => {
  const bytes = 4 * MIB;
  expectWhole(await exchange({ bytes, connections: 20, lanes: 2 }), bytes);
}, 60_000);

test("a third router in between changes nothing", async () => {
  const bytes = 64 * MIB;
  expectWhole(await exchange({ bytes, connections: 1, relay: true }), bytes);
}, 60_000);
