/** The peer: HAProxy in TCP mode, one thread a process as ours has; one hop, or two over mutual TLS. */
import { writeFileSync } from "node:fs";
import type { Plane } from "./plane.ts";
import { freePort, start, untilAnswers } from "./processes.ts";
import type { TestIdentities } from "./identities.ts";

const GLOBAL = `global
  nbthread 1
  maxconn 8000
defaults
  mode tcp
  timeout connect 2s
  timeout client 5m
  timeout server 5m
`;

export async function startHaproxyHop(folder: string, backendPort: number): Promise<Plane> {
  const port = freePort();
  writeFileSync(
    `${folder}/haproxy.cfg`,
    `${GLOBAL}
listen hop
  bind 127.0.0.1:${port}
  server backend 127.0.0.1:${backendPort}
`,
  );
  const hop = start(["haproxy", "-f", `${folder}/haproxy.cfg`], { log: `${folder}/haproxy.log` });
  await untilAnswers(`http://127.0.0.1:${port}/`);
  return { name: "haproxy", port, processes: [hop] };
}

export async function startHaproxyPair(
  folder: string,
  backendPort: number,
  ids: TestIdentities,
): Promise<Plane> {
  const [near, far] = [freePort(), freePort()];
  writeFileSync(`${folder}/ca.pem`, ids.trust);
  writeFileSync(`${folder}/near.pem`, ids.near.client.certificate + ids.near.client.key);
  writeFileSync(`${folder}/far.pem`, ids.far.server.certificate + ids.far.server.key);
  const tls = `ca-file ${folder}/ca.pem verify required`;
  writeFileSync(
    `${folder}/near.cfg`,
    `${GLOBAL}
listen near
  bind 127.0.0.1:${near}
  server far 127.0.0.1:${far} ssl crt ${folder}/near.pem ${tls} ssl-min-ver TLSv1.3
`,
  );
  writeFileSync(
    `${folder}/far.cfg`,
    `${GLOBAL}
listen far
  bind 127.0.0.1:${far} ssl crt ${folder}/far.pem ${tls} ssl-min-ver TLSv1.3
  server backend 127.0.0.1:${backendPort}
`,
  );
  const processes = ["far", "near"].map((name) =>
    start(["haproxy", "-f", `${folder}/${name}.cfg`], { log: `${folder}/haproxy-${name}.log` }),
  );
  await untilAnswers(`http://127.0.0.1:${near}/`);
  return { name: "haproxy", port: near, processes };
}
