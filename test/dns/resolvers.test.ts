/** Resolvers of other makers in front of our server: all see the same, and keep what they saw for as long as it says. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TYPE } from "#dns/constants.ts";
import { ask, readAnswer, type Read } from "#dns/testing/client.ts";
import { type DnsProcess, startDnsProcess } from "#dns/testing/dns-process.ts";
import { TcpClient } from "#dns/testing/tcp-client.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { type Resolver, RESOLVERS } from "./lib/resolvers.ts";

if (Bun.which("systemd-resolve") === null)
  console.log("notice: systemd-resolved is not installed, or belongs to the machine: its checks are skipped");

/** How long answers may be kept, s. */
const TTL = 2;
const QUESTIONS: readonly (readonly [name: string, type: keyof typeof TYPE])[] = [
  ["web.default.svc.clusterset.local", "A"],
  ["web.default.svc.clusterset.local", "AAAA"],
  ["wEb.deFault.svC.clusterset.LOCAL", "A"],
  ["web.default.svc.clusterset.local", "SRV"],
  ["_http._tcp.web.default.svc.clusterset.local", "SRV"],
  ["six.default.svc.clusterset.local", "AAAA"],
  ["six.default.svc.clusterset.local", "A"],
  ["both.default.svc.clusterset.local", "A"],
  ["both.default.svc.clusterset.local", "AAAA"],
  ["few.default.svc.clusterset.local", "A"],
  ["dns-version.clusterset.local", "TXT"],
  ["clusterset.local", "SOA"],
  ["svc.clusterset.local", "A"],
  ["default.svc.clusterset.local", "A"],
  ["_tcp.web.default.svc.clusterset.local", "SRV"],
  ["none.default.svc.clusterset.local", "A"],
  ["web.default.svc.clusterset.local.svc.clusterset.local", "AAAA"],
  ["east.web.default.svc.clusterset.local", "A"],
  [`${"x".repeat(63)}.default.svc.clusterset.local`, "A"],
];

/** What a client makes of an answer. */
function seen({ rcode, answers }: Read): { rcode: number; data: string[] } {
  return { rcode, data: answers.map(({ type, data }) => `${type} ${data.toLowerCase()}`).toSorted() };
}

async function queriesOf(server: DnsProcess): Promise<number> {
  return (await server.state()).queries;
}

async function overTcp(port: number, query: Uint8Array): Promise<Read> {
  using client = await TcpClient.open(port);
  client.write(TcpClient.framed(query));
  expect(await client.has(1)).toBe(true);
  return readAnswer(client.got[0] ?? new Uint8Array());
}

/** As a stub does: again over TCP when the answer is truncated. */
async function lookUp(port: number, [name, type]: readonly [string, keyof typeof TYPE]): Promise<Read> {
  const query = ask({ name, type: TYPE[type] }, { payload: 1232 });
  using client = await UdpClient.open(port);
  const answer = readAnswer(await client.ask(query));
  return answer.tc ? await overTcp(port, query) : answer;
}

describe.each(RESOLVERS)("$name", (kind) => {
  let server: DnsProcess;
  let resolver: Resolver;
  beforeAll(async () => {
    server = await startDnsProcess(0, TTL);
    resolver = await kind.start(server.port);
  });
  afterAll(async () => {
    await resolver[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test("gives the answers that the server gives", async () => {
    for (const question of QUESTIONS) {
      const direct = await lookUp(server.port, question);
      const through = await lookUp(resolver.port, question);
      expect({ question, ...seen(through) }).toEqual({ question, ...seen(direct) });
      expect(through.question).toBe(question[0]);
    }
    const many = ask({ name: "many.default.svc.clusterset.local", type: TYPE.A }, { payload: 1232 });
    expect((await overTcp(resolver.port, many)).answers).toHaveLength(100);
  });

  test("keeps answers and negatives, with our SOA, for their TTL and no longer", async () => {
    // What the test before has asked for is forgotten then.
    await Bun.sleep(TTL * 1000 + 1100);
    for (const [of, type, rcode] of [
      ["none.default.svc.clusterset.local", "A", 3],
      ["both.default.svc.clusterset.local", "SRV", 0],
      ["web.default.svc.clusterset.local", "A", 0],
    ] as const) {
      const before = await queriesOf(server);
      const first = await lookUp(resolver.port, [of, type]);
      const asked = await queriesOf(server);
      expect({ of, rcode: first.rcode, asked: asked > before }).toEqual({ of, rcode, asked: true });
      if (first.answers.length === 0) {
        expect(first.authorities).toMatchObject([{ name: "clusterset.local", type: TYPE.SOA }]);
        expect(first.authorities[0]?.ttl).toBeLessThanOrEqual(TTL);
      }
      for (let n = 0; n < 5; n++) expect(seen(await lookUp(resolver.port, [of, type]))).toEqual(seen(first));
      expect({ of, asked: await queriesOf(server) }).toEqual({ of, asked });
    }
  }, 30_000);

  test("the server is started again: names resolve", async () => {
    const { port } = server;
    await server[Symbol.asyncDispose]();
    server = await startDnsProcess(port, TTL);
    for (const of of ["both.default.svc.clusterset.local", "web.default.svc.clusterset.local"])
      expect((await lookUp(resolver.port, [of, "A"])).answers).toHaveLength(1);
  });
});
