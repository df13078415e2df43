/**
 * The workload `isthmus/echo`: an HTTP server that says who answered. It stands alone (imports nothing), so that it
 * starts in a few milliseconds. It listens on POD_IP:PORT (8080).
 *
 *   /healthz      200 "ok"; 503 while it is ending
 *   /delay/<ms>   the usual answer, later
 *   /bytes/<n>    n bytes
 *   /headers      the usual answer with the request's headers
 *   anything else {pod, namespace, cluster, method, path}, or the text ECHO_TEXT and a line feed where that is set
 *
 * With ACCESS_LOG=1 each request but /healthz has a line on standard output, in the common log format. Every answer has the header
 * `x-pod`. On SIGTERM it does what a good server does: for DRAIN_MS (250) it still takes
 * connections, as not everybody has heard yet that it goes, and says `connection: close`; then it takes no more,
 * finishes what is under way, and ends.
 */
const pod = process.env.POD_NAME ?? process.env.HOSTNAME ?? "";
const who = {
  pod,
  namespace: process.env.POD_NAMESPACE ?? "",
  cluster: process.env.CLUSTER_NAME ?? "",
};
const TEXT = process.env.ECHO_TEXT;
const BLOCK = new Uint8Array(65_536).fill(120);
const MAX_DELAY_MS = 600_000;
const ACCESS_LOG = process.env.ACCESS_LOG === "1";
const DRAIN_MS = Number(process.env.DRAIN_MS ?? 250);

let ending = false;

function reply(request: Request): Response {
  return TEXT === undefined ? describe(request) : new Response(`${TEXT}\n`, { headers: headers() });
}

function describe(request: Request, extra: Record<string, unknown> = {}): Response {
  const { pathname } = new URL(request.url);
  return Response.json({ ...who, method: request.method, path: pathname, ...extra }, { headers: headers() });
}

/** Once it is ending, connections that were kept open are told to go. */
function headers(): Record<string, string> {
  return ending ? { "x-pod": pod, connection: "close" } : { "x-pod": pod };
}

function bytes(count: number): Response {
  let left = count;
  const body = new ReadableStream<Uint8Array>({
    type: "bytes",
    pull(controller) {
      const chunk = new Uint8Array(BLOCK.subarray(0, Math.min(left, BLOCK.length)));
      left -= chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      if (left === 0) controller.close();
    },
  });
  return new Response(count === 0 ? null : body, {
    headers: { ...headers(), "content-type": "application/octet-stream", "content-length": String(count) },
  });
}

const server = Bun.serve({
  hostname: process.env.POD_IP ?? "127.0.0.1",
  port: Number(process.env.PORT ?? 8080),
  idleTimeout: 0,
  development: false,
  // Else two processes share the port, and a request comes to either.
  reusePort: false,
  async fetch(request) {
    const path = request.url.slice(request.url.indexOf("/", 8));
    if (path === "/healthz")
      return new Response(ending ? "ending" : "ok", { status: ending ? 503 : 200, headers: headers() });
    if (ACCESS_LOG) {
      const { address = "-" } = server.requestIP(request) ?? {};
      process.stdout.write(
        `${address} - - [${new Date().toISOString()}] "${request.method} ${path} HTTP/1.1" 200 -\n`,
      );
    }
    if (path === "/headers") return describe(request, { headers: Object.fromEntries(request.headers) });
    const [, verb, value] = /^\/(delay|bytes)\/(\d{1,12})(?:[?#]|$)/.exec(path) ?? [];
    if (verb === "bytes") return bytes(Number(value));
    if (verb === "delay") await Bun.sleep(Math.min(Number(value), MAX_DELAY_MS));
    return reply(request);
  },
});
process.stdout.write(`listening on ${server.hostname}:${server.port}\n`);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    if (ending) process.exit(1);
    ending = true;
    setTimeout(() => void server.stop().then(() => process.exit(0)), DRAIN_MS);
  });
}
