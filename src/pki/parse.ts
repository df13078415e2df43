import { IsthmusError, messageOf } from "#core/errors.ts";
import { Pkcs10CertificateRequest, X509Certificate } from "./x509.ts";

/** Longest PEM that is looked at: ours are under 1 KiB. */
const MAX_PEM_CHARS = 16 * 1024;

/** Reads one certificate. Throws INVALID when the text is not exactly one. */
export function parseCertificate(pem: string): X509Certificate {
  const text = onlyBlock(pem, "CERTIFICATE");
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new IsthmusError("INVALID", `Cannot read the certificate: ${messageOf(cause)}`, { cause });
  }
}

/** Reads one certificate signing request; its signature is not judged. Throws INVALID when the text is not exactly one. */
export function parseCsr(pem: string): Pkcs10CertificateRequest {
  const text = onlyBlock(pem, "CERTIFICATE REQUEST");
  try {
    return new Pkcs10CertificateRequest(text);
  } catch (cause) {
    throw new IsthmusError("INVALID", `Cannot read the certificate signing request: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function onlyBlock(pem: string, label: string): string {
  const text = pem.length > MAX_PEM_CHARS ? "" : pem.trim();
  const body = text.slice(`-----BEGIN ${label}-----`.length, -`-----END ${label}-----`.length);
  const framed = text.startsWith(`-----BEGIN ${label}-----`) && text.endsWith(`-----END ${label}-----`);
  if (!framed || !/^[A-Za-z0-9+/=\s]+$/.test(body)) {
    throw new IsthmusError(
      "INVALID",
      `Cannot read the PEM text: expected one "${label}" block and nothing else`,
    );
  }
  return text;
}
