import { IsthmusError } from "#core/errors.ts";
import { type SiteIdentity, siteUri } from "./identity.ts";
import { createAuthority, issueLeaf, withNewline } from "./issue.ts";
import {
  type CertifiedKey,
  generateKeys,
  importKeys,
  KEY_ALGORITHM,
  privateKeyPem,
  SIGNING_ALGORITHM,
} from "./key-pair.ts";
import { parseCertificate, parseCsr } from "./parse.ts";
import {
  ExtendedKeyUsageExtension,
  type Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "./x509.ts";

/** A dialler shows a client certificate, an acceptor a server certificate; neither serves for the other. */
export type LeafUse = "client" | "server";

/** Extended key usage of each (RFC 5280 section 4.2.1.12). */
export const USAGE_OID = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

/** The name that every acceptor's certificate carries, so that a dialler can check one although addresses change. */
export const LINK_SERVER_NAME = "link.isthmus.internal";

export const MAX_LEAF_DAYS = 30;
const ROOT_DAYS = 3652;

/** The root authority of a new network: 10 years; may have intermediates of path length 0. `now`: wall time, ms. */
export function createRoot(options: {
  readonly network: string;
  readonly now: number;
}): Promise<CertifiedKey> {
  siteUri({ network: options.network, siteId: "any" });
  return createAuthority({
    name: `Isthmus network ${options.network}`,
    now: options.now,
    days: ROOT_DAYS,
    pathLength: 1,
  });
}

export interface SignLeafOptions extends SiteIdentity {
  readonly authority: CertifiedKey;
  /** PEM; only its key is taken over. What it says about names or uses is ignored: the issuer assigns the identity. */
  readonly csr: string;
  readonly use: LeafUse;
  /** Wall time, ms. */
  readonly now: number;
  /** At most 30 [30]. */
  readonly days?: number;
}

/**
 * A site's certificate: valid from 5 minutes ago, never longer than the authority. Throws INVALID when the request is not
 * one, is not signed by its own key, or that key is not P-256; or when an id or `days` is out of bounds.
 */
export async function signLeaf(options: SignLeafOptions): Promise<string> {
  const { authority, network, siteId, use, now, days = MAX_LEAF_DAYS } = options;
  if (!(days > 0 && days <= MAX_LEAF_DAYS)) {
    throw new IsthmusError(
      "INVALID",
      `A certificate cannot live ${days} days: expected at most ${MAX_LEAF_DAYS}`,
    );
  }
  const uri = siteUri({ network, siteId });
  const publicKey = await provenKey(parseCsr(options.csr));
  return issueLeaf({
    authority,
    publicKey,
    commonName: siteId,
    now,
    days,
    extensions: [
      new ExtendedKeyUsageExtension([USAGE_OID[use]]),
      new SubjectAlternativeNameExtension([
        { type: "url", value: uri },
        ...(use === "server" ? [{ type: "dns" as const, value: LINK_SERVER_NAME }] : []),
      ]),
    ],
  });
}

/** The key of a request whose sender has proved to hold its private half. */
async function provenKey(csr: Pkcs10CertificateRequest): Promise<CryptoKey> {
  let key: CryptoKey;
  let proven: boolean;
  try {
    key = await csr.publicKey.export(KEY_ALGORITHM, ["verify"]);
    proven = await csr.verify();
  } catch (cause) {
    throw new IsthmusError("INVALID", "The certificate signing request has no P-256 key", { cause });
  }
  if (!proven) {
    throw new IsthmusError("INVALID", "The certificate signing request is not signed by its own key");
  }
  return key;
}

/** A request for a certificate, for a new key or the given one (PKCS#8 PEM). The key stays with the caller. */
export async function createCsr(
  options: { readonly key?: string } = {},
): Promise<{ readonly csr: string; readonly key: string }> {
  const keys = await (options.key === undefined ? generateKeys() : importKeys(options.key));
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: ["isthmus site"] }],
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
  });
  return {
    csr: withNewline(request.toString("pem")),
    key: options.key ?? (await privateKeyPem(keys.privateKey)),
  };
}

/** The public key of a certificate or of a signing request, SPKI PEM; equal text means equal keys. Throws INVALID. */
export function publicKeyOf(pem: string): string {
  const isRequest = pem.includes("-----BEGIN CERTIFICATE REQUEST-----");
  const { publicKey } = isRequest ? parseCsr(pem) : parseCertificate(pem);
  return withNewline(publicKey.toString("pem"));
}
