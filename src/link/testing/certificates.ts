import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

/**
 * X.509 certificates for tests, also the wrong ones that an authority would never sign: other usages, other names,
 * out of date. A small DER writer (X.690), so that the tests of the link trust no code that they test with.
 */
export interface TestAuthority {
  readonly certificate: string;
  readonly key: string;
  readonly subject: string;
  /** Intermediates below the root, in the order of a chain file; empty for a root. */
  readonly chain: string;
}

export interface LeafOptions {
  readonly usage?: readonly ("client" | "server")[];
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;
const OID = {
  ecdsaWithSha256: "06082a8648ce3d040302",
  commonName: "0603550403",
  basicConstraints: "0603551d13",
  keyUsage: "0603551d0f",
  extendedKeyUsage: "0603551d25",
  subjectAltName: "0603551d11",
  serverAuth: "06082b06010505070301",
  clientAuth: "06082b06010505070302",
} as const;

let serial = 1;

export function createTestRoot(name: string): TestAuthority {
  return createAuthority(name, undefined);
}

export function createTestIntermediate(name: string, parent: TestAuthority): TestAuthority {
  return createAuthority(name, parent);
}

/** A leaf; `certificate` holds the chain up to, and without, the root. */
export function createTestLeaf(
  authority: TestAuthority,
  options: LeafOptions,
): { certificate: string; key: string } {
  const { privateKey, publicKey } = newKey();
  const names = [
    ...(options.uris ?? []).map((uri) => tlv(0x86, Buffer.from(uri))),
    ...(options.dns ?? []).map((dns) => tlv(0x82, Buffer.from(dns))),
  ];
  const usage = (options.usage ?? []).map((use) => hex(use === "client" ? OID.clientAuth : OID.serverAuth));
  const extensions = [
    extension(OID.basicConstraints, sequence()),
    extension(OID.keyUsage, hex("03020780")),
    ...(usage.length > 0 ? [extension(OID.extendedKeyUsage, sequence(...usage))] : []),
    ...(names.length > 0 ? [extension(OID.subjectAltName, sequence(...names))] : []),
  ];
  const certificate = issue({
    subject: `leaf-${serial}`,
    publicKey,
    issuer: authority.subject,
    issuerKey: authority.key,
    extensions,
    notBefore: options.notBefore ?? new Date(Date.now() - DAY_MS),
    notAfter: options.notAfter ?? new Date(Date.now() + 7 * DAY_MS),
  });
  return { certificate: certificate + authority.chain, key: privateKey };
}

function createAuthority(name: string, parent: TestAuthority | undefined): TestAuthority {
  const { privateKey, publicKey } = newKey();
  const constraints = parent === undefined ? sequence(hex("0101ff")) : sequence(hex("0101ff"), hex("020100"));
  const certificate = issue({
    subject: name,
    publicKey,
    issuer: parent?.subject ?? name,
    issuerKey: parent?.key ?? privateKey,
    extensions: [extension(OID.basicConstraints, constraints), extension(OID.keyUsage, hex("03020106"))],
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 365 * DAY_MS),
  });
  const chain = parent === undefined ? "" : certificate + parent.chain;
  return { certificate, key: privateKey, subject: name, chain };
}

interface Issue {
  readonly subject: string;
  readonly publicKey: Buffer;
  readonly issuer: string;
  readonly issuerKey: string;
  readonly extensions: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function issue(from: Issue): string {
  const algorithm = sequence(hex(OID.ecdsaWithSha256));
  const body = sequence(
    hex("a003020102"),
    tlv(0x02, Buffer.from([0x40, serial >> 8, serial++ & 0xff])),
    algorithm,
    commonName(from.issuer),
    sequence(time(from.notBefore), time(from.notAfter)),
    commonName(from.subject),
    from.publicKey,
    tlv(0xa3, sequence(...from.extensions)),
  );
  const signature = sign("sha256", body, createPrivateKey(from.issuerKey));
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = der
    .toString("base64")
    .replace(/(.{64})/g, "$1\n")
    .trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function newKey(): { privateKey: string; publicKey: Buffer } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { privateKey: pem, publicKey: createPublicKey(pem).export({ type: "spki", format: "der" }) };
}

function commonName(name: string): Buffer {
  return sequence(tlv(0x31, sequence(hex(OID.commonName), tlv(0x0c, Buffer.from(name)))));
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(hex(oid), hex("0101ff"), tlv(0x04, value));
}

function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return tlv(0x17, Buffer.from(text.slice(2)));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

function tlv(tag: number, content: Buffer): Buffer {
  const size = content.length;
  const header =
    size < 0x80 ? [tag, size] : size < 0x100 ? [tag, 0x81, size] : [tag, 0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}
