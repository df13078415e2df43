import {
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  X509Certificate,
  type KeyObject,
} from "node:crypto";
import { identityOfSubjectAltName } from "#pki/identity.ts";

/** Clocks of sites may differ by so much, ms. */
const LEEWAY_MS = 10 * 60_000;
const MAX_CHAIN = 4;
const CACHE_SIZE = 4096;

/** Signs what a site says of itself: ECDSA P-256 over SHA-256 (IEEE P1363), with the key of its certificate. */
export class AdvertisementSigner {
  /** PEM; goes along with full advertisements. */
  readonly certificate: string;
  readonly #key: KeyObject;

  /** Throws when the key cannot be read. */
  constructor({ certificate, key }: { readonly certificate: string; readonly key: string }) {
    this.certificate = certificate;
    this.#key = createPrivateKey(key);
  }

  /** base64 */
  sign(body: Uint8Array): string {
    return sign("sha256", body, { key: this.#key, dsaEncoding: "ieee-p1363" }).toString("base64");
  }
}

/** Who a certificate of this network belongs to. */
export interface Origin {
  readonly siteId: string;
  readonly key: KeyObject;
}

/**
 * Checks certificates of origins against the network's roots, once each (they are cached), and signatures with their
 * keys. A certificate counts from its first sight on; that it runs out later does not undo routes that stand.
 */
export class AdvertisementVerifier {
  readonly #roots: readonly X509Certificate[];
  readonly #network: string;
  readonly #origins = new Map<string, Origin | undefined>();

  /** Throws when `trust` holds no certificate. */
  constructor({ trust, network }: { readonly trust: string; readonly network: string }) {
    this.#roots = certificatesOf(trust);
    this.#network = network;
    if (this.#roots.length === 0) throw new Error("Trust holds no certificate");
  }

  /** The site that a certificate (PEM, intermediates after it) proves; undefined when it proves none. */
  originOf(certificate: string, nowMs: number): Origin | undefined {
    if (this.#origins.has(certificate)) return this.#origins.get(certificate);
    const origin = this.#check(certificate, nowMs);
    if (this.#origins.size >= CACHE_SIZE) {
      const [oldest] = this.#origins.keys();
      if (oldest !== undefined) this.#origins.delete(oldest);
    }
    this.#origins.set(certificate, origin);
    return origin;
  }

  verify(
    origin: Origin,
    { body, signature }: { readonly body: Uint8Array; readonly signature: string },
  ): boolean {
    try {
      return verify(
        "sha256",
        body,
        { key: origin.key, dsaEncoding: "ieee-p1363" },
        Buffer.from(signature, "base64"),
      );
    } catch {
      return false;
    }
  }

  #check(pem: string, nowMs: number): Origin | undefined {
    try {
      const chain = certificatesOf(pem);
      const [leaf] = chain;
      if (leaf === undefined || chain.length > MAX_CHAIN) return undefined;
      for (const [index, certificate] of chain.entries()) {
        if (index > 0 && !certificate.ca) return undefined;
        if (nowMs < Date.parse(certificate.validFrom) - LEEWAY_MS) return undefined;
        if (nowMs > Date.parse(certificate.validTo) + LEEWAY_MS) return undefined;
        const next = chain[index + 1];
        if (next !== undefined && !issued(next, certificate)) return undefined;
      }
      const last = chain[chain.length - 1] as X509Certificate;
      if (!this.#roots.some((root) => issued(root, last))) return undefined;
      const identity = identityOfSubjectAltName(leaf.subjectAltName ?? "");
      if (identity === undefined || identity.network !== this.#network) return undefined;
      return {
        siteId: identity.siteId,
        key: createPublicKey(leaf.publicKey.export({ type: "spki", format: "pem" })),
      };
    } catch {
      return undefined;
    }
  }
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function certificatesOf(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
