import { IsthmusError } from "#core/errors.ts";
import { type CertifiedKey, generateKeys, importKeys, privateKeyPem, SIGNING_ALGORITHM } from "./key-pair.ts";
import { parseCertificate } from "./parse.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "./x509.ts";

const DAY_MS = 86_400_000;
/** Certificates begin this long ago, for peers whose clock is behind. */
export const BACKDATE_MS = 5 * 60_000;

interface AuthorityOptions {
  readonly name: string;
  /** Wall time, ms. */
  readonly now: number;
  readonly days: number;
  /** How many authorities may stand between this one and a leaf. */
  readonly pathLength: number;
}

/** A new self-signed authority with a new key. */
export async function createAuthority(options: AuthorityOptions): Promise<CertifiedKey> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.name] }],
    notBefore: wholeSecond(options.now - BACKDATE_MS),
    notAfter: wholeSecond(options.now + options.days * DAY_MS),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, options.pathLength, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: withNewline(certificate.toString("pem")), key: await privateKeyPem(keys.privateKey) };
}

interface LeafOptions {
  readonly authority: CertifiedKey;
  readonly publicKey: CryptoKey;
  readonly commonName: string;
  readonly now: number;
  readonly days: number;
  /** What the certificate is for and whom it names. */
  readonly extensions: readonly Extension[];
}

/** A leaf from that authority; never valid longer than it. Throws EXPIRED when the authority itself is over. */
export async function issueLeaf(options: LeafOptions): Promise<string> {
  const { authority, publicKey, now } = options;
  const issuer = parseCertificate(authority.certificate);
  const { privateKey } = await importKeys(authority.key);
  const end = Math.min(now + options.days * DAY_MS, issuer.notAfter.getTime());
  if (end <= now) {
    throw new IsthmusError(
      "EXPIRED",
      `The authority's certificate ended at ${issuer.notAfter.toISOString()}`,
    );
  }
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [options.commonName.slice(0, 64)] }],
    issuer: issuer.subjectName,
    notBefore: wholeSecond(Math.max(now - BACKDATE_MS, issuer.notBefore.getTime())),
    notAfter: wholeSecond(end),
    publicKey,
    signingKey: privateKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...options.extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return withNewline(certificate.toString("pem"));
}

/** 127 random bits, positive (RFC 5280 section 4.1.2.2: at most 20 octets; CAs must not repeat one). */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}

/** X.509 times have no fractions. */
function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}

/** PEM files end with a newline; several can then be put together. */
export function withNewline(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}
