/**
 * Servers under the DNS bench: ours, and those of Debian that are installed, each with one worker and the same zone, all on one core where
 * there are two: the other is the load's.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { ORIGIN } from "./dns-zone.ts";
import { freePort, start, type Running } from "./lib/processes.ts";

const TASKSET = availableParallelism() > 1 ? Bun.which("taskset") : null;

/** A command that runs on the core of the servers, or on that of the load; as it is where cores cannot be chosen. */
export function pinned(command: readonly string[], to: "servers" | "load"): string[] {
  return TASKSET === null ? [...command] : [TASKSET, "-c", to === "servers" ? "0" : "1", ...command];
}

export interface DnsPlane {
  readonly name: "isthmus" | "nsd" | "knot" | "bind";
  readonly port: number;
  readonly process: Running;
}

export function startOurs(folder: string): DnsPlane {
  const port = freePort();
  const command = [process.execPath, new URL("./dns-server.ts", import.meta.url).pathname, String(port)];
  return {
    name: "isthmus",
    port,
    process: start(pinned(command, "servers"), { log: `${folder}/isthmus.log` }),
  };
}

/** `folder` holds `zone.txt`. Peers that are not installed are left out. */
export function startPeers(folder: string): DnsPlane[] {
  const peers = [
    ["nsd", "nsd", startNsd],
    ["knot", "knotd", startKnot],
    ["bind", "named", startBind],
  ] as const;
  return peers.flatMap(([name, program, startPeer]) => {
    const path = Bun.which(program, { PATH: `${process.env["PATH"]}:/usr/sbin` });
    if (path === null) return [];
    const own = `${folder}/${name}`;
    mkdirSync(own);
    const port = freePort();
    return [{ name, port, process: startPeer(path, { folder, own, port }) }];
  });
}

interface Place {
  readonly folder: string;
  readonly own: string;
  readonly port: number;
}

function startNsd(path: string, { folder, own, port }: Place): Running {
  writeFileSync(
    `${own}/nsd.conf`,
    `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: "${own}/pid"
  xfrdfile: "${own}/xfrd"
  xfrdir: "${own}"
  zonelistfile: "${own}/zones"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: ${ORIGIN}
  zonefile: zone.txt
`,
  );
  return start(pinned([path, "-d", "-c", `${own}/nsd.conf`], "servers"), { log: `${own}/log` });
}

function startKnot(path: string, { folder, own, port }: Place): Running {
  writeFileSync(
    `${own}/knot.conf`,
    `server:
  rundir: "${own}"
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "${own}"
log:
  - target: stderr
    any: warning
zone:
  - domain: ${ORIGIN}
    file: "${folder}/zone.txt"
    storage: "${own}"
    journal-content: none
    zonefile-sync: -1
`,
  );
  return start(pinned([path, "-c", `${own}/knot.conf`, "-s", `${own}/socket`], "servers"), {
    log: `${own}/log`,
  });
}

function startBind(path: string, { folder, own, port }: Place): Running {
  writeFileSync(
    `${own}/named.conf`,
    `options {
  directory "${own}";
  pid-file none;
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  minimal-responses yes;
  dnssec-validation no;
  notify no;
};
controls { };
zone "${ORIGIN}" { type primary; file "${folder}/zone.txt"; };
`,
  );
  return start(pinned([path, "-f", "-n", "1", "-c", `${own}/named.conf`], "servers"), { log: `${own}/log` });
}
