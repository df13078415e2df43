import type { Secret } from "#api/builtin.ts";

export interface KeyPair {
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly key: string;
}

/** Who a site is in its network, and where it can renew that. Kept in the Secret `isthmus-site`. */
export interface Identity {
  readonly network: string;
  readonly siteId: string;
  readonly client: KeyPair;
  readonly server: KeyPair;
  /** The network's root certificate, PEM. */
  readonly trust: string;
  /** Join server of the site that issued it; absent at the founder, which signs for itself. */
  readonly issuer?: { readonly url: string; readonly ca: string };
  /** The redemption that it came from, so that a restart between redeeming and recording it loses nothing. */
  readonly redeemed?: { readonly tokenUid: string; readonly link: string };
}

/** The network's authority, kept in the Secret `isthmus-root` of the founder. */
export interface RootAuthority {
  readonly network: string;
  readonly authority: KeyPair;
}

/** `stringData` of the Secret. */
export function identityData(identity: Identity): Record<string, string> {
  const { network, siteId, client, server, trust, issuer, redeemed } = identity;
  return {
    network,
    siteId,
    trust,
    "client.crt": client.certificate,
    "client.key": client.key,
    "server.crt": server.certificate,
    "server.key": server.key,
    ...(issuer === undefined ? {} : { issuerUrl: issuer.url, issuerCa: issuer.ca }),
    ...(redeemed === undefined ? {} : { redeemedToken: redeemed.tokenUid, redeemedLink: redeemed.link }),
  };
}

/** Reads the Secret; undefined when a part is missing, as nothing can be done with half an identity. */
export function readIdentity(secret: Secret | undefined): Identity | undefined {
  const data = secretText(secret);
  const { network, siteId, trust, issuerUrl, issuerCa, redeemedToken, redeemedLink } = data;
  const client = pair(data, "client");
  const server = pair(data, "server");
  if (!network || !siteId || !trust || client === undefined || server === undefined) return undefined;
  return {
    network,
    siteId,
    trust,
    client,
    server,
    ...(issuerUrl && issuerCa ? { issuer: { url: issuerUrl, ca: issuerCa } } : {}),
    ...(redeemedToken && redeemedLink ? { redeemed: { tokenUid: redeemedToken, link: redeemedLink } } : {}),
  };
}

export function rootData(root: RootAuthority): Record<string, string> {
  return { network: root.network, "ca.crt": root.authority.certificate, "ca.key": root.authority.key };
}

export function readRoot(secret: Secret | undefined): RootAuthority | undefined {
  const data = secretText(secret);
  const authority = pair(data, "ca");
  return data["network"] && authority !== undefined ? { network: data["network"], authority } : undefined;
}

/** The values of a Secret as text. */
export function secretText(secret: Secret | undefined): Record<string, string | undefined> {
  const text: Record<string, string | undefined> = Object.create(null);
  for (const [key, value] of Object.entries(secret?.data ?? {}))
    text[key] = Buffer.from(value, "base64").toString("utf8");
  return text;
}

function pair(data: Record<string, string | undefined>, name: string): KeyPair | undefined {
  const certificate = data[`${name}.crt`];
  const key = data[`${name}.key`];
  return certificate && key ? { certificate, key } : undefined;
}
