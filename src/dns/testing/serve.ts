/** Serves the test zone as a process of its own: `bun serve.ts [port] [address]`; says its port, then its state at each line it reads. */
import { Responder } from "../responder.ts";
import { TcpServer } from "../tcp-server.ts";
import { UdpServer } from "../udp-server.ts";
import { testZone } from "./zone.ts";

const [port = "0", hostname = "127.0.0.1"] = process.argv.slice(2);
const responder = new Responder({ zone: testZone() });
const udp = await UdpServer.listen({ hostname, port: Number(port), responder });
const tcp = new TcpServer({ hostname, port: udp.port, responder });
process.stdout.write(`${udp.port}\n`);
process.stdin.on("data", () => {
  Bun.gc(true);
  const { queries, ignored } = responder.counters;
  const rss = process.memoryUsage.rss();
  process.stdout.write(`${JSON.stringify({ queries, ignored, rss, connections: tcp.connections })}\n`);
});
