import { afterEach, describe, expect, test } from "bun:test";
import { connect as connectTcp, createServer as createTcpServer, type Socket as TcpSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { acceptLinks, type AcceptOptions, type Acceptor } from "./acceptor.ts";
import { dialLink, type Dialler, type DialOptions } from "./dialler.ts";
import { createTestIntermediate, createTestLeaf, createTestRoot } from "./testing/certificates.ts";
import { streamOpen } from "./testing/link-pair.ts";
import { SERVER_DNS, TestNetwork } from "./testing/network.ts";
import { LinkRecorder } from "./testing/recorder.ts";
import { ProtocolErrorCounts, type LinkIdentity } from "./types.ts";

const network = new TestNetwork();
const a = network.identity("site-a");
const b = network.identity("site-b");
const selfOf = (siteName: string) => ({ siteName, routerId: `router-of-${siteName}`, version: "1.2.3" });
const expired = { notBefore: new Date(Date.now() - 2e9), notAfter: new Date(Date.now() - 1e9) };

const undo: (() => void)[] = [];
afterEach(() => {
  for (const fn of undo.splice(0).toReversed()) fn();
});

function accept(options: Partial<AcceptOptions> = {}): { acceptor: Acceptor; far: LinkRecorder } {
  const far = new LinkRecorder();
  const acceptor = acceptLinks({
    hostname: "127.0.0.1",
    port: 0,
    identity: () => b,
    self: selfOf("b"),
    handler: far,
    ...options,
  });
  undo.push(() => acceptor.close());
  return { acceptor, far };
}

function dial(port: number, options: Partial<DialOptions> = {}): { dialler: Dialler; near: LinkRecorder } {
  const near = new LinkRecorder();
  const dialler = dialLink({
    name: "a-to-b",
    addresses: [`127.0.0.1:${port}`],
    lanes: 1,
    cost: 3,
    identity: () => a,
    self: selfOf("a"),
    handler: near,
    ...options,
  });
  undo.push(() => dialler.close());
  return { dialler, near };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Not within 5 s: ${what}`);
    await Bun.sleep(2);
  }
}

/** A TCP proxy whose connections can be cut. */
async function cuttable(
  port: number,
): Promise<{ port: number; cut: (index: number) => void; count: () => number }> {
  const pairs: [TcpSocket, TcpSocket][] = [];
  const server = createTcpServer((near) => {
    const far = connectTcp(port, "127.0.0.1");
    pairs.push([near, far]);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (index: number): void => {
    for (const socket of pairs[index] ?? []) socket.destroy();
  };
  undo.push(() => {
    server.close();
    pairs.forEach((_, index) => cut(index));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port");
  return { port: address.port, cut, count: () => pairs.length };
}

describe("a link over TLS", () => {
  test("comes up with both ends known to each other by certificate", async () => {
    const { acceptor, far } = accept();
    const { dialler, near } = dial(acceptor.port, { lanes: 3, expectedSite: "site-b" });
    await until("all lanes are up", () => dialler.link()?.lanes === 3);
    expect(dialler.status()).toEqual({ state: "up" });
    expect(near.link.remote).toEqual({
      siteId: "site-b",
      siteName: "b",
      routerId: "router-of-b",
      version: "1.2.3",
    });
    const [accepted] = acceptor.links();
    expect(accepted?.remote).toEqual({
      siteId: "site-a",
      siteName: "a",
      routerId: "router-of-a",
      version: "1.2.3",
    });
    expect([accepted?.name, accepted?.direction, accepted?.cost, accepted?.lanes]).toEqual([
      "a-to-b",
      "accepted",
      3,
      3,
    ]);
    await until("the round trip is measured", () => near.link.rttMs > 0 && (accepted?.rttMs ?? 0) > 0);
    expect([near.events, far.events]).toEqual([["up b"], ["up a"]]);
    dialler.close();
    await until("the other end knows", () => far.events.length === 2);
    expect(far.events[1]).toBe("down: The link was removed");
    expect(acceptor.links()).toEqual([]);
  });

  test("accepts certificates of an intermediate authority", async () => {
    const intermediate = createTestIntermediate("intermediate", network.root);
    const [near, far] = [network.identity("site-a", intermediate), network.identity("site-b", intermediate)];
    const { acceptor } = accept({ identity: () => far });
    const { dialler } = dial(acceptor.port, { identity: () => near });
    await until("the link is up", () => dialler.status().state === "up");
  });

  test("carries streams both ways at once, opened by either end", async () => {
    const { acceptor, far } = accept();
    const { near } = dial(acceptor.port, { lanes: 2 });
    await until("the link is up", () => near.up !== undefined && acceptor.links().length === 1);
    const total = 20_000_000;
    const feed = (stream: ReturnType<LinkRecorder["open"]>): void => {
      while (stream.sent < total) {
        if (!stream.send(Math.min(150_000, total - stream.sent), "give")) {
          if (stream.sent < total) stream.onWritableOnce = () => feed(stream);
          else stream.fin();
          return;
        }
      }
      stream.fin();
    };
    near.onAccept = feed;
    far.onAccept = feed;
    const fromNear = [near.open(streamOpen("s/1")), near.open(streamOpen("s/2"))];
    for (const stream of fromNear) feed(stream);
    await until("all bytes are there", () =>
      [...fromNear, ...far.accepted].every((stream) => stream.finReceived && far.accepted.length === 2),
    );
    for (const stream of [...fromNear, ...far.accepted]) {
      expect([stream.received, stream.problems, stream.reset]).toEqual([total, [], undefined]);
    }
    expect(near.link.stats().streams).toBe(0);
  }, 20_000);

  test("says which port is in use", () => {
    const { acceptor } = accept();
    expect(() => accept({ port: acceptor.port })).toThrow(
      `Cannot accept links on 127.0.0.1:${acceptor.port}: the port is in use`,
    );
  });

  test("refuses an address that has no port", () => {
    expect(() => dial(1, { addresses: ["example.com"] })).toThrow(
      'Cannot read address "example.com": expected host:port, with a port of 1 to 65535',
    );
  });
});

describe("a dialler refuses, and says why,", () => {
  const cases: [string, () => LinkIdentity, string][] = [
    [
      "another network's root",
      () => ({ ...new TestNetwork("net1").identity("site-b"), trust: network.root.certificate }),
      "not of our network",
    ],
    [
      "a server certificate that is out of date",
      () => ({ ...b, server: leaf({ usage: ["server"], ...expired }) }),
      "has expired",
    ],
    [
      "a certificate that is not for servers",
      () => ({ ...b, server: leaf({ usage: ["client"] }) }),
      "extended key usage",
    ],
    [
      "a certificate for another name",
      () => ({ ...b, server: leaf({ usage: ["server"], dns: ["other.internal"] }) }),
      "not a router's",
    ],
    [
      "a certificate that names no site",
      () => ({ ...b, server: leaf({ usage: ["server"], uris: [] }) }),
      "names no site",
    ],
    [
      "a site of another network below the same root",
      () => ({ ...b, server: leaf({ usage: ["server"], uris: ["isthmus://net2/site/b"] }) }),
      'It is in network "net2", we are in "net1"',
    ],
    [
      "its own site",
      () => ({ ...b, server: leaf({ usage: ["server"], uris: [network.uri("site-a")] }) }),
      "our own site",
    ],
    [
      "a site that is not the expected one",
      () => ({ ...b, server: leaf({ usage: ["server"], uris: [network.uri("site-c")] }) }),
      'Site "site-c" is there, expected "site-b"',
    ],
  ];

  test.each(cases)("%s", async (_name, identityOf, reason) => {
    const identity = identityOf();
    const { acceptor, far } = accept({ identity: () => identity });
    const { dialler, near } = dial(acceptor.port, { expectedSite: "site-b" });
    await until("the attempt failed", () => dialler.status().state === "down");
    expect(dialler.status().error).toStartWith(`Cannot reach 127.0.0.1:${acceptor.port}: `);
    expect(dialler.status().error).toContain(reason);
    expect([near.events, far.events]).toEqual([[], []]);
  });

  test("to dial with a certificate of its own that is out of date", async () => {
    const { dialler } = dial(1, {
      identity: () => ({ ...a, client: leaf({ usage: ["client"], ...expired }) }),
    });
    await until("the attempt failed", () => dialler.status().state === "down");
    expect(dialler.status().error).toContain("Our own certificate expired at");
  });

  test("a port where nobody listens", async () => {
    const { acceptor } = accept();
    acceptor.close();
    const { dialler } = dial(acceptor.port);
    await until("the attempt failed", () => dialler.status().state === "down");
    expect(dialler.status().error).toContain(`Cannot reach 127.0.0.1:${acceptor.port}: `);
  });
});

describe("an acceptor refuses before anything is kept", () => {
  // A leaf whose dates are right for the dialler's own check cannot be expired: that case is raw below.
  const cases: [string, () => LinkIdentity][] = [
    [
      "another network's root",
      () => ({ ...new TestNetwork("net1").identity("site-a"), trust: network.root.certificate }),
    ],
    [
      "a certificate that is not for clients",
      () => ({ ...a, client: leaf({ usage: ["server"], uris: [network.uri("site-a")] }) }),
    ],
    ["a certificate that names no site", () => ({ ...a, client: leaf({ usage: ["client"], uris: [] }) })],
    [
      "a certificate with two sites",
      () => ({ ...a, client: leaf({ usage: ["client"], uris: [network.uri("x"), network.uri("y")] }) }),
    ],
    [
      "a site of another network below the same root",
      () => ({ ...a, client: leaf({ usage: ["client"], uris: ["isthmus://net2/site/a"] }) }),
    ],
    ["its own site", () => ({ ...a, client: leaf({ usage: ["client"], uris: [network.uri("site-b")] }) })],
    ["a stranger who brings his own root along", () => ({ ...a, client: selfSigned() })],
  ];

  test.each(cases)("%s", async (_name, identityOf) => {
    const identity = identityOf();
    const { acceptor, far } = accept();
    const { dialler, near } = dial(acceptor.port, { identity: () => identity });
    await until("the attempt failed", () => dialler.status().state === "down");
    await until("it is counted", () => acceptor.counts().refused >= 1);
    expect([acceptor.counts().accepted, near.events, far.events]).toEqual([0, [], []]);
  });

  const raw: [string, { certificate: string; key: string } | undefined, object][] = [
    ["no certificate", undefined, {}],
    ["a certificate that is out of date", leaf({ usage: ["client"], ...expired }), {}],
    ["another protocol by ALPN", a.client, { ALPNProtocols: ["http/1.1"] }],
    ["TLS 1.2", a.client, { maxVersion: "TLSv1.2" }],
  ];

  test.each(raw)("%s", async (_name, client, options) => {
    const { acceptor, far } = accept();
    const closed = Promise.withResolvers<void>();
    const socket = connectTls({
      host: "127.0.0.1",
      port: acceptor.port,
      ca: network.root.certificate,
      servername: SERVER_DNS,
      ALPNProtocols: ["isthmus/1"],
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
      ...options,
    });
    socket.on("error", () => {});
    socket.on("close", () => closed.resolve());
    await closed.promise;
    await until("it is counted", () => acceptor.counts().refused === 1);
    expect([acceptor.counts().accepted, far.events]).toEqual([0, []]);
  });

  test("tells a site of another network the reason", async () => {
    const { acceptor } = accept();
    const identity = { ...a, client: leaf({ usage: ["client"], uris: ["isthmus://net2/site/a"] }) };
    const { dialler } = dial(acceptor.port, { identity: () => identity });
    await until("the attempt failed", () => dialler.status().state === "down");
    expect(dialler.status().error).toBe(
      'The other end refused the link: It is in network "net2", we are in "net1"',
    );
  });

  test("bytes that are no TLS, and a connection that says nothing", async () => {
    const { acceptor } = accept({ limits: { handshakeMs: 1000 } });
    const closed: string[] = [];
    const mute = connectTcp(acceptor.port, "127.0.0.1");
    mute.on("error", () => {}).on("close", () => closed.push("mute"));
    const loud = connectTcp(acceptor.port, "127.0.0.1", () => loud.write("GET / HTTP/1.1\r\n\r\n"));
    loud.on("error", () => {}).on("close", () => closed.push("loud"));
    undo.push(() => mute.destroy());
    await until("both are cut", () => closed.length === 2);
    expect(closed).toEqual(["loud", "mute"]);
  }, 10_000);

  test("more connections in their handshake than it has room for", async () => {
    const { acceptor } = accept({ limits: { maxHandshakes: 3 } });
    const sockets = Array.from({ length: 5 }, () => connectTcp(acceptor.port, "127.0.0.1"));
    for (const socket of sockets) socket.on("error", () => {});
    undo.push(() => sockets.forEach((socket) => socket.destroy()));
    await until("some are cut", () => acceptor.counts().overloaded === 2);
    sockets.forEach((socket) => socket.destroy());
    const { dialler } = dial(acceptor.port);
    await until("there is room again", () => dialler.status().state === "up");
  });

  test("a peer that passes TLS and then speaks nonsense", async () => {
    const errors = new ProtocolErrorCounts();
    const { acceptor, far } = accept({ errors });
    const closed = Promise.withResolvers<void>();
    const socket = connectTls({
      host: "127.0.0.1",
      port: acceptor.port,
      ca: network.root.certificate,
      servername: SERVER_DNS,
      ALPNProtocols: ["isthmus/1"],
      cert: a.client.certificate,
      key: a.client.key,
    });
    socket.on("secureConnect", () => socket.write("GET / HTTP/1.1\r\n\r\n"));
    socket.on("error", () => {});
    socket.on("close", () => closed.resolve());
    socket.resume();
    await closed.promise;
    expect(Object.values(errors).reduce((sum: number, count: number) => sum + count, 0)).toBe(1);
    expect(far.events).toEqual([]);
  });
});

describe("lanes over TLS", () => {
  test("that are cut in the middle of a transfer reset it at both ends, never end it, and come back", async () => {
    const { acceptor, far } = accept();
    const proxy = await cuttable(acceptor.port);
    const { dialler, near } = dial(proxy.port);
    await until("the link is up", () => dialler.status().state === "up");
    const stream = near.open(streamOpen());
    const feed = (): void => {
      stream.onWritableOnce = feed;
      for (let i = 0; i < 4; i++) if (!stream.send(100_000)) return;
      setImmediate(() => {
        if (stream.reset === undefined && stream.writable) feed();
      });
    };
    feed();
    await until("bytes flow", () => (far.accepted[0]?.received ?? 0) > 3_000_000);
    proxy.cut(0);
    await until("both ends know", () => stream.reset !== undefined && far.accepted[0]?.reset !== undefined);
    expect([stream.reset?.code, far.accepted[0]?.reset?.code]).toEqual(["LINK_LOST", "LINK_LOST"]);
    expect([stream.finReceived, far.accepted[0]?.finReceived]).toEqual([false, false]);
    await until("the link is up again", () => near.events.length === 3);
    expect([near.events[0], near.events[2]]).toEqual(["up b", "up b"]);
    const again = near.open(streamOpen());
    again.send(10);
    await until("it works", () => far.accepted[1]?.received === 10);
  });

  test("are dialled again while the link stays up on the others", async () => {
    const { acceptor, far } = accept();
    const proxy = await cuttable(acceptor.port);
    const { dialler, near } = dial(proxy.port, { lanes: 2 });
    await until("both lanes are up", () => dialler.link()?.lanes === 2 && acceptor.links()[0]?.lanes === 2);
    proxy.cut(1);
    await until("one is gone", () => dialler.link()?.lanes === 1);
    expect(dialler.status()).toEqual({ state: "up", error: expect.stringContaining("The connection was") });
    await until("it is back", () => dialler.link()?.lanes === 2 && acceptor.links()[0]?.lanes === 2);
    expect(proxy.count()).toBe(3);
    expect([near.events, far.events]).toEqual([["up b"], ["up a"]]);
    expect(dialler.status()).toEqual({ state: "up" });
  });

  test("move to a new certificate of either end without the loss of a stream", async () => {
    let own = a;
    let theirs = b;
    const { acceptor, far } = accept({ identity: () => theirs });
    const { dialler, near } = dial(acceptor.port, { identity: () => own, lanes: 2 });
    await until("both lanes are up", () => dialler.link()?.lanes === 2);
    const stream = near.open(streamOpen());
    stream.send(100);
    await until("it is open", () => far.accepted[0]?.received === 100);
    own = network.identity("site-a");
    await until("new lanes came", () => acceptor.counts().accepted === 4);
    theirs = network.identity("site-b");
    await until("new lanes came again", () => acceptor.counts().accepted === 6);
    await until("old ones without a stream are gone", () => near.link.stats().lanes.length === 3);
    far.accepted[0]!.send(200_000);
    far.accepted[0]!.fin();
    stream.fin();
    await until("the stream ended well", () => stream.finReceived && far.accepted[0]!.finReceived);
    expect([stream.received, stream.reset]).toEqual([200_000, undefined]);
    await until("the last old one is gone", () => near.link.stats().lanes.length === 2);
    expect([near.events, far.events]).toEqual([["up b"], ["up a"]]);
  }, 10_000);

  test("a dialler goes on after the acceptor drained, and stops when it drained itself", async () => {
    const { acceptor, far } = accept();
    const { dialler, near } = dial(acceptor.port);
    await until("the link is up", () => dialler.status().state === "up");
    for (const link of acceptor.links()) link.goAway();
    await until("another link is up", () => near.events.length === 3);
    expect(near.events).toEqual(["up b", "down: The router drains", "up b"]);
    near.link.goAway();
    await until("it is gone", () => acceptor.links().length === 0);
    await Bun.sleep(300);
    expect(near.events.length).toBe(4);
    expect(far.events.length).toBe(4);
  });

  test("a dialler that is closed while its link drains cuts what is still under way", async () => {
    const { acceptor, far } = accept();
    const { dialler, near } = dial(acceptor.port);
    await until("the link is up", () => dialler.status().state === "up");
    const stream = near.open(streamOpen());
    stream.send(100);
    await until("it is open", () => far.accepted[0]?.received === 100);
    near.link.goAway();
    await Bun.sleep(100);
    expect([acceptor.links().length, stream.reset]).toEqual([1, undefined]);
    dialler.close();
    await until("the link is gone", () => acceptor.links().length === 0);
    expect(stream.reset).not.toBeUndefined();
    expect(far.accepted[0]?.reset).not.toBeUndefined();
  });
});

function leaf(options: Parameters<typeof createTestLeaf>[1]): { certificate: string; key: string } {
  return createTestLeaf(network.root, { uris: [network.uri("site-b")], dns: [SERVER_DNS], ...options });
}

function selfSigned(): { certificate: string; key: string } {
  const stranger = createTestRoot("stranger");
  const { certificate, key } = createTestLeaf(stranger, { usage: ["client"], uris: [network.uri("site-a")] });
  return { certificate: certificate + stranger.certificate, key };
}
