import { expect, test } from "bun:test";
import { TYPE } from "./constants.ts";
import { Responder } from "./responder.ts";
import { ask, readAnswer } from "./testing/client.ts";
import { startDnsProcess } from "./testing/dns-process.ts";
import { PacketMaker } from "./testing/packets.ts";
import { TcpClient } from "./testing/tcp-client.ts";
import { UdpClient } from "./testing/udp-client.ts";
import { testZone } from "./testing/zone.ts";

const COUNT = Number(process.env["ISTHMUS_FUZZ_COUNT"] ?? 100_000);
/** So many go over a socket, too. */
const SOCKET_COUNT = Math.ceil(COUNT / 2);
/** A slow machine sends some 3,000 a second and reads their answers. */
const TIMEOUT_MS = 60_000 + COUNT / 3;
const WEB = ask({ name: "web.default.svc.clusterset.local", type: TYPE.A });

/** What holds for every answer over UDP. */
function judge(query: Uint8Array, answer: Uint8Array): void {
  if (answer.length > 1232 || answer.length > 3 * query.length)
    throw new Error(`${answer.length} bytes for ${Buffer.from(query).toString("hex")}`);
  try {
    readAnswer(answer);
  } catch (error) {
    throw new Error(`Unreadable answer to ${Buffer.from(query).toString("hex")}`, { cause: error });
  }
}

test(
  `${COUNT} random and mutated packets: no throw, no growth, readable, at most 1,232 bytes and three times the query`,
  () => {
    const responder = new Responder({ zone: testZone() });
    const packets = new PacketMaker(42);
    const run = (count: number): void => {
      for (let n = 0; n < count; n++) {
        const query = packets.next();
        const length = responder.respond(query, query.length, "udp");
        if (length > 0) judge(query, responder.out.subarray(0, length));
      }
    };
    run(Math.ceil(COUNT / 10));
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    run(COUNT);
    Bun.gc(true);
    const grown = process.memoryUsage().heapUsed - before;
    expect(grown).toBeLessThan(1024 * 1024);
    const { queries, ignored, rcodes } = responder.counters;
    expect(queries + ignored).toBe(COUNT + Math.ceil(COUNT / 10));
    // They did reach everything.
    for (const code of [0, 1, 3, 4, 5, 16])
      expect({ code, seen: rcodes[code] }).not.toEqual({ code, seen: 0 });
  },
  TIMEOUT_MS,
);

test(
  "the same over a real socket to a real process, UDP and TCP: it answers on, and does not grow",
  async () => {
    await using server = await startDnsProcess();
    const packets = new PacketMaker(7);
    using client = await UdpClient.open(server.port);
    let [asked, answered] = [0, 0];
    const flood = async (most: number): Promise<number> => {
      let count = 0;
      for (; count < most; await Bun.sleep(0)) {
        const queries = Array.from({ length: 50 }, () => packets.next());
        for (const query of queries) {
          client.send(query);
          asked += query.length;
        }
        for (const answer of client.got.splice(0)) {
          expect(answer.length).toBeLessThanOrEqual(1232);
          readAnswer(answer);
          answered += answer.length;
        }
        count += queries.length;
      }
      return count;
    };
    await flood(10_000);
    const before = await server.state();
    const sent = await flood(SOCKET_COUNT);
    for (let n = 0; n < 100; n++) {
      using tcp = await TcpClient.open(server.port);
      const mutated = TcpClient.framed(...Array.from({ length: 5 }, () => packets.next()));
      tcp.write(mutated.subarray(0, 2 + Math.floor(mutated.length * Math.random())));
    }
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(3 * asked);
    const { rss } = await server.state();
    client.got.length = 0;
    await Bun.sleep(100);
    using fresh = await UdpClient.open(server.port);
    expect(readAnswer(await fresh.ask(WEB)).rcode).toBe(0);
    using tcp = await TcpClient.open(server.port);
    tcp.write(TcpClient.framed(WEB));
    expect(await tcp.has(1)).toBe(true);
    const grownMiB = (rss - before.rss) / 2 ** 20;
    console.log(
      `figure: dns fuzz, ${sent} packets over a socket, resident memory grew by ${grownMiB.toFixed(1)} MiB`,
    );
    expect(grownMiB).toBeLessThan(32);
  },
  TIMEOUT_MS,
);
