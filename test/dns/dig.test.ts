/** An outside witness: dig asks the server of a test zone, in a process of its own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type DnsProcess, startDnsProcess } from "#dns/testing/dns-process.ts";
import { dig, findDig } from "./lib/dig.ts";

const program = await findDig();
if (program === undefined)
  console.log("notice: dig (bind9-dnsutils) is not installed, its checks are skipped");

describe.skipIf(program === undefined)("dig", () => {
  let server: DnsProcess;
  const ask = async (words: string): Promise<string> =>
    (await dig(program ?? "", { port: server.port, words })).replaceAll(/[ \t]+/g, " ");

  beforeAll(async () => {
    server = await startDnsProcess();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  test.each([
    ["web.default.svc.clusterset.local A", "10.0.0.1"],
    ["six.default.svc.clusterset.local AAAA", "fd00::1:2"],
    ["both.default.svc.clusterset.local AAAA", "fd00::2"],
    ["_http._tcp.web.default.svc.clusterset.local SRV", "0 100 80 web.default.svc.clusterset.local."],
    ["web.default.svc.clusterset.local SRV", "0 100 80 web.default.svc.clusterset.local."],
    ["dns-version.clusterset.local TXT", '"1.1.0"'],
    ["clusterset.local NS", "ns.dns.clusterset.local."],
    ["web.default.svc.clusterset.local A +tcp", "10.0.0.1"],
    ["web.default.svc.clusterset.local A +noedns", "10.0.0.1"],
  ])("%s", async (words, data) => {
    expect(await ask(`+short ${words}`)).toBe(`${data}\n`);
    const full = await ask(words);
    expect(full).toContain("status: NOERROR");
    expect(full).toMatch(/flags: qr aa( rd)?;/);
    expect(full).not.toMatch(/WARNING(?!: (recursion|\.local))|malformed|extra bytes/);
  });

  test("SOA: the server, a mailbox, times", async () => {
    expect(await ask("+short clusterset.local SOA")).toMatch(
      /^ns\.dns\.clusterset\.local\. hostmaster\.clusterset\.local\. \d+ 7200 1800 86400 5\n$/,
    );
  });

  test("ANY has one set", async () => {
    expect(await ask("+notcp web.default.svc.clusterset.local ANY")).toMatch(/ANSWER: 1,/);
  });

  test.each([
    ["none.default.svc.clusterset.local A", "NXDOMAIN"],
    ["east.web.default.svc.clusterset.local A", "NXDOMAIN"],
    ["web.default.svc.clusterset.local AAAA", "NOERROR"],
    ["default.svc.clusterset.local A", "NOERROR"],
    ["svc.clusterset.local TYPE65", "NOERROR"],
  ])("nothing at %s: %s, with the SOA", async (words, status) => {
    const full = await ask(words);
    expect(full).toContain(`status: ${status}`);
    expect(full).toMatch(/ANSWER: 0, AUTHORITY: 1,/);
    expect(full).toMatch(/^clusterset\.local\. 5 IN SOA /m);
  });

  test("a short query for many records comes back truncated; dig asks again over TCP by itself", async () => {
    for (const [name, count] of [
      ["few", 20],
      ["many", 100],
    ] as const) {
      const udp = await ask(`+ignore +bufsize=4096 ${name}.default.svc.clusterset.local A`);
      expect(udp).toMatch(/flags: qr aa tc( rd)?;.*ANSWER: 0,/);
      const both = await ask(`${name}.default.svc.clusterset.local A`);
      expect(both).toMatch(/Truncated, retrying in TCP mode/);
      expect(both).toContain(`ANSWER: ${count},`);
    }
  });

  test("EDNS: 1,232 bytes are taken; version 1 is BADVERS, and dig asks again with version 0", async () => {
    expect(await ask("web.default.svc.clusterset.local A +bufsize=4096")).toContain(
      "version: 0, flags:; udp: 1232",
    );
    expect(await ask("web.default.svc.clusterset.local A +edns=1 +noednsnegotiation")).toContain(
      "status: BADVERS",
    );
    expect(await ask("web.default.svc.clusterset.local A +edns=1")).toContain("status: NOERROR");
  });

  test("what a client may send besides is borne: cookies, padding, a client subnet, DO, unknown flags", async () => {
    for (const words of [
      "+cookie",
      "+padding=128",
      "+subnet=192.0.2.0/24",
      "+dnssec",
      "+nsid",
      "+ednsflags=0x40",
      "+keepalive +tcp",
    ])
      expect(await ask(`web.default.svc.clusterset.local A ${words}`)).toContain("status: NOERROR");
  });

  test("letters come back as they were sent (0x20)", async () => {
    const full = await ask("wEb.DeFault.sVc.cLusterseT.loCal A");
    expect(full).toContain(";wEb.DeFault.sVc.cLusterseT.loCal. IN A");
    expect(full).toContain("10.0.0.1");
  });

  test("other zones, transfers and operations are turned away", async () => {
    expect(await ask("web.default.svc.cluster.local A")).toContain("status: REFUSED");
    expect(await ask("clusterset.local AXFR")).toContain("Transfer failed");
    expect(await ask("web.default.svc.clusterset.local A +opcode=notify")).toContain("status: NOTIMP");
  });

  test("several queries over one TCP connection", async () => {
    const names = "web.default.svc.clusterset.local A six.default.svc.clusterset.local AAAA";
    expect(await ask(`+tcp +keepopen +short ${names}`)).toBe("10.0.0.1\nfd00::1:2\n");
  });
});
