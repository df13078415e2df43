import { isIP } from "node:net";
import { IsthmusError } from "#core/errors.ts";
import { USAGE_OID } from "./authority.ts";
import { createAuthority, issueLeaf } from "./issue.ts";
import { type CertifiedKey, generateKeys, privateKeyPem } from "./key-pair.ts";
import { ExtendedKeyUsageExtension, SubjectAlternativeNameExtension } from "./x509.ts";

export interface ServerCertificateOptions {
  /** DNS names and IP addresses that it answers to; at least one. */
  readonly hosts: readonly string[];
  /** Wall time, ms. */
  readonly now: number;
  /** [365] */
  readonly days?: number;
}

export interface ServerCertificate extends CertifiedKey {
  /** The authority to trust, PEM. Its key is thrown away: it has signed this one certificate and never another. */
  readonly ca: string;
}

/** What a plain HTTPS server of ours needs: a certificate, its key, and an authority of its own for clients to pin. */
export async function createServerCertificate(options: ServerCertificateOptions): Promise<ServerCertificate> {
  const { hosts, now, days = 365 } = options;
  const [first] = hosts;
  if (first === undefined) throw new IsthmusError("INVALID", "A server certificate needs at least one host");
  const authority = await createAuthority({
    name: `Isthmus server ${first}`.slice(0, 64),
    now,
    days,
    pathLength: 0,
  });
  const keys = await generateKeys();
  const certificate = await issueLeaf({
    authority,
    publicKey: keys.publicKey,
    commonName: first,
    now,
    days,
    extensions: [
      new ExtendedKeyUsageExtension([USAGE_OID.server]),
      new SubjectAlternativeNameExtension(hosts.map(generalName)),
    ],
  });
  return { ca: authority.certificate, certificate, key: await privateKeyPem(keys.privateKey) };
}

function generalName(host: string): { type: "ip" | "dns"; value: string } {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) !== 0) return { type: "ip", value: bare };
  if (!/^(\*\.)?[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/.test(host) || host.length > 253) {
    throw new IsthmusError(
      "INVALID",
      `Cannot use ${JSON.stringify(host)}: expected a DNS name or an IP address`,
    );
  }
  return { type: "dns", value: host };
}
