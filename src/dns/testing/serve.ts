/** Serves the test zone as a process of its own: `bun serve.ts [port] [address] [ttl]`; says its port, then its state at each line it reads. */
import { listenDns } from "../listen.ts";
import { Responder } from "../responder.ts";
import { testZone } from "./zone.ts";

const [port = "0", hostname = "127.0.0.1", ttl = "5"] = process.argv.slice(2);
const responder = new Responder({ zone: testZone(Number(ttl)) });
const servers = await listenDns({ hostname, port: Number(port), responder });
process.stdout.write(`${servers.port}\n`);
process.stdin.on("data", () => {
  Bun.gc(true);
  const { queries, ignored } = responder.counters;
  const rss = process.memoryUsage.rss();
  process.stdout.write(
    `${JSON.stringify({ queries, ignored, rss, connections: servers.tcp.connections })}\n`,
  );
});
