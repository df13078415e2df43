import { X509Certificate } from "node:crypto";
import { messageOf } from "#core/errors.ts";

/**
 * What is wrong with our own certificate before we show it to anybody, or undefined. A peer that refuses a certificate can
 * only close the connection, so this is where its owner learns why.
 */
export function problemOfOwnCertificate(pem: string, nowMs: number): string | undefined {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    return `Our own certificate cannot be read: ${messageOf(error)}`;
  }
  if (nowMs > Date.parse(certificate.validTo)) {
    return `Our own certificate expired at ${new Date(certificate.validTo).toISOString()}`;
  }
  if (nowMs < Date.parse(certificate.validFrom)) {
    return `Our own certificate is not valid before ${new Date(certificate.validFrom).toISOString()}`;
  }
  return undefined;
}
