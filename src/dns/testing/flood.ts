/** Sends queries as fast as it can: `bun flood.ts PORT SECONDS`. For tests. */
import { TYPE } from "../constants.ts";
import { ask } from "./client.ts";

const BATCH = 64;

const [, , port, seconds] = process.argv.map(Number);
const query = ask({ name: "web.default.svc.clusterset.local", type: TYPE.A });
const socket = await Bun.udpSocket({ hostname: "127.0.0.1", socket: { data() {}, error() {} } });
const batch = Array.from({ length: BATCH }, () => [query, port ?? 0, "127.0.0.1"]).flat();
let sent = 0;
for (const endMs = performance.now() + (seconds ?? 1) * 1000; performance.now() < endMs;) {
  try {
    sent += socket.sendMany(batch);
  } catch {
    // The buffer of this side is full.
  }
}
process.stdout.write(`${sent}\n`);
process.exit(0);
