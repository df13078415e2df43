/** @peculiar/x509 ready for use: the metadata shim before it, and the runtime's own WebCrypto beneath it. */
import type * as Library from "@peculiar/x509";
import { installReflectMetadata } from "./reflect-metadata.ts";

installReflectMetadata();

// Not an import: those of a CommonJS package are evaluated before this module's first line, without the shim.
const library: typeof Library = require("@peculiar/x509");
library.cryptoProvider.set(globalThis.crypto);

export const {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} = library;
export type Extension = Library.Extension;
export type Pkcs10CertificateRequest = Library.Pkcs10CertificateRequest;
export type X509Certificate = Library.X509Certificate;
