/** The peer: HAProxy, one thread a process as ours has, in TCP or HTTP mode; one hop, or two over mutual TLS. */
import { writeFileSync } from "node:fs";
import { type Plane, planeOnce } from "./plane.ts";
import { freePort, start, untilAnswers, untilListens } from "./processes.ts";
import type { TestIdentities } from "./identities.ts";

export interface HaproxyOptions {
  readonly backendPort: number;
  /** [tcp] `h2` is HTTP mode with cleartext HTTP/2 on both sides. */
  readonly mode?: "tcp" | "http" | "h2";
}

function common(mode: HaproxyOptions["mode"] = "tcp"): string {
  // Connections to the backend are used again as freely as ours are: the peer at its best.
  const http = mode === "tcp" ? "mode tcp" : "mode http\n  http-reuse always\n  timeout http-keep-alive 5m";
  return `global
  nbthread 1
  maxconn 8000
defaults
  ${http}
  timeout connect 10s
  timeout client 5m
  timeout server 5m
`;
}

export async function startHaproxyHop(folder: string, options: HaproxyOptions): Promise<Plane> {
  const { backendPort, mode } = options;
  const port = freePort();
  const proto = mode === "h2" ? " proto h2" : "";
  const file = `${folder}/haproxy-hop-${mode ?? "tcp"}.cfg`;
  writeFileSync(
    file,
    `${common(mode)}
listen hop
  bind 127.0.0.1:${port}${proto}
  server backend 127.0.0.1:${backendPort}${proto}
`,
  );
  const hop = start(["haproxy", "-f", file], { log: `${file}.log` });
  return planeOnce(
    { name: "haproxy", port, processes: [hop] },
    mode === "h2" ? untilListens(port) : untilAnswers(`http://127.0.0.1:${port}/`),
  );
}

export async function startHaproxyPair(
  folder: string,
  options: HaproxyOptions,
  ids: TestIdentities,
): Promise<Plane> {
  const [near, far] = [freePort(), freePort()];
  writeFileSync(`${folder}/ca.pem`, ids.trust);
  writeFileSync(`${folder}/near.pem`, ids.near.client.certificate + ids.near.client.key);
  writeFileSync(`${folder}/far.pem`, ids.far.server.certificate + ids.far.server.key);
  const tls = `ca-file ${folder}/ca.pem verify required`;
  writeFileSync(
    `${folder}/near.cfg`,
    `${common(options.mode)}
listen near
  bind 127.0.0.1:${near}
  server far 127.0.0.1:${far} ssl crt ${folder}/near.pem ${tls} ssl-min-ver TLSv1.3
`,
  );
  writeFileSync(
    `${folder}/far.cfg`,
    `${common(options.mode)}
listen far
  bind 127.0.0.1:${far} ssl crt ${folder}/far.pem ${tls} ssl-min-ver TLSv1.3
  server backend 127.0.0.1:${options.backendPort}
`,
  );
  const processes = ["far", "near"].map((name) =>
    start(["haproxy", "-f", `${folder}/${name}.cfg`], { log: `${folder}/haproxy-${name}.log` }),
  );
  return planeOnce({ name: "haproxy", port: near, processes }, untilAnswers(`http://127.0.0.1:${near}/`));
}
