import { createHash } from "node:crypto";
import { parseCertificate } from "./parse.ts";

/** SHA-256 of the certificate's DER, lower case hex without colons. Throws INVALID when it is no certificate. */
export function fingerprint(certificatePem: string): string {
  return createHash("sha256")
    .update(new Uint8Array(parseCertificate(certificatePem).rawData))
    .digest("hex");
}
