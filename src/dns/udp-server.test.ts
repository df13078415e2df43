import { expect, test } from "bun:test";
import { TYPE } from "./constants.ts";
import { Responder } from "./responder.ts";
import { ask, readAnswer } from "./testing/client.ts";
import { startDnsProcess } from "./testing/dns-process.ts";
import { TcpClient } from "./testing/tcp-client.ts";
import { UdpClient } from "./testing/udp-client.ts";
import { testZone } from "./testing/zone.ts";
import { UdpServer } from "./udp-server.ts";

const WEB = "web.default.svc.clusterset.local";
const QUERY = ask({ name: WEB, type: TYPE.A });
const FLOOD = new URL("testing/flood.ts", import.meta.url).pathname;
const responder = new Responder({ zone: testZone() });

test.each(["127.0.0.1", "::1"])("a query over UDP to %s is answered", async (hostname) => {
  const server = await UdpServer.listen({ hostname, port: 0, responder });
  try {
    using client = await UdpClient.open(server.port, hostname);
    const read = readAnswer(await client.ask(ask({ name: WEB, type: TYPE.A }, { id: 77 })));
    expect(read).toMatchObject({ id: 77, rcode: 0, answers: [{ data: "10.0.0.1" }] });
  } finally {
    server.close();
  }
});

test("on all addresses of both families, clients of both are answered", async () => {
  const server = await UdpServer.listen({ hostname: "::", port: 0, responder });
  try {
    for (const hostname of ["127.0.0.1", "::1"]) {
      using client = await UdpClient.open(server.port, hostname);
      expect(readAnswer(await client.ask(ask({ name: WEB, type: TYPE.A }))).rcode).toBe(0);
    }
  } finally {
    server.close();
  }
});

test("many at once from several clients: each gets its own answers, once", async () => {
  const server = await UdpServer.listen({ hostname: "127.0.0.1", port: 0, responder });
  const clients = await Promise.all([1, 2, 3].map(() => UdpClient.open(server.port)));
  try {
    for (let id = 0; id < 100; id++)
      for (const [at, client] of clients.entries())
        client.send(
          ask({ name: id % 2 === 0 ? WEB : `none${at}.${WEB}`, type: TYPE.A }, { id: id + 1000 * at }),
        );
    for (const [at, client] of clients.entries()) {
      expect(await client.has(100)).toBe(true);
      const reads = client.got.map((bytes) => readAnswer(bytes));
      expect(reads.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 100 }, (_, id) => id + 1000 * at),
      );
      for (const { id, rcode } of reads) expect(rcode).toBe(id % 2 === 0 ? 0 : 3);
    }
    expect(server.failed).toBe(0);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
    server.close();
  }
});

test("what is no query gets nothing, and a client that has gone costs the others nothing", async () => {
  const server = await UdpServer.listen({ hostname: "127.0.0.1", port: 0, responder });
  try {
    using client = await UdpClient.open(server.port);
    client.send(new Uint8Array(0));
    client.send(new Uint8Array(11));
    const answer = ask({ name: WEB, type: TYPE.A });
    answer[2] = 0x80;
    client.send(answer);
    for (let n = 0; n < 20; n++) {
      const gone = await UdpClient.open(server.port);
      gone.send(ask({ name: WEB, type: TYPE.A }));
      setImmediate(() => gone[Symbol.dispose]());
      expect(readAnswer(await client.ask(ask({ name: WEB, type: TYPE.A }, { id: n }))).id).toBe(n);
    }
    expect(client.got).toHaveLength(20);
  } finally {
    server.close();
  }
});

test("several processes on one port share the clients", async () => {
  await using first = await startDnsProcess();
  await using second = await startDnsProcess(first.port);
  expect(second.port).toBe(first.port);
  const query = ask({ name: WEB, type: TYPE.A });
  for (let n = 0; n < 64; n++) {
    using client = await UdpClient.open(first.port);
    expect(readAnswer(await client.ask(query)).rcode).toBe(0);
  }
  const [one, two] = await Promise.all([first.state(), second.state()]);
  expect(one.queries + two.queries).toBe(64);
  expect(Math.min(one.queries, two.queries)).toBeGreaterThan(5);
}, 20_000);

test("a port that another program has is refused", async () => {
  const other = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const listening = UdpServer.listen({ hostname: "127.0.0.1", port: other.port, responder });
  await expect(listening).rejects.toMatchObject({ code: "EADDRINUSE" });
  other.close();
});

test("who sends more than can be answered does not keep the server from all else", async () => {
  const seconds = 5;
  await using server = await startDnsProcess();
  using tcp = await TcpClient.open(server.port);
  const flood = Bun.spawn([process.execPath, FLOOD, String(server.port), String(seconds)], {
    stdout: "pipe",
  });
  let answered = 0;
  // Begun when it has begun to be too much.
  await Bun.sleep(1000);
  while (flood.exitCode === null) {
    const before = tcp.got.length;
    tcp.write(TcpClient.framed(QUERY));
    await Promise.race([tcp.has(before + 1, seconds * 1000), flood.exited]);
    if (tcp.got.length > before) answered++;
  }
  const sent = Number(await new Response(flood.stdout).text());
  const { queries } = await server.state();
  console.log(
    `figure: dns, ${sent} queries in ${seconds} s, ${queries} of them answered; ${answered} answers over TCP meanwhile`,
  );
  expect(answered).toBeGreaterThan(0);
  using client = await UdpClient.open(server.port);
  expect(readAnswer(await client.ask(QUERY)).rcode).toBe(0);
}, 30_000);
