import { afterEach, describe, expect, test } from "bun:test";
import type { AccessGrant } from "#api/kinds/access-grant.ts";
import { FakeClock, systemClock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { createCsr, createRoot } from "#pki/authority.ts";
import { createServerCertificate } from "#pki/tls-server.ts";
import { verifyLeaf } from "#pki/verify.ts";
import type { Identity, RootAuthority } from "./identity.ts";
import { Issuer } from "./issuer.ts";
import { newKeys, type NewKeys, redeem, type RedeemError, renew } from "./join-client.ts";
import { hashOfCode, JOIN_SERVER_NAME } from "./join-protocol.ts";
import { type JoinServerOptions, startJoinServer } from "./join-server.ts";
import { issueIdentity } from "../network.ts";
import { type GrantStore, Redemptions } from "./redemption.ts";

const CODE = "correct-horse-battery-staple-0123456789";
const MANY = { burst: 10_000, perSecond: 10_000 };
const tls = await createServerCertificate({ hosts: [JOIN_SERVER_NAME], now: Date.now() });
const authority = await createRoot({ network: "net", now: Date.now() });
const ROOT: RootAuthority = { network: "net", authority };
const SELF = { id: "founder", name: "c1" };

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** AccessGrants with the API server's optimistic concurrency, and its delays. */
class MemoryGrants implements GrantStore {
  readonly grants = new Map<string, AccessGrant>();
  writes = 0;
  #version = 1;

  add(options: { code?: string; allowed?: number; ageMs?: number; window?: string } = {}): AccessGrant {
    const { code = CODE, allowed = 1, ageMs = 0, window = "15m" } = options;
    const grant: AccessGrant = {
      apiVersion: "isthmus.dev/v1alpha1",
      kind: "AccessGrant",
      metadata: {
        name: `g${this.grants.size}`,
        namespace: "shop",
        uid: crypto.randomUUID(),
        resourceVersion: String(this.#version++),
        creationTimestamp: new Date(Date.now() - ageMs).toISOString(),
      },
      spec: { codeHash: hashOfCode(code), redemptionsAllowed: allowed, expirationWindow: window },
    };
    this.grants.set(grant.metadata.name, grant);
    return grant;
  }

  redemptions(name = "g0"): number {
    return this.grants.get(name)?.status?.redemptions ?? 0;
  }

  list(): AccessGrant[] {
    return [...this.grants.values()];
  }

  async get(name: string): Promise<AccessGrant | undefined> {
    await Bun.sleep(Math.random() * 2);
    return this.grants.get(name);
  }

  async updateStatus(grant: AccessGrant): Promise<AccessGrant> {
    await Bun.sleep(Math.random() * 2);
    const { name } = grant.metadata;
    if (this.grants.get(name)?.metadata.resourceVersion !== grant.metadata.resourceVersion) {
      throw new IsthmusError("CONFLICT", "changed");
    }
    const next = { ...grant, metadata: { ...grant.metadata, resourceVersion: String(this.#version++) } };
    this.grants.set(name, next);
    this.writes++;
    return next;
  }
}

interface Setup {
  readonly grants: MemoryGrants;
  readonly url: string;
  readonly issuer: Issuer;
}

function serve(options: Partial<JoinServerOptions> & { grants?: MemoryGrants } = {}): Setup {
  const { grants = new MemoryGrants(), ...more } = options;
  const issuer = new Issuer({
    root: () => ROOT,
    self: () => SELF,
    linkAddresses: () => [{ host: "127.0.0.1", port: 7443 }],
    redemptions: new Redemptions({ store: grants, clock: systemClock }),
    clock: systemClock,
  });
  const server = startJoinServer({
    hostname: "127.0.0.1",
    port: 0,
    tls,
    authority: issuer,
    clock: systemClock,
    perSource: MANY,
    global: MANY,
    ...more,
  });
  cleanups.push(() => server.close());
  return { grants, issuer, url: `https://127.0.0.1:${server.port}` };
}

function join(url: string, options: { code?: string; ca?: string; current?: Identity; keys?: NewKeys } = {}) {
  const { code = CODE, ca = tls.ca, current, keys } = options;
  return redeem({ url, ca, code, siteName: "c2", current, ...(keys === undefined ? {} : { keys }) });
}

async function reasonOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "none";
  } catch (error) {
    return (error as RedeemError).reason;
  }
}

async function send(url: string, body: string): Promise<Response> {
  return await fetch(url, { method: "POST", body, tls: { ca: tls.ca, serverName: JOIN_SERVER_NAME } });
}

describe("a redemption", () => {
  test("gives certificates for the keys of the joiner, of an id that the issuer chose, and where to link to", async () => {
    const { grants, url } = serve();
    grants.add();
    const joined = await join(url);
    const options = { root: joined.trust, now: Date.now() };
    expect(await verifyLeaf(joined.client.certificate, { ...options, use: "client" })).toMatchObject({
      network: "net",
      siteId: joined.siteId,
    });
    expect(await verifyLeaf(joined.server.certificate, { ...options, use: "server" })).toMatchObject({
      siteId: joined.siteId,
    });
    expect(joined.link).toEqual({ site: SELF, endpoints: [{ host: "127.0.0.1", port: 7443 }] });
    expect(joined.client.key).toContain("PRIVATE KEY");
  });

  test("succeeds exactly once under 100 at the same moment, over two replicas", async () => {
    const grants = new MemoryGrants();
    grants.add();
    const replicas = [serve({ grants, maxConcurrent: 200 }), serve({ grants, maxConcurrent: 200 })];
    const reasons = await Promise.all(
      Array.from({ length: 100 }, (_, index) => reasonOf(join(replicas[index % 2]?.url ?? ""))),
    );
    expect(reasons.filter((reason) => reason === "none")).toHaveLength(1);
    expect(reasons.filter((reason) => reason === "AlreadyUsed")).toHaveLength(99);
    expect(grants.redemptions()).toBe(1);
  }, 20_000);

  test("succeeds as often as is allowed", async () => {
    const { grants, url } = serve();
    grants.add({ allowed: 3 });
    const reasons = await Promise.all(Array.from({ length: 10 }, () => reasonOf(join(url))));
    expect(reasons.filter((reason) => reason === "none")).toHaveLength(3);
  });

  test("is given back when nothing could be signed", async () => {
    const { grants, url, issuer } = serve();
    grants.add();
    const { csr } = await createCsr();
    const request = { code: CODE, csrClient: csr, csrServer: "not a request", site: { name: "c2" } };
    expect(await reasonOf(issuer.join(request))).toBe("Invalid");
    expect(grants.redemptions()).toBe(0);
    expect(await reasonOf(join(url))).toBe("none");
  });

  test("whose answer was lost is answered again for the same keys, takes nothing more, and helps nobody else", async () => {
    const { grants, url } = serve();
    grants.add({ allowed: 2 });
    const keys = await newKeys();
    const first = await join(url, { keys });
    const again = await Promise.all([join(url, { keys }), join(url, { keys })]);
    expect(again.map(({ siteId }) => siteId)).toEqual([first.siteId, first.siteId]);
    await verifyLeaf(again[0]?.client.certificate ?? "", {
      root: first.trust,
      now: Date.now(),
      use: "client",
    });
    expect(grants.redemptions()).toBe(1);
    // Other requests for the same keys are the same joiner; one key of two is not.
    const { csr } = await createCsr({ key: keys.client });
    const rewritten = { ...keys, requests: { ...keys.requests, csrClient: csr } };
    expect((await join(url, { keys: rewritten })).siteId).toBe(first.siteId);
    const other = await newKeys();
    const mixed = { ...other, client: keys.client, requests: { ...other.requests, csrClient: csr } };
    expect((await join(url, { keys: mixed })).siteId).not.toBe(first.siteId);
    expect(grants.redemptions()).toBe(2);
    expect(await reasonOf(join(url))).toBe("AlreadyUsed");
    expect((await join(url, { keys })).siteId).toBe(first.siteId);
    const [grant] = grants.list();
    expect(grant?.status?.redeemers).toHaveLength(2);
    expect(JSON.stringify(grant)).not.toContain("BEGIN");
  });

  test("is not answered again after the expiry", async () => {
    const { grants, url } = serve();
    const { metadata, ...rest } = grants.add();
    const keys = await newKeys();
    await join(url, { keys });
    const { status } = grants.list()[0] ?? {};
    const old = { ...metadata, creationTimestamp: new Date(Date.now() - 3_600_000).toISOString() };
    grants.grants.set("g0", { ...rest, metadata: old, ...(status === undefined ? {} : { status }) });
    expect(await reasonOf(join(url, { keys }))).toBe("Expired");
  });

  test("tells expired and used only to who has the code", async () => {
    const { grants, url } = serve();
    grants.add({ ageMs: 3_600_000 });
    expect(await reasonOf(join(url))).toBe("Expired");
    expect(await reasonOf(join(url, { code: `${CODE}x` }))).toBe("Denied");
    expect(grants.redemptions()).toBe(0);
  });

  test("believes no other authority than the token's", async () => {
    const { grants, url } = serve();
    grants.add();
    const other = await createServerCertificate({ hosts: [JOIN_SERVER_NAME], now: Date.now() });
    expect(await reasonOf(join(url, { ca: other.ca }))).toBe("WrongCA");
    expect(
      await reasonOf(join(url, { ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" })),
    ).toBe("WrongCA");
    expect(grants.redemptions()).toBe(0);
  });

  test("says that the issuer cannot be reached, which may be tried again", async () => {
    const error = await join("https://127.0.0.1:1").catch((caught: unknown) => caught as RedeemError);
    expect(error).toMatchObject({ reason: "Unreachable", retryable: true });
  });

  test("refuses the same site's own token, and spends nothing", async () => {
    const { grants, url } = serve();
    grants.add();
    const self = await issueIdentity(ROOT, { siteId: SELF.id, nowMs: Date.now() });
    expect(await reasonOf(join(url, { current: self }))).toBe("Invalid");
    expect(grants.redemptions()).toBe(0);
  });
});

describe("a member", () => {
  test("keeps its id when it redeems another token, also after its certificate has ended", async () => {
    const { grants, url } = serve();
    grants.add({ allowed: 2 });
    for (const nowMs of [Date.now(), Date.now() - 60 * 86_400_000]) {
      const root = { network: "net", authority: await createRoot({ network: "net", now: nowMs }) };
      const current = await issueIdentity(nowMs > Date.now() - 1000 ? ROOT : root, {
        siteId: "member",
        nowMs,
      });
      const attempt = join(url, { current });
      // A root of the same name but another key is another network.
      if (nowMs < Date.now() - 86_400_000) expect(await reasonOf(attempt)).toBe("OtherNetwork");
      else expect((await attempt).siteId).toBe("member");
    }
  });

  test("whose certificate has ended keeps its id by a new token, and cannot renew without", async () => {
    const longAgo = Date.now() - 60 * 86_400_000;
    const old = { network: "net", authority: await createRoot({ network: "net", now: longAgo }) };
    const grants = new MemoryGrants();
    grants.add();
    const issuer = new Issuer({
      root: () => old,
      self: () => SELF,
      linkAddresses: () => [{ host: "127.0.0.1", port: 7443 }],
      redemptions: new Redemptions({ store: grants, clock: systemClock }),
      clock: systemClock,
    });
    const { url } = serve({ authority: issuer });
    const ended = await issueIdentity(old, { siteId: "sleeper", nowMs: longAgo });
    expect(await reasonOf(renew(ended, { url, ca: tls.ca }))).toBe("Expired");
    expect((await join(url, { current: ended })).siteId).toBe("sleeper");
  });

  test("renews with new keys", async () => {
    const { url } = serve();
    const current = await issueIdentity(ROOT, { siteId: "member", nowMs: Date.now() });
    const renewed = await renew(current, { url, ca: tls.ca });
    expect(renewed.siteId).toBe("member");
    expect(renewed.client.key).not.toBe(current.client.key);
    await verifyLeaf(renewed.client.certificate, {
      root: ROOT.authority.certificate,
      now: Date.now(),
      use: "client",
    });
  });

  test("cannot be another one: the certificate is public, its key is not", async () => {
    const { url } = serve();
    const [mallory, victim] = await Promise.all(
      ["mallory", "victim"].map((siteId) => issueIdentity(ROOT, { siteId, nowMs: Date.now() })),
    );
    if (mallory === undefined || victim === undefined) throw new Error("unreachable");
    const forged = {
      ...mallory,
      client: { certificate: victim.client.certificate, key: mallory.client.key },
    };
    expect(await reasonOf(renew(forged, { url, ca: tls.ca }))).toBe("Denied");
    // A server certificate proves nothing about who dials.
    const swapped = { ...mallory, client: mallory.server };
    expect(await reasonOf(renew(swapped, { url, ca: tls.ca }))).toBe("OtherNetwork");
  });

  test("cannot have a proof used for other keys", async () => {
    const { issuer } = serve();
    const current = await issueIdentity(ROOT, { siteId: "member", nowMs: Date.now() });
    const { proveMembership } = await import("./join-protocol.ts");
    const [a, b, evil] = await Promise.all([createCsr(), createCsr(), createCsr()]);
    const proof = proveMembership(current.client.key, { csrClient: a.csr, csrServer: b.csr });
    const request = {
      csrClient: a.csr,
      csrServer: evil.csr,
      current: { certificate: current.client.certificate, proof },
    };
    expect(await reasonOf(issuer.renew(request))).toBe("Denied");
  });
});

describe("the server", () => {
  test("takes POST on two paths and nothing else", async () => {
    const { url } = serve();
    const options = { tls: { ca: tls.ca, serverName: JOIN_SERVER_NAME } };
    expect((await fetch(`${url}/v1/join`, options)).status).toBe(405);
    expect((await fetch(`${url}/`, options)).status).toBe(404);
  });

  test("refuses bodies over 16 KiB, text that is no JSON, unknown fields, and other types", async () => {
    const { url, grants } = serve();
    grants.add();
    const good = { code: CODE, csrClient: "x", csrServer: "x", site: { name: "c2" } };
    for (const [body, status] of [
      ["x".repeat(17 * 1024), 413],
      ["{", 400],
      [JSON.stringify({ ...good, admin: true }), 400],
      [JSON.stringify({ ...good, code: 7 }), 400],
      [JSON.stringify({ ...good, csrClient: "not a request" }), 400],
      ['{"__proto__":{"code":"x"}}', 400],
    ] as const) {
      expect((await send(`${url}/v1/join`, body)).status).toBe(status);
    }
    expect(grants.redemptions()).toBe(0);
  });

  test("lets a source that guesses try only so often", async () => {
    const clock = new FakeClock();
    const { url } = serve({ clock, perSource: { burst: 5, perSecond: 1 } });
    const guess = async (): Promise<string> => await reasonOf(join(url, { code: "wrong-wrong-wrong-wrong" }));
    const reasons: string[] = [];
    for (let index = 0; index < 8; index++) reasons.push(await guess());
    expect(reasons).toEqual([
      ...Array<string>(5).fill("Denied"),
      ...Array<string>(3).fill("TooManyRequests"),
    ]);
    clock.advance(1000);
    expect(await guess()).toBe("Denied");
  });
});
