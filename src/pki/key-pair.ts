import { IsthmusError } from "#core/errors.ts";

/** A certificate and its private key (PKCS#8), both PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

/** The one kind of key here: ECDSA on P-256. */
export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
export const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;

export function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

export async function privateKeyPem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey("pkcs8", key));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

/** Both halves from a PKCS#8 PEM. Throws INVALID when it is no P-256 private key; the message never shows it. */
export async function importKeys(pem: string): Promise<CryptoKeyPair> {
  const [, base64] =
    /^-----BEGIN PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----\s*$/.exec(pem.trim()) ?? [];
  try {
    const privateKey = await crypto.subtle.importKey(
      "pkcs8",
      Buffer.from(base64 ?? "", "base64"),
      KEY_ALGORITHM,
      true,
      ["sign"],
    );
    // The private JWK holds the public point too.
    const { d: _secret, ...jwk } = await crypto.subtle.exportKey("jwk", privateKey);
    const publicKey = await crypto.subtle.importKey(
      "jwk",
      { ...jwk, key_ops: ["verify"] },
      KEY_ALGORITHM,
      true,
      ["verify"],
    );
    return { privateKey, publicKey };
  } catch {
    throw new IsthmusError("INVALID", "Cannot read the private key: expected a P-256 key in PKCS#8 PEM");
  }
}
