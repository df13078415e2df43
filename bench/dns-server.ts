/**
 * What `isthmus dns run` runs, without a cluster: src/dns and generated services, 100 of which change each second.
 * `bun bench/dns-server.ts PORT`.
 */
import { listenDns } from "#dns/listen.ts";
import { Responder } from "#dns/responder.ts";
import { Zone } from "#dns/zone.ts";
import { ORIGIN, recordsOf, SERVICES } from "./dns-zone.ts";

const CHANGE_EVERY_MS = 10;

const port = Number(process.argv[2]);
const zone = new Zone({ origin: ORIGIN, ttl: 5, now: () => Date.now() });
for (let index = 0; index < SERVICES; index++) zone.set(`s${index}`, recordsOf(index));
const responder = new Responder({ zone });
const servers = await listenDns({ hostname: "127.0.0.1", port, responder });
let changes = 0;
setInterval(() => {
  changes++;
  const index = (changes * 7919) % SERVICES;
  zone.set(`s${index}`, recordsOf(index, changes));
}, CHANGE_EVERY_MS);
process.stdout.write(`${servers.port}\n`);
