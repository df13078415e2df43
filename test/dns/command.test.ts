/** `isthmus dns run` as a process in front of an API server that can go away. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { DnsCommand, lookUp, untilAnswer } from "./lib/dns-command.ts";
import { ImportServer } from "./lib/import-server.ts";

const WEB = "web.shop.svc.clusterset.local";
let api: ImportServer;

beforeAll(async () => {
  api = await ImportServer.start();
  const ports = [
    { name: "http", port: 8080 },
    { name: "dns", protocol: "UDP", port: 53 },
  ];
  await api.importService("shop", "web", { type: "ClusterSetIP", ips: ["10.1.2.3", "fd00::3"], ports });
  await api.importService("shop", "headless", { type: "Headless", ports: [] });
  await api.importService("other", "web", { type: "ClusterSetIP", ips: ["10.9.9.9"], ports: [] });
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

test("an imported service has A, AAAA and SRV; TTL and zone are as asked for; Ctrl-C ends it with 0", async () => {
  await using dns = new DnsCommand(
    ["--listen", "127.0.0.1:0", "--ttl", "17", "--zone", "mesh.example"],
    api.config,
  );
  using client = await UdpClient.open(await dns.port);
  const name = "web.shop.svc.mesh.example";
  await untilAnswer(client, { name, as: ({ answers }) => answers[0]?.data === "10.1.2.3" });
  expect((await lookUp(client, name)).answers[0]?.ttl).toBe(17);
  expect((await lookUp(client, name, "AAAA")).answers[0]?.data).toBe("fd00:0:0:0:0:0:0:3");
  expect((await lookUp(client, `_http._tcp.${name}`, "SRV")).answers[0]?.data).toBe(`0 100 8080 ${name}`);
  expect((await lookUp(client, `_dns._udp.${name}`, "SRV")).answers[0]?.data).toBe(`0 100 53 ${name}`);
  expect((await lookUp(client, "dns-version.mesh.example", "TXT")).answers[0]?.data).toBe("1.1.0");
  const none = await lookUp(client, `none.${name}`);
  expect(none).toMatchObject({ rcode: 3, authorities: [{ name: "mesh.example", ttl: 17 }] });
  expect((await lookUp(client, WEB)).rcode).toBe(5);
  dns.kill("SIGINT");
  const { code, stdout, stderr } = await dns.ended();
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr.trimEnd().split("\n").at(-1)).toContain('"Stopping"');
});

test("one namespace, unless all are asked for; a headless service without ready endpoints has no name", async () => {
  await using one = new DnsCommand(["--listen", "127.0.0.1:0"], api.config);
  await using all = new DnsCommand(["--listen", "127.0.0.1:0", "--all-namespaces"], api.config);
  using ofOne = await UdpClient.open(await one.port);
  using ofAll = await UdpClient.open(await all.port);
  const other = "web.other.svc.clusterset.local";
  for (const client of [ofOne, ofAll])
    await untilAnswer(client, { name: WEB, as: ({ answers }) => answers.length === 1 });
  expect((await lookUp(ofOne, other)).rcode).toBe(3);
  await untilAnswer(ofAll, { name: other, as: ({ answers }) => answers[0]?.data === "10.9.9.9" });
  expect((await lookUp(ofAll, "headless.shop.svc.clusterset.local")).rcode).toBe(3);
});

test("SERVFAIL before it has data; then it answers, also while the API server is away, and follows changes at once", async () => {
  api.proxy.goSilent();
  await using dns = new DnsCommand(["--listen", "127.0.0.1:0"], api.config);
  using client = await UdpClient.open(await dns.port);
  for (const name of [WEB, "none.shop.svc.clusterset.local", "clusterset.local"])
    expect((await lookUp(client, name)).rcode).toBe(2);
  expect((await lookUp(client, "example.com")).rcode).toBe(5);
  api.proxy.recover();
  await untilAnswer(client, { name: WEB, as: ({ rcode, answers }) => rcode === 0 && answers.length === 1 });

  const times: number[] = [];
  for (let n = 1; n <= 20; n++) {
    const address = `10.1.2.${n}`;
    await api.setIps("web", [address]);
    times.push(await untilAnswer(client, { name: WEB, as: ({ answers }) => answers[0]?.data === address }));
  }
  times.sort((a, b) => a - b);
  const [median = 0, most = 0] = [times[10], times.at(-1)];
  console.log(
    `figure: dns, a changed import is answered ${median.toFixed(1)} ms (median) after the API's answer, at most ${most.toFixed(1)} ms`,
  );
  expect(median).toBeLessThan(100);

  api.proxy.goSilent();
  api.proxy.cut();
  await api.setIps("web", ["10.1.2.99"]);
  for (let n = 0; n < 20; n++) {
    expect((await lookUp(client, WEB)).answers[0]?.data).toBe("10.1.2.20");
    await Bun.sleep(20);
  }
  api.proxy.recover();
  await untilAnswer(client, {
    name: WEB,
    as: ({ answers }) => answers[0]?.data === "10.1.2.99",
    timeoutMs: 20_000,
  });
}, 60_000);

test("an import that is changed into what DNS cannot have, or deleted, is gone; the others stay", async () => {
  await using dns = new DnsCommand(["--listen", "127.0.0.1:0"], api.config);
  using client = await UdpClient.open(await dns.port);
  const name = "short.shop.svc.clusterset.local";
  await api.importService("shop", "short", { type: "ClusterSetIP", ips: ["10.3.3.3"], ports: [] });
  await untilAnswer(client, { name, as: ({ answers }) => answers.length === 1 });
  await api.setIps("short", ["no address"]);
  await untilAnswer(client, { name, as: ({ rcode }) => rcode === 3 });
  await api.setIps("short", ["10.3.3.4"]);
  await untilAnswer(client, { name, as: ({ answers }) => answers.length === 1 });
  await api.deleteImport("short");
  await untilAnswer(client, { name, as: ({ rcode }) => rcode === 3 });
  expect((await lookUp(client, WEB)).answers).toHaveLength(1);
});

test("what is wrong is said in one line with a hint", async () => {
  const other = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const cases: [words: string[], code: number, error: string, hint: string][] = [
    [
      ["--listen", "here"],
      2,
      'Cannot listen on "here": expected HOST:PORT',
      "isthmus dns run --listen 127.0.0.1:5353",
    ],
    [["--listen", "127.0.0.1:"], 2, "expected HOST:PORT", "isthmus dns run"],
    [["--listen", "127.0.0.1:65536"], 2, "expected HOST:PORT", "isthmus dns run"],
    [["--listen", "::1:53"], 2, "expected HOST:PORT", "isthmus dns run"],
    [["--listen", `127.0.0.1:${other.port}`], 1, "the address is in use", `'sport = :${other.port}'`],
    [["--listen", "203.0.113.1:5353"], 2, "EADDRNOTAVAIL", "Give an address of this machine"],
    [["--context", "nowhere"], 1, 'Context "nowhere" is not in the kubeconfig', "--context NAME"],
    [["--zone", "a..b"], 2, '"a..b" is no name for DNS', "1 to 63 bytes"],
    [["--zone", "."], 2, "is no name for DNS", "1 to 63 bytes"],
    [["--ttl", "3601"], 2, "Expected a whole number from 0 to 3600", "--help"],
  ];
  await Promise.all(
    cases.map(async ([words, code, error, hint]) => {
      await using dns = new DnsCommand(words, api.config);
      const ended = await dns.ended();
      const [first = "", second = "", ...rest] = ended.stderr.trimEnd().split("\n");
      expect({ words, code: ended.code, stdout: ended.stdout, rest }).toEqual({
        words,
        code,
        stdout: "",
        rest: [],
      });
      expect(first).toStartWith("error: ");
      expect(first).toContain(error);
      expect(second).toStartWith("hint: ");
      expect(second).toContain(hint);
    }),
  );
  other.close();
}, 30_000);
