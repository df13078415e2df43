import { describe, expect, test } from "bun:test";
import { createCsr, createRoot, type LeafUse, signLeaf, USAGE_OID } from "./authority.ts";
import { issueLeaf } from "./issue.ts";
import { generateKeys } from "./key-pair.ts";
import { refusal } from "./testing/refusal.ts";
import { validityOf, verifyLeaf, type VerifyOptions } from "./verify.ts";
import { ExtendedKeyUsageExtension, SubjectAlternativeNameExtension } from "./x509.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const root = await createRoot({ network: "n1", now: NOW });
const { csr } = await createCsr();
const sign = (use: LeafUse, authority = root): Promise<string> =>
  signLeaf({ authority, csr, network: "n1", siteId: "s1", use, now: NOW });
const leaf = await sign("client");

const judge = (pem: string, options: Partial<VerifyOptions> = {}): Promise<string> =>
  refusal(verifyLeaf(pem, { root: root.certificate, now: NOW, ...options }));

/** A leaf that signLeaf would not make. */
async function odd(options: { usages?: string[]; names?: string[] }): Promise<string> {
  const { usages = [USAGE_OID.client], names = ["isthmus://n1/site/s1"] } = options;
  const keys = await generateKeys();
  return issueLeaf({
    authority: root,
    publicKey: keys.publicKey,
    commonName: "s1",
    now: NOW,
    days: 1,
    extensions: [
      new ExtendedKeyUsageExtension(usages),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: "url", value }))),
    ],
  });
}

describe("verifyLeaf", () => {
  test("tells whose certificate it is, for what, and until when", async () => {
    expect(await verifyLeaf(leaf, { root: root.certificate, now: NOW })).toEqual({
      network: "n1",
      siteId: "s1",
      use: "client",
      notBefore: NOW - 5 * MINUTE_MS,
      notAfter: NOW + 30 * DAY_MS,
    });
    expect(validityOf(leaf)).toEqual({ notBefore: NOW - 5 * MINUTE_MS, notAfter: NOW + 30 * DAY_MS });
  });

  test("refuses a leaf from another root, also one of the same name", async () => {
    const impostor = await createRoot({ network: "n1", now: NOW });
    const foreign = "UNTRUSTED: The site's certificate was not issued by this network's root";
    expect(await judge(await sign("client", impostor))).toBe(foreign);
    expect(await judge(await sign("client", await createRoot({ network: "n2", now: NOW })))).toBe(foreign);
    expect(await judge(leaf, { root: leaf })).toContain("The root is not an authority");
  });

  test("refuses the root itself in place of a leaf", async () => {
    expect(await judge(root.certificate)).toBe("UNTRUSTED: The site's certificate is an authority's");
  });

  test("allows clocks to be 5 minutes apart, and no more, on both sides", async () => {
    const { notBefore, notAfter } = validityOf(leaf);
    const leeway = 5 * MINUTE_MS;
    expect(await judge(leaf, { now: notAfter + leeway })).toBe("accepted");
    expect(await judge(leaf, { now: notAfter + leeway + 1 })).toBe(
      "EXPIRED: The site's certificate ended at 2026-12-20T12:00:00.000Z; here it is 2026-12-20T12:05:00.001Z",
    );
    const strict = await createRoot({ network: "n1", now: NOW - 30 * DAY_MS });
    const late = await sign("client", strict);
    const older = { root: strict.certificate };
    expect(await judge(late, { ...older, now: notBefore - leeway })).toBe("accepted");
    expect(await judge(late, { ...older, now: notBefore - leeway - 1 })).toContain(
      "UNTRUSTED: The site's certificate begins only at 2026-11-20T11:55:00.000Z",
    );
    expect(await judge(leaf, { now: notAfter, leewayMs: 0 })).toBe("accepted");
    expect(await judge(leaf, { now: notAfter + 1, leewayMs: 0 })).toStartWith("EXPIRED: ");
  });

  test("says that it is the root that ended, when it is", async () => {
    const { notAfter } = validityOf(root.certificate);
    expect(await judge(leaf, { now: notAfter + DAY_MS })).toStartWith(
      "EXPIRED: The network's root certificate ended at",
    );
  });

  test("refuses a certificate of the other use, of both, or of none", async () => {
    expect(await judge(leaf, { use: "client" })).toBe("accepted");
    expect(await judge(leaf, { use: "server" })).toContain("not for server use");
    expect(await judge(await sign("server"), { use: "client" })).toContain("not for client use");
    const both = await odd({ usages: [USAGE_OID.client, USAGE_OID.server] });
    expect(await judge(both)).toContain("not for exactly one of client and server use");
    expect(await judge(await odd({ usages: ["2.5.29.37.0"] }))).toContain("not for exactly one");
  });

  test("refuses a certificate that names no site, or two", async () => {
    const refused = "UNTRUSTED: The site's certificate names no site, or more than one";
    expect(await judge(await odd({ names: [] }))).toBe(refused);
    expect(await judge(await odd({ names: ["https://n1/site/s1"] }))).toBe(refused);
    expect(await judge(await odd({ names: ["isthmus://n1/site/s1", "isthmus://n1/site/s2"] }))).toBe(refused);
    expect(await judge(await odd({}))).toBe("accepted");
  });

  test("refuses what is no certificate, or more than one", async () => {
    for (const text of ["", "x", csr, `${leaf}${leaf}`, leaf.replace("MII", "MIJ")]) {
      expect(await judge(text)).toStartWith("INVALID: Cannot read the ");
    }
  });

  test("refuses a certificate of which any bit was changed", async () => {
    const der = Buffer.from(leaf.trim().split("\n").slice(1, -1).join(""), "base64");
    const wrong: string[] = [];
    for (let at = 0; at < der.length; at += 7) {
      const bent = Buffer.from(der);
      bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8));
      const pem = `-----BEGIN CERTIFICATE-----\n${bent.toString("base64")}\n-----END CERTIFICATE-----\n`;
      const answer = await judge(pem);
      if (!/^(INVALID|UNTRUSTED|EXPIRED): /.test(answer)) wrong.push(`byte ${at}: ${answer}`);
    }
    expect(wrong).toEqual([]);
  });
});
