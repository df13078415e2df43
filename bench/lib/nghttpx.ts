/** A peer for HTTP/2: nghttpx, one worker, cleartext HTTP/2 on both sides. */
import { type Plane, planeOnce } from "./plane.ts";
import { freePort, start, untilListens } from "./processes.ts";

export async function startNghttpxHop(folder: string, backendPort: number): Promise<Plane> {
  const port = freePort();
  const hop = start(
    [
      "nghttpx",
      "--conf=/dev/null",
      "--workers=1",
      `--frontend=127.0.0.1,${port};no-tls`,
      `--backend=127.0.0.1,${backendPort};;proto=h2`,
      "--errorlog-file=/dev/null",
      "--accesslog-file=",
    ],
    { log: `${folder}/nghttpx.out` },
  );
  return planeOnce({ name: "nghttpx", port, processes: [hop] }, untilListens(port));
}
