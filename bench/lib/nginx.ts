/** Another peer: nginx as a proxy, one worker, with connections to the backend kept. */
import { writeFileSync } from "node:fs";
import { type Plane, planeOnce } from "./plane.ts";
import { freePort, start, untilAnswers } from "./processes.ts";

export async function startNginxHop(folder: string, backendPort: number): Promise<Plane> {
  const port = freePort();
  writeFileSync(
    `${folder}/nginx-hop.conf`,
    `daemon off; worker_processes 1; pid ${folder}/nginx-hop.pid; error_log ${folder}/nginx-hop.log crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 5m;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  );
  const hop = start(["nginx", "-c", `${folder}/nginx-hop.conf`, "-p", folder], {
    log: `${folder}/nginx-hop.out`,
  });
  return planeOnce({ name: "nginx", port, processes: [hop] }, untilAnswers(`http://127.0.0.1:${port}/`));
}
