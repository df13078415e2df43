/** `isthmus dns run` in service: what it shows of itself, how it ends, and what its clients notice of that and of an API server that is away. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TYPE } from "#dns/constants.ts";
import { ask, readAnswer } from "#dns/testing/client.ts";
import { TcpClient } from "#dns/testing/tcp-client.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { DnsCommand, lookUp, untilAnswer } from "./lib/dns-command.ts";
import { ImportServer } from "./lib/import-server.ts";

const WEB = "web.shop.svc.clusterset.local";
/** How long the API server is away, s: 600 is a night's outage, and a long test. */
const AWAY_SECONDS = Number(process.env["ISTHMUS_DNS_AWAY_SECONDS"] ?? 10);
const METRICS = ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
let api: ImportServer;

beforeAll(async () => {
  api = await ImportServer.start();
  await api.importService("shop", "web", { type: "ClusterSetIP", ips: ["10.1.2.3"], ports: [] });
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

async function get(port: number, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, text: await answer.text() };
}

/** A sample of the page; undefined when it has none. */
function sample(text: string, name: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

test("metrics count queries by transport and type, answers by code, and what was not answered; they are lint-free", async () => {
  await using dns = new DnsCommand(METRICS, api.config);
  using client = await UdpClient.open(await dns.port);
  await untilAnswer(client, { name: WEB, as: ({ answers }) => answers.length === 1 });
  const port = await dns.metricsPort;
  const before = (await get(port, "/metrics")).text;
  for (const [name, type] of [
    [WEB, "A"],
    [WEB, "SRV"],
    ["none.shop.svc.clusterset.local", "AAAA"],
    ["example.com", "A"],
    ["clusterset.local", "AXFR"],
  ] as const)
    await lookUp(client, name, type);
  const answer = ask({ name: WEB, type: TYPE.A });
  answer[2] = 0x80;
  for (const bytes of [answer, new Uint8Array(3)]) client.send(bytes);
  using tcp = await TcpClient.open(await dns.port);
  tcp.write(TcpClient.framed(ask({ name: WEB, type: 64_000 })));
  expect(await tcp.has(1)).toBe(true);
  const { text } = await get(port, "/metrics");
  const grown = (name: string): number => (sample(text, name) ?? 0) - (sample(before, name) ?? 0);
  expect(
    Object.fromEntries(
      [
        'isthmus_dns_queries_total{transport="udp",type="A"}',
        'isthmus_dns_queries_total{transport="udp",type="SRV"}',
        'isthmus_dns_queries_total{transport="udp",type="AAAA"}',
        'isthmus_dns_queries_total{transport="tcp",type="other"}',
        'isthmus_dns_responses_total{rcode="NOERROR"}',
        'isthmus_dns_responses_total{rcode="NXDOMAIN"}',
        'isthmus_dns_responses_total{rcode="REFUSED"}',
        'isthmus_dns_refused_total{reason="zone"}',
        'isthmus_dns_refused_total{reason="transfer"}',
        'isthmus_dns_dropped_total{reason="answer"}',
        'isthmus_dns_dropped_total{reason="short"}',
        "isthmus_dns_tcp_connections",
      ].map((name) => [name.replace(/^isthmus_dns_/, ""), grown(name)]),
    ),
  ).toEqual({
    'queries_total{transport="udp",type="A"}': 2,
    'queries_total{transport="udp",type="SRV"}': 1,
    'queries_total{transport="udp",type="AAAA"}': 1,
    'queries_total{transport="tcp",type="other"}': 1,
    'responses_total{rcode="NOERROR"}': 3,
    'responses_total{rcode="NXDOMAIN"}': 1,
    'responses_total{rcode="REFUSED"}': 2,
    'refused_total{reason="zone"}': 1,
    'refused_total{reason="transfer"}': 1,
    'dropped_total{reason="answer"}': 1,
    'dropped_total{reason="short"}': 1,
    tcp_connections: 1,
  });
  expect(sample(text, "isthmus_dns_zone_names")).toBeGreaterThan(4);
  expect(sample(text, "isthmus_dns_zone_serial")).toBeGreaterThan(0);
  expect(sample(text, "isthmus_dns_zone_change_timestamp_seconds")).toBeCloseTo(Date.now() / 1000, -3);
  const promtool = Bun.which("promtool");
  if (promtool === null)
    console.log("notice: promtool is not installed, its check of the metrics is skipped");
  else {
    const lint = Bun.spawn([promtool, "check", "metrics"], {
      stdin: new Blob([text]),
      stderr: "pipe",
      stdout: "pipe",
    });
    const said = await new Response(lint.stderr).text();
    expect({ code: await lint.exited, said }).toEqual({ code: 0, said: "" });
  }
}, 30_000);

test("it is ready when it has read the imports, and stays so while the API server is away", async () => {
  api.proxy.goSilent();
  await using dns = new DnsCommand(METRICS, api.config);
  const port = await dns.metricsPort;
  using client = await UdpClient.open(await dns.port);
  expect((await get(port, "/readyz")).status).toBe(503);
  expect((await get(port, "/healthz")).status).toBe(200);
  expect(sample((await get(port, "/metrics")).text, "isthmus_dns_ready")).toBe(0);
  api.proxy.recover();
  await untilAnswer(client, { name: WEB, as: ({ answers }) => answers.length === 1 });
  expect((await get(port, "/readyz")).status).toBe(200);
  api.proxy.goSilent();
  api.proxy.cut();
  await Bun.sleep(300);
  expect((await get(port, "/readyz")).status).toBe(200);
  api.proxy.recover();
}, 30_000);

test("after SIGTERM it is not ready, answers on for its drain, and ends with 0", async () => {
  await using dns = new DnsCommand([...METRICS, "--drain", "4s"], api.config);
  const port = await dns.metricsPort;
  using client = await UdpClient.open(await dns.port);
  await untilAnswer(client, { name: WEB, as: ({ answers }) => answers.length === 1 });
  const startMs = performance.now();
  dns.kill("SIGTERM");
  for (let status = 200; status !== 503; await Bun.sleep(10)) ({ status } = await get(port, "/readyz"));
  expect((await lookUp(client, WEB)).answers).toHaveLength(1);
  expect((await dns.ended()).code).toBe(0);
  expect(performance.now() - startMs).toBeGreaterThan(3950);
}, 30_000);

test("one of two servers is started again: who asks the other when one does not know gets every name", async () => {
  await using stays = new DnsCommand(["--listen", "127.0.0.1:0"], api.config);
  const goes = new DnsCommand(["--listen", "127.0.0.1:0", "--drain", "200ms"], api.config);
  const ports = [await goes.port, await stays.port];
  for (const port of ports) {
    using client = await UdpClient.open(port);
    await untilAnswer(client, { name: WEB, as: ({ answers }) => answers.length === 1 });
  }
  const replaced = goes.ended().then(() => new DnsCommand(["--listen", `127.0.0.1:${ports[0]}`], api.config));
  goes.kill("SIGTERM");
  let [asked, failed, second] = [0, 0, 0];
  for (const endMs = performance.now() + 3000; performance.now() < endMs; asked++) {
    const order = asked % 2 === 0 ? ports : ports.toReversed();
    const found = await firstAnswer(order);
    if (found === undefined) failed++;
    else if (found === 1) second++;
  }
  await using _ = await replaced;
  console.log(
    `figure: dns, one server of two was started again: ${asked} look-ups, ${second} answered by the other, ${failed} failed`,
  );
  expect(failed).toBe(0);
}, 30_000);

/** Which of the servers knew, when they are asked one after another; undefined when none. */
async function firstAnswer(ports: readonly number[]): Promise<number | undefined> {
  for (const [index, port] of ports.entries()) {
    using client = await UdpClient.open(port);
    client.send(ask({ name: WEB, type: TYPE.A }));
    const [answer] = (await client.has(1, 200)) ? client.got : [];
    if (answer !== undefined && readAnswer(answer).answers.length === 1) return index;
  }
  return undefined;
}

test("300 ready endpoints of two clusters: truncated over UDP, all over TCP, each by its name", async () => {
  const addresses = Array.from({ length: 300 }, (_, n) => `10.9.${n >> 7}.${n & 127}`);
  await api.importService("shop", "big", { type: "Headless", ports: [{ name: "http", port: 8080 }] });
  for (let from = 0; from < 300; from += 100)
    await api.addSlice("big", {
      cluster: from < 200 ? "c1" : "c2",
      addresses: addresses.slice(from, from + 100),
    });
  await using dns = new DnsCommand(["--listen", "127.0.0.1:0"], api.config);
  using client = await UdpClient.open(await dns.port);
  const name = "big.shop.svc.clusterset.local";
  await untilAnswer(client, { name: `pod-10-9-2-43.c2.${name}`, as: ({ answers }) => answers.length === 1 });
  expect(await lookUp(client, name)).toMatchObject({ rcode: 0, tc: true, answers: [] });
  using tcp = await TcpClient.open(await dns.port);
  tcp.write(
    TcpClient.framed(ask({ name, type: TYPE.A }), ask({ name: `_http._tcp.${name}`, type: TYPE.SRV })),
  );
  expect(await tcp.has(2)).toBe(true);
  const [a, srv] = tcp.got.map(readAnswer);
  expect(a?.answers.map(({ data }) => data).toSorted()).toEqual(addresses.toSorted());
  expect(srv?.answers).toHaveLength(300);
  expect(srv?.answers.map(({ data }) => data)).toContain(`0 100 8080 pod-10-9-0-0.c1.${name}`);
});

test(
  `an API server that is away for ${AWAY_SECONDS} s: every name resolves, and what changed meanwhile is there after it`,
  async () => {
    await using dns = new DnsCommand(["--listen", "127.0.0.1:0"], api.config);
    using client = await UdpClient.open(await dns.port);
    await untilAnswer(client, { name: WEB, as: ({ answers }) => answers[0]?.data === "10.1.2.3" });
    api.proxy.goSilent();
    api.proxy.cut();
    await api.setIps("web", ["10.1.2.4"]);
    let asked = 0;
    for (const endMs = performance.now() + AWAY_SECONDS * 1000; performance.now() < endMs; asked++) {
      expect((await lookUp(client, WEB)).answers[0]?.data).toBe("10.1.2.3");
      expect((await lookUp(client, "none.shop.svc.clusterset.local")).rcode).toBe(3);
      await Bun.sleep(50);
    }
    api.proxy.recover();
    const tookMs = await untilAnswer(client, {
      name: WEB,
      as: ({ answers }) => answers[0]?.data === "10.1.2.4",
      timeoutMs: 20_000,
    });
    console.log(
      `figure: dns, API server away for ${AWAY_SECONDS} s: ${2 * asked} look-ups, none failed; caught up ${tookMs.toFixed(0)} ms after it was back`,
    );
  },
  (AWAY_SECONDS + 40) * 1000,
);
