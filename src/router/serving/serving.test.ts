import { expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { createServerCertificate } from "#pki/tls-server.ts";
import type { RouterConfig } from "../config.ts";
import { Rig, eventually, listenPort, SERVICE, service } from "../testing/routers.ts";

const site = { id: "a", name: "a" };

/** An HTTP/1.1 pod that answers each request with its name and the path it saw. */
function httpPod(rig: Rig, name: string): { readonly port: number } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => new Response(`${name} ${new URL(request.url).pathname}`),
  });
  rig.defer(() => void server.stop(true));
  return { port: server.port as number };
}

function listener(
  protocol: "tcp" | "http" | "http2" | "auto",
  more: Partial<NonNullable<RouterConfig["listeners"]>[number]> = {},
): NonNullable<RouterConfig["listeners"]>[number] {
  return { service: SERVICE, port: 8080, listen: "127.0.0.1:0", protocol, ...more };
}

const REQUEST = "GET /x HTTP/1.1\r\nHost: app\r\n\r\n";

for (const protocol of ["http", "auto"] as const) {
  test(`${protocol}: the requests of one connection are spread over all pods`, async () => {
    using rig = new Rig();
    const pods = ["p0", "p1", "p2"].map((name) => httpPod(rig, name));
    const router = rig.router({ site, listeners: [listener(protocol)], services: [service(pods)] });
    const client = await rig.client(listenPort(router));
    const counts: Record<string, number> = {};
    for (let n = 1; n <= 30; n++) {
      client.send(REQUEST);
      await client.until((one) => one.text.split(" /x").length === n + 1);
    }
    for (const [, name] of client.text.matchAll(/(p\d) \/x/g))
      counts[name ?? ""] = (counts[name ?? ""] ?? 0) + 1;
    expect(counts).toEqual({ p0: 10, p1: 10, p2: 10 });
    client.fin();
    await client.ended();
    await eventually(() => router.flows.size === 0);
  });
}

test("auto: a server that speaks first is heard at once, and keeps the connection", async () => {
  using rig = new Rig();
  const pods = ["p0", "p1"].map((name) => rig.backend(name));
  const router = rig.router({ site, listeners: [listener("auto")], services: [service(pods)] });
  const counts: Record<string, number> = {};
  let slowestMs = 0;
  for (let n = 0; n < 10; n++) {
    const started = performance.now();
    const client = await rig.client(listenPort(router));
    await client.until((one) => one.text.includes("\n"));
    slowestMs = Math.max(slowestMs, performance.now() - started);
    const name = client.text.trim();
    counts[name] = (counts[name] ?? 0) + 1;
    client.send("SELECT 1");
    await client.until((one) => one.text.endsWith("SELECT 1"));
    client.fin();
    await client.ended();
    expect(client.ending).toBe("fin");
  }
  console.log(`figure: a greeting passed after at most ${slowestMs.toFixed(1)} ms`);
  expect(counts).toEqual({ p0: 5, p1: 5 });
  await eventually(() => router.flows.size === 0);
  expect(router.metrics()).toContain(
    'isthmus_service_endpoints{service="default/app",site="a",ready="true"} 2',
  );
});

test("auto: a client that speaks first, and no HTTP, is passed on as it is", async () => {
  using rig = new Rig();
  const router = rig.router({ site, listeners: [listener("auto")], services: [service([rig.backend()])] });
  for (const waitMs of [0, 30]) {
    const client = await rig.client(listenPort(router));
    await Bun.sleep(waitMs);
    client.send("PI");
    await Bun.sleep(5);
    client.send("NG\r\n");
    await client.until((one) => one.text === "PING\r\n");
    client.fin();
    await client.ended();
    expect(client.ending).toBe("fin");
  }
  await eventually(() => router.flows.size === 0);
});

test("auto: HTTP after a pause is HTTP still", async () => {
  using rig = new Rig();
  const router = rig.router({
    site,
    listeners: [listener("auto")],
    services: [service([httpPod(rig, "p0")])],
  });
  const client = await rig.client(listenPort(router));
  await Bun.sleep(50);
  client.send(REQUEST.slice(0, 10));
  await Bun.sleep(20);
  client.send(REQUEST.slice(10) + REQUEST);
  await client.until((one) => one.text.split("p0 /x").length === 3);
  expect(router.metrics()).toMatch(/isthmus_requests_total\{.*code_class="2xx"\} 2\n/);
});

test("auto: with no endpoint the client is reset, and one that leaves early leaves nothing", async () => {
  using rig = new Rig();
  const gone = rig.backend();
  gone.stop();
  const router = rig.router({ site, listeners: [listener("auto")], services: [service([gone])] });
  const client = await rig.client(listenPort(router));
  await client.ended();
  expect(client.ending).toBe("reset");
  const early = await rig.client(listenPort(router));
  early.reset();
  await eventually(() => router.flows.size === 0);
});

test("TLS ends at the listener", async () => {
  using rig = new Rig();
  const { ca, certificate, key } = await createServerCertificate({
    hosts: ["localhost"],
    now: Date.now(),
    days: 1,
  });
  const router = rig.router({
    site,
    listeners: [listener("http", { tls: { certificate, key } })],
    services: [service([httpPod(rig, "p0")])],
  });
  const answer = await fetch(`https://localhost:${listenPort(router)}/secret`, { tls: { ca } });
  expect(await answer.text()).toBe("p0 /secret");
});

const curl = Bun.which("curl");
if (curl === null) console.log("notice: curl is not installed: HTTP/2 over TLS is not tried from outside");

test.skipIf(curl === null)(
  "HTTP/2 over TLS: ALPN offers what the endpoints speak, and the streams go there",
  async () => {
    using rig = new Rig();
    const { ca, certificate, key } = await createServerCertificate({
      hosts: ["localhost"],
      now: Date.now(),
      days: 1,
    });
    const folder = mkdtempSync(`${tmpdir()}/isthmus-serving-`);
    rig.defer(() => rmSync(folder, { recursive: true }));
    writeFileSync(`${folder}/ca.pem`, ca);
    const pod = createServer((request, response) => {
      response.end(`h2 ${request.url} from ${request.headers["x-forwarded-proto"] as string}`);
    });
    rig.defer(() => void pod.close());
    pod.listen(0, "127.0.0.1");
    await once(pod, "listening");
    const { port } = pod.address() as AddressInfo;
    const router = rig.router({
      site,
      listeners: [listener("http2", { tls: { certificate, key } })],
      services: [service([{ port }])],
    });
    const child = Bun.spawn({
      cmd: [
        "curl",
        "-sS",
        "--http2",
        "--max-time",
        "5",
        "--cacert",
        `${folder}/ca.pem`,
        "-w",
        " over %{http_version}",
        `https://localhost:${listenPort(router)}/secret`,
      ],
      stdout: "pipe",
      stderr: "pipe",
    });
    const [text, problem] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect({ text, problem }).toEqual({ text: "h2 /secret from https over 2", problem: "" });
  },
);

test("the entry finds services by path, and cuts the prefix off", async () => {
  using rig = new Rig();
  const port = freePort();
  const config = (stripPrefix: boolean): RouterConfig => ({
    site,
    entry: {
      listen: `127.0.0.1:${port}`,
      routes: [
        { path: "/c1/shop", service: SERVICE, port: 8080, stripPrefix },
        { path: "/c1/other", pathType: "Exact", service: "default/other", port: 8080 },
      ],
    },
    services: [service([httpPod(rig, "shop")]), service([httpPod(rig, "other")], "default/other")],
  });
  const router = rig.router(config(true));
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return answer.ok ? await answer.text() : String(answer.status);
  };
  expect(await get("/c1/shop/a/b?c=d")).toBe("shop /a/b");
  expect(await get("/c1/shop")).toBe("shop /");
  expect(await get("/c1/shop?x=1")).toBe("shop /");
  expect(await get("/c1/other")).toBe("other /");
  expect(await get("/c1/shopping")).toBe("404");
  expect(await get("/c1/other/more")).toBe("404");
  expect(router.apply(config(false))).toEqual([]);
  expect(await get("/c1/shop/a")).toBe("shop /c1/shop/a");
});

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop();
  return port;
}
