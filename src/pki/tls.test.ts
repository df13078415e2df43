import { afterAll, describe, expect, test } from "bun:test";
import { createCsr, createRoot, LINK_SERVER_NAME, type LeafUse, signLeaf } from "./authority.ts";
import { identityOfSubjectAltName, type SiteIdentity } from "./identity.ts";
import type { CertifiedKey } from "./key-pair.ts";
import { createServerCertificate } from "./tls-server.ts";

/** The certificates as the link uses them: on real sockets, judged by the runtime's own TLS. */

const now = Date.now();
const root = await createRoot({ network: "n1", now });
const stranger = await createRoot({ network: "n1", now });

async function member(options: {
  authority?: CertifiedKey;
  siteId: string;
  use: LeafUse;
}): Promise<CertifiedKey> {
  const { authority = root, siteId, use } = options;
  const { csr, key } = await createCsr();
  return { certificate: await signLeaf({ authority, csr, network: "n1", siteId, use, now }), key };
}

interface Outcome {
  dialler: string;
  acceptor: string;
  /** Whom the acceptor saw. */
  seen?: SiteIdentity | undefined;
}

interface Attempt {
  readonly server: CertifiedKey;
  readonly serverTrust?: string;
  readonly client?: CertifiedKey;
  readonly clientTrust?: string;
  readonly serverName?: string;
}

const open: { stop(force?: boolean): void }[] = [];
afterAll(() => {
  for (const listener of open) listener.stop(true);
});

/** One handshake with data both ways; "ok", or why each side refused. */
async function handshake(attempt: Attempt): Promise<Outcome> {
  const { server, client } = attempt;
  const accepted = Promise.withResolvers<{ acceptor: string; seen?: SiteIdentity | undefined }>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: {
      cert: server.certificate,
      key: server.key,
      ca: attempt.serverTrust ?? root.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: "isthmus/1",
    },
    socket: {
      handshake(socket, success, error) {
        if (!success || error !== null) {
          accepted.resolve({ acceptor: error?.message ?? "refused" });
          socket.terminate();
          return;
        }
        accepted.resolve({
          acceptor: "ok",
          seen: identityOfSubjectAltName(socket.getPeerX509Certificate()?.subjectAltName),
        });
      },
      data: (socket, data) => void socket.write(data),
      close: () => accepted.resolve({ acceptor: "closed" }),
      error: (_socket, error) => accepted.resolve({ acceptor: error.message }),
    },
  });
  open.push(listener);
  const dialled = Promise.withResolvers<string>();
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: listener.port,
      tls: {
        ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
        ca: attempt.clientTrust ?? root.certificate,
        serverName: attempt.serverName ?? LINK_SERVER_NAME,
        rejectUnauthorized: true,
        ALPNProtocols: "isthmus/1",
      },
      socket: {
        handshake(own, success, error) {
          if (success && error === null) own.write("ping");
          else {
            dialled.resolve(error?.message ?? "refused");
            own.terminate();
          }
        },
        // The dialler of TLS 1.3 learns only by the first bytes that the acceptor took its certificate.
        data: (_own, data) => dialled.resolve(data.toString() === "ping" ? "ok" : "garbage"),
        close: () => dialled.resolve("closed"),
        error: (_own, error) => dialled.resolve(error.message),
      },
    }).catch((error: unknown) => {
      dialled.resolve(String(error));
      return undefined;
    });
    const dialler = await dialled.promise;
    socket?.terminate();
    return { dialler, ...(await accepted.promise) };
  } finally {
    listener.stop(true);
  }
}

describe("a link's handshake", () => {
  test("succeeds between members, and the acceptor knows who dialled", async () => {
    const outcome = await handshake({
      server: await member({ siteId: "s1", use: "server" }),
      client: await member({ siteId: "s2", use: "client" }),
    });
    expect(outcome).toEqual({ dialler: "ok", acceptor: "ok", seen: { network: "n1", siteId: "s2" } });
  });

  test.each<[string, () => Promise<Attempt>]>([
    [
      "a dialler of another root",
      async () => ({
        server: await member({ siteId: "s1", use: "server" }),
        client: await member({ siteId: "s2", use: "client", authority: stranger }),
      }),
    ],
    [
      "a dialler without a certificate",
      async () => ({ server: await member({ siteId: "s1", use: "server" }) }),
    ],
    [
      "a dialler with a server certificate",
      async () => ({
        server: await member({ siteId: "s1", use: "server" }),
        client: await member({ siteId: "s2", use: "server" }),
      }),
    ],
  ])("is refused by the acceptor: %s", async (_what, attempt) => {
    const outcome = await handshake(await attempt());
    expect(outcome.acceptor).not.toBe("ok");
    expect(outcome.dialler).not.toBe("ok");
  });

  test.each<[string, () => Promise<Attempt>]>([
    [
      "an acceptor of another root",
      async () => ({
        server: await member({ siteId: "s1", use: "server", authority: stranger }),
        client: await member({ siteId: "s2", use: "client" }),
      }),
    ],
    [
      "an acceptor with a client certificate",
      async () => ({
        server: await member({ siteId: "s1", use: "client" }),
        client: await member({ siteId: "s2", use: "client" }),
      }),
    ],
    [
      "an acceptor of another name",
      async () => ({
        server: await member({ siteId: "s1", use: "server" }),
        client: await member({ siteId: "s2", use: "client" }),
        serverName: "other.internal",
      }),
    ],
  ])("is refused by the dialler: %s", async (_what, attempt) => {
    const outcome = await handshake(await attempt());
    expect(outcome.dialler).not.toBe("ok");
    expect(outcome.acceptor).not.toBe("ok");
  });
});

test("a plain server's certificate serves fetch by name and by address, for who trusts its authority", async () => {
  const tls = await createServerCertificate({ hosts: ["127.0.0.1", "localhost"], now, days: 1 });
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: tls.certificate, key: tls.key },
    fetch: () => new Response("hello"),
  });
  try {
    for (const host of ["127.0.0.1", "localhost"]) {
      const answer = await fetch(`https://${host}:${server.port}/`, { tls: { ca: tls.ca } });
      expect(await answer.text()).toBe("hello");
    }
    const other = await createServerCertificate({ hosts: ["127.0.0.1"], now, days: 1 });
    const refused = await fetch(`https://127.0.0.1:${server.port}/`, { tls: { ca: other.ca } }).then(
      () => "accepted",
      () => "refused",
    );
    expect(refused).toBe("refused");
  } finally {
    await server.stop(true);
  }
});
