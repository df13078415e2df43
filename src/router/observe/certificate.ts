import { X509Certificate } from "node:crypto";
import type { LinkIdentity } from "#link/types.ts";

/** When the first of a router's own certificates ends, ms since the Unix epoch; undefined where none can be read. */
export function expiryOf({ client, server }: LinkIdentity): number | undefined {
  const ends = [client, server].map(({ certificate }) => endOf(certificate)).filter(Number.isFinite);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function endOf(pem: string): number {
  try {
    return Date.parse(new X509Certificate(pem).validTo);
  } catch {
    return Number.NaN;
  }
}
