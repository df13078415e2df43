import { describe, expect, test } from "bun:test";
import { createPrivateKey, createPublicKey, X509Certificate as NodeCertificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCsr, createRoot, LINK_SERVER_NAME, publicKeyOf, signLeaf } from "./authority.ts";
import { fingerprint } from "./fingerprint.ts";
import { importKeys, KEY_ALGORITHM, SIGNING_ALGORITHM } from "./key-pair.ts";
import { parseCertificate } from "./parse.ts";
import { refusal } from "./testing/refusal.ts";
import { createServerCertificate } from "./tls-server.ts";
import {
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "./x509.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const DAY_MS = 86_400_000;
const root = await createRoot({ network: "n1", now: NOW });
const { csr, key } = await createCsr();
const sign = (use: "client" | "server", days = 30): Promise<string> =>
  signLeaf({ authority: root, csr, network: "n1", siteId: "s1", use, now: NOW, days });

/** The text of openssl's answer. */
async function openssl(files: Record<string, string>, args: readonly string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "isthmus-pki-"));
  try {
    for (const [name, text] of Object.entries(files)) await Bun.write(join(dir, name), text);
    const child = Bun.spawn(["openssl", ...args], { cwd: dir, stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    await child.exited;
    return out + err;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const withoutOpenssl = Bun.which("openssl") === null;
if (withoutOpenssl) console.warn("openssl is not installed: its tests are skipped");

describe("createRoot", () => {
  test("makes an authority of 10 years on P-256 that may sign certificates and nothing else", () => {
    const certificate = new NodeCertificate(root.certificate);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe("CN=Isthmus network n1");
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(certificate.checkPrivateKey(createPrivateKey(root.key))).toBe(true);
    const parsed = parseCertificate(root.certificate);
    expect(parsed.notBefore.getTime()).toBe(NOW - 5 * 60_000);
    expect((parsed.notAfter.getTime() - NOW) / DAY_MS).toBe(3652);
    expect(parsed.getExtension(KeyUsagesExtension)?.usages).toBe(
      KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
    );
    expect(parsed.signatureAlgorithm.hash.name).toBe("SHA-256");
  });

  test("refuses a network id that cannot stand in an identity", () => {
    expect(() => createRoot({ network: "a/b", now: NOW })).toThrow('Cannot use "a/b" as a network id');
  });
});

describe("signLeaf", () => {
  test("gives each use its one extended key usage and exact names", async () => {
    for (const use of ["client", "server"] as const) {
      const leaf = await sign(use);
      const parsed = parseCertificate(leaf);
      expect(parsed.getExtension(ExtendedKeyUsageExtension)?.usages).toEqual([
        use === "client" ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1",
      ]);
      expect(parsed.getExtension(KeyUsagesExtension)?.usages).toBe(KeyUsageFlags.digitalSignature);
      const certificate = new NodeCertificate(leaf);
      expect(certificate.subjectAltName).toBe(
        use === "client" ? "URI:isthmus://n1/site/s1" : `URI:isthmus://n1/site/s1, DNS:${LINK_SERVER_NAME}`,
      );
      expect(certificate.subject).toBe("CN=s1");
      expect(certificate.ca).toBe(false);
      expect(certificate.verify(createPublicKey(root.certificate))).toBe(true);
      expect(certificate.checkIssued(new NodeCertificate(root.certificate))).toBe(true);
      expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    }
  });

  test("begins 5 minutes ago and ends after the days asked for, at most 30", async () => {
    const parsed = parseCertificate(await sign("client", 7));
    expect(parsed.notBefore.getTime()).toBe(NOW - 5 * 60_000);
    expect(parsed.notAfter.getTime()).toBe(NOW + 7 * DAY_MS);
    for (const days of [0, -1, 30.01, NaN]) {
      expect(await refusal(sign("client", days))).toContain("expected at most 30");
    }
  });

  test("never outlives its authority, and refuses when that is over", async () => {
    const rootEnd = parseCertificate(root.certificate).notAfter.getTime();
    const late = { authority: root, csr, network: "n1", siteId: "s1", use: "client" } as const;
    const leaf = await signLeaf({ ...late, now: rootEnd - DAY_MS });
    expect(parseCertificate(leaf).notAfter.getTime()).toBe(rootEnd);
    expect(await refusal(signLeaf({ ...late, now: rootEnd + 1 }))).toContain(
      "The authority's certificate ended at",
    );
  });

  test("gives each certificate another positive serial number", async () => {
    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => parseCertificate(await sign("client")).serialNumber),
    );
    expect(new Set(serials).size).toBe(20);
    for (const serial of serials) expect(Number.parseInt(serial.slice(0, 2), 16)).toBeLessThan(0x80);
  });

  test.skipIf(withoutOpenssl)("is verified by openssl, for its own use only", async () => {
    const files = {
      "root.pem": root.certificate,
      "client.pem": await sign("client"),
      "server.pem": await sign("server"),
    };
    const verify = (purpose: string, file: string, extra: readonly string[] = []): Promise<string> =>
      openssl(files, [
        "verify",
        "-x509_strict",
        "-attime",
        String(NOW / 1000),
        "-CAfile",
        "root.pem",
        "-purpose",
        purpose,
        ...extra,
        file,
      ]);
    expect(await verify("sslclient", "client.pem")).toBe("client.pem: OK\n");
    expect(await verify("sslserver", "server.pem", ["-verify_hostname", LINK_SERVER_NAME])).toBe(
      "server.pem: OK\n",
    );
    expect(await verify("sslserver", "client.pem")).toContain("unsuitable certificate purpose");
    expect(await verify("sslclient", "server.pem")).toContain("unsuitable certificate purpose");
    expect(await verify("sslserver", "server.pem", ["-verify_hostname", "other.internal"])).toContain(
      "hostname mismatch",
    );
  });
});

/** The request with its last byte changed: part of the signature. */
const bend = (pem: string): string => {
  const [head = "", ...rest] = pem.trim().split("\n");
  const der = Buffer.from(rest.slice(0, -1).join(""), "base64");
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  return `${head}\n${der.toString("base64")}\n${rest.at(-1)}\n`;
};

describe("the signing request", () => {
  const signRequest = (request: string): Promise<string> =>
    signLeaf({ authority: root, csr: request, network: "n1", siteId: "s1", use: "client", now: NOW });

  test("that was tampered with is refused", async () => {
    expect(await refusal(signRequest(bend(csr)))).toContain("not signed by its own key");
  });

  test("with another's key in it is refused", async () => {
    const other = await createCsr();
    const [mine, theirs] = [csr, other.csr].map((pem) =>
      Buffer.from(pem.trim().split("\n").slice(1, -1).join(""), "base64"),
    );
    const [point, theirPoint] = await Promise.all([key, other.key].map(publicPoint));
    const at = mine?.indexOf(point ?? "") ?? -1;
    expect(at).toBeGreaterThan(0);
    expect(theirs?.indexOf(theirPoint ?? "")).toBe(at);
    mine?.set(theirPoint ?? [], at);
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${mine?.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    expect(await refusal(signRequest(forged))).toContain("not signed by its own key");
  });

  test("cannot choose its identity or uses: names and extensions in it are ignored", async () => {
    const keys = await importKeys(key);
    const greedy = await Pkcs10CertificateRequestGenerator.create({
      name: "CN=admin",
      keys,
      signingAlgorithm: SIGNING_ALGORITHM,
      extensions: [
        new SubjectAlternativeNameExtension([{ type: "url", value: "isthmus://n1/site/other" }]),
        new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.3"]),
      ],
    });
    const leaf = new NodeCertificate(await signRequest(greedy.toString("pem")));
    expect(leaf.subject).toBe("CN=s1");
    expect(leaf.subjectAltName).toBe("URI:isthmus://n1/site/s1");
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  });

  test("with a key of another kind is refused", async () => {
    const p384 = await crypto.subtle.generateKey({ ...KEY_ALGORITHM, namedCurve: "P-384" }, true, [
      "sign",
      "verify",
    ]);
    const rsa = await crypto.subtle.generateKey(
      {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
      },
      true,
      ["sign", "verify"],
    );
    for (const keys of [p384, rsa]) {
      const signingAlgorithm = { name: keys.privateKey.algorithm.name, hash: "SHA-256" };
      const request = await Pkcs10CertificateRequestGenerator.create({
        name: "CN=x",
        keys,
        signingAlgorithm,
      });
      expect(await refusal(signRequest(request.toString("pem")))).toContain("has no P-256 key");
    }
  });

  test.each([
    "",
    "x",
    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
    "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----",
    `${csr}${csr}`,
    root.certificate,
    `x${csr}`,
    csr.replace("\n", "\n".repeat(20_000)),
  ])("that is none is refused as invalid (%#)", async (text) => {
    expect(await refusal(signRequest(text))).toStartWith("INVALID: Cannot read the ");
  });

  test("can be made for a key that one has already", async () => {
    const again = await createCsr({ key });
    expect(again.key).toBe(key);
    expect(publicKeyOf(again.csr)).toBe(publicKeyOf(csr));
    expect(await refusal(createCsr({ key: "secret" }))).toBe(
      "INVALID: Cannot read the private key: expected a P-256 key in PKCS#8 PEM",
    );
  });

  test.skipIf(withoutOpenssl)("is verified by openssl", async () => {
    const out = await openssl({ "site.csr": csr }, ["req", "-in", "site.csr", "-noout", "-verify"]);
    expect(out).toContain("OK");
  });
});

test("publicKeyOf is the same text for a request and its certificate, and as node writes it", async () => {
  const leaf = await sign("client");
  expect(publicKeyOf(leaf)).toBe(publicKeyOf(csr));
  expect(publicKeyOf(root.certificate)).not.toBe(publicKeyOf(csr));
  const spki = Buffer.from(createPublicKey(key).export({ type: "spki", format: "pem" }));
  expect(publicKeyOf(csr).trim()).toBe(spki.toString().trim());
});

test("fingerprint is the SHA-256 of the certificate", async () => {
  const leaf = await sign("client");
  expect(fingerprint(leaf)).toBe(new NodeCertificate(leaf).fingerprint256.replaceAll(":", "").toLowerCase());
  expect(() => fingerprint(csr)).toThrow('expected one "CERTIFICATE" block');
});

describe("createServerCertificate", () => {
  test("names exactly its hosts, by an authority that cannot have others below it", async () => {
    const hosts = ["api.internal", "127.0.0.1", "[::1]", "*.example.org"];
    const server = await createServerCertificate({ hosts, now: NOW, days: 10 });
    const leaf = new NodeCertificate(server.certificate);
    expect(leaf.subjectAltName).toBe(
      "DNS:api.internal, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:*.example.org",
    );
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(leaf.verify(createPublicKey(server.ca))).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(server.key))).toBe(true);
    expect(parseCertificate(server.certificate).notAfter.getTime()).toBe(NOW + 10 * DAY_MS);
  });

  test.skipIf(withoutOpenssl)("is verified by openssl, by address too", async () => {
    const server = await createServerCertificate({ hosts: ["api.internal", "127.0.0.1"], now: NOW });
    const verified = await openssl({ "ca.pem": server.ca, "s.pem": server.certificate }, [
      "verify",
      "-x509_strict",
      "-attime",
      String(NOW / 1000),
      "-CAfile",
      "ca.pem",
      "-purpose",
      "sslserver",
      "-verify_ip",
      "127.0.0.1",
      "s.pem",
    ]);
    expect(verified).toBe("s.pem: OK\n");
  });

  test("refuses what is no host", async () => {
    expect(await refusal(createServerCertificate({ hosts: [], now: NOW }))).toContain("at least one host");
    for (const host of ["", "a b", "https://x", "x:1"]) {
      const answer = await refusal(createServerCertificate({ hosts: [host], now: NOW }));
      expect(answer).toContain("expected a DNS name");
    }
  });
});

async function publicPoint(pem: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.exportKey("raw", (await importKeys(pem)).publicKey));
}
