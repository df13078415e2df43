/**
 * The backend behind every data plane: nginx on one worker. `/` is a small answer, `/1k` one of 1 KiB, `/bulk` a large
 * one, `/rpc` answers POSTs as a small gRPC call would be; `http2Port` is the same over cleartext HTTP/2.
 */
import { truncateSync, writeFileSync, mkdirSync } from "node:fs";
import { freePort, start, untilAnswers, type Running } from "./processes.ts";

export interface Backend extends Running {
  readonly port: number;
  readonly http2Port: number;
}

/** Bytes of one answer of `/bulk`. */
export const BULK_BYTES = 256 * 1024 ** 2;

export async function startBackend(folder: string): Promise<Backend> {
  const [port, http2Port] = [freePort(), freePort()];
  mkdirSync(`${folder}/www`, { recursive: true });
  writeFileSync(`${folder}/www/index.html`, "x".repeat(128));
  writeFileSync(`${folder}/www/1k`, "x".repeat(1024));
  // A sparse file: the backend must not be what is measured.
  writeFileSync(`${folder}/www/bulk`, "");
  truncateSync(`${folder}/www/bulk`, BULK_BYTES);
  writeFileSync(
    `${folder}/nginx.conf`,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log crit;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${port} backlog=4096;
    listen 127.0.0.1:${http2Port} http2 backlog=4096;
    root ${folder}/www;
    location = /rpc { default_type application/octet-stream; return 200 "${"x".repeat(32)}"; }
  }
}
`,
  );
  const running = start(["nginx", "-c", `${folder}/nginx.conf`, "-p", folder], {
    log: `${folder}/nginx.out`,
  });
  await untilAnswers(`http://127.0.0.1:${port}/`);
  return { ...running, port, http2Port };
}
