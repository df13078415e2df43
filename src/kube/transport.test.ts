import { afterEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { KubeClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { OTHER_TEST_CERTIFICATES, TEST_CERTIFICATES } from "./testing/test-certificates.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** An HTTPS server on raw sockets, which tells the fingerprint of the client's certificate as its version. */
function certificateTeller(): string {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: {
      cert: TEST_CERTIFICATES.certificate,
      key: TEST_CERTIFICATES.key,
      ca: [TEST_CERTIFICATES.ca, OTHER_TEST_CERTIFICATES.ca],
      requestCert: true,
      rejectUnauthorized: false,
    },
    socket: {
      data(socket) {
        const peer = socket.getPeerX509Certificate();
        const body = JSON.stringify({ gitVersion: peer?.fingerprint256 ?? "none" });
        socket.write(
          `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: keep-alive\r\n\r\n${body}`,
        );
      },
    },
  });
  stops.push(() => listener.stop(true));
  return `https://127.0.0.1:${listener.port}`;
}

/** A proxy that tunnels CONNECT and counts it. */
function proxy(): { url: string; tunnels: string[] } {
  const tunnels: string[] = [];
  const listener = Bun.listen<{ upstream?: Bun.Socket }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = {};
      },
      async data(socket, bytes) {
        if (socket.data.upstream !== undefined) {
          socket.data.upstream.write(bytes);
          return;
        }
        const target = /^CONNECT (\S+):(\d+) /.exec(bytes.toString());
        tunnels.push(target?.[0].trim() ?? "not CONNECT");
        socket.data.upstream = await Bun.connect({
          hostname: target?.[1] ?? "",
          port: Number(target?.[2]),
          data: undefined,
          socket: {
            data: (_, answer) => void socket.write(answer),
            close: () => void socket.end(),
          },
        });
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      },
    },
  });
  stops.push(() => listener.stop(true));
  return { url: `http://127.0.0.1:${listener.port}`, tunnels };
}

test("several users of one server each show their own certificate, on every connection", async () => {
  const server = certificateTeller();
  const as = (identity: { certificate: string; key: string } | undefined): KubeClient => {
    const tls = { ca: TEST_CERTIFICATES.ca };
    const own = identity === undefined ? {} : { cert: identity.certificate, key: identity.key };
    const connection: Connection = { origin: "test", server, namespace: "default", tls: { ...tls, ...own } };
    return new KubeClient(connection);
  };
  const users = [TEST_CERTIFICATES, OTHER_TEST_CERTIFICATES, undefined].map((identity) => ({
    client: as(identity),
    expected: identity === undefined ? "none" : new X509Certificate(identity.certificate).fingerprint256,
  }));
  for (let round = 0; round < 5; round++) {
    const seen = await Promise.all(users.map(async ({ client }) => (await client.version()).gitVersion));
    expect(seen).toEqual(users.map(({ expected }) => expected));
    for (const { client, expected } of users) expect((await client.version()).gitVersion).toBe(expected);
  }
});

test("the proxy of a cluster is used for that cluster, and loopback ignores the one of the environment", async () => {
  const api = new FakeApi();
  stops.push(() => api.stop());
  const { url, tunnels } = proxy();
  api.intercept(() => Response.json({ gitVersion: "v1" }), 2);
  expect((await new KubeClient({ ...api.connection, proxyUrl: url }).version()).gitVersion).toBe("v1");
  expect(tunnels).toEqual([`CONNECT 127.0.0.1:${api.port}`]);
  const before = process.env["HTTPS_PROXY"];
  process.env["HTTPS_PROXY"] = "http://127.0.0.1:9";
  try {
    expect((await new KubeClient(api.connection).version()).gitVersion).toBe("v1");
  } finally {
    if (before === undefined) delete process.env["HTTPS_PROXY"];
    else process.env["HTTPS_PROXY"] = before;
  }
});

test("a token is not sent over plain http", async () => {
  const seen: (string | null)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      seen.push(request.headers.get("authorization"));
      return Response.json({});
    },
  });
  stops.push(() => server.stop(true));
  const connection: Connection = {
    origin: "test",
    server: `http://127.0.0.1:${server.port}`,
    namespace: "default",
    tls: {},
    authorization: () => "Bearer secret",
  };
  await new KubeClient(connection).version();
  expect(seen).toEqual([null]);
});
