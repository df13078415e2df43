import { IsthmusError } from "#core/errors.ts";
import { type LeafUse, USAGE_OID } from "./authority.ts";
import { parseSiteUri, type SiteIdentity } from "./identity.ts";
import { parseCertificate } from "./parse.ts";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
} from "./x509.ts";

/** How far clocks may be apart, unless said otherwise. */
export const LEEWAY_MS = 5 * 60_000;

export interface Validity {
  /** Wall time, ms. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface VerifiedLeaf extends SiteIdentity, Validity {
  readonly use: LeafUse;
}

export interface VerifyOptions {
  /** The network's root certificate, PEM. */
  readonly root: string;
  /** Wall time, ms. */
  readonly now: number;
  /** Refuse a certificate for the other use. */
  readonly use?: LeafUse;
  /** [5 min] */
  readonly leewayMs?: number;
}

/** From when until when a certificate is valid. Throws INVALID when it is none. */
export function validityOf(certificatePem: string): Validity {
  const { notBefore, notAfter } = parseCertificate(certificatePem);
  return { notBefore: notBefore.getTime(), notAfter: notAfter.getTime() };
}

/**
 * Judges a site's certificate against its network's root: issued and signed by it, in its time, a leaf, for exactly one
 * use, naming exactly one site. Throws UNTRUSTED or EXPIRED with a message that says which certificate and why, INVALID
 * when the text is no certificate.
 */
export async function verifyLeaf(certificatePem: string, options: VerifyOptions): Promise<VerifiedLeaf> {
  const { now, leewayMs = LEEWAY_MS } = options;
  const root = parseCertificate(options.root);
  const leaf = parseCertificate(certificatePem);
  if (root.getExtension(BasicConstraintsExtension)?.ca !== true)
    throw untrusted("The root is not an authority");
  if (leaf.issuer !== root.subject || !(await signedBy(leaf, root))) {
    throw untrusted("The site's certificate was not issued by this network's root");
  }
  if (leaf.getExtension(BasicConstraintsExtension)?.ca === true) {
    throw untrusted("The site's certificate is an authority's");
  }
  const keyUsage = leaf.getExtension(KeyUsagesExtension)?.usages ?? 0;
  if ((keyUsage & KeyUsageFlags.digitalSignature) === 0) {
    throw untrusted("The site's certificate is not for signatures");
  }
  inTime("network's root certificate", { certificate: root, now, leewayMs });
  inTime("site's certificate", { certificate: leaf, now, leewayMs });
  const use = useOf(leaf);
  if (use === undefined || use !== (options.use ?? use)) {
    throw untrusted(
      `The site's certificate is not for ${options.use ?? "exactly one of client and server"} use`,
    );
  }
  const identity = identityOf(leaf);
  if (identity === undefined) throw untrusted("The site's certificate names no site, or more than one");
  return { ...identity, use, notBefore: leaf.notBefore.getTime(), notAfter: leaf.notAfter.getTime() };
}

async function signedBy(leaf: X509Certificate, root: X509Certificate): Promise<boolean> {
  try {
    return await leaf.verify({ publicKey: root.publicKey, signatureOnly: true });
  } catch {
    // A signature of another algorithm than the root's key has.
    return false;
  }
}

function inTime(
  what: string,
  { certificate, now, leewayMs }: { certificate: X509Certificate; now: number; leewayMs: number },
): void {
  const at = new Date(now).toISOString();
  if (now > certificate.notAfter.getTime() + leewayMs) {
    throw new IsthmusError(
      "EXPIRED",
      `The ${what} ended at ${certificate.notAfter.toISOString()}; here it is ${at}`,
    );
  }
  if (now < certificate.notBefore.getTime() - leewayMs) {
    throw new IsthmusError(
      "UNTRUSTED",
      `The ${what} begins only at ${certificate.notBefore.toISOString()}; here it is ${at}`,
      { hint: "Check the clocks of both sites" },
    );
  }
}

function useOf(leaf: X509Certificate): LeafUse | undefined {
  const usages = leaf.getExtension(ExtendedKeyUsageExtension)?.usages ?? [];
  if (usages.length !== 1) return undefined;
  if (usages[0] === USAGE_OID.client) return "client";
  return usages[0] === USAGE_OID.server ? "server" : undefined;
}

function identityOf(leaf: X509Certificate): SiteIdentity | undefined {
  const names = leaf.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const uris = names.filter((name) => name.type === "url").map((name) => name.value);
  const [uri] = uris;
  return uri === undefined || uris.length > 1 ? undefined : parseSiteUri(uri);
}

function untrusted(message: string): IsthmusError {
  return new IsthmusError("UNTRUSTED", message);
}
