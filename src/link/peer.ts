import { identityOfSubjectAltName } from "#pki/identity.ts";
import { ALPN } from "./constants.ts";
import type { TlsSocket } from "./tls-wire.ts";
import type { LinkIdentity } from "./types.ts";

/** Who is at the other end, or why it is refused. */
export type Peer = { readonly siteId: string } | { readonly refused: string };

export interface HandshakeResult {
  readonly success: boolean;
  readonly error: Error | null;
}

/**
 * Decides on the peer of a finished TLS handshake. TLS has checked chain, dates, usage and (for the dialler) the server's
 * name; that is read again here from `authorized`, since Bun's `success` is true for a client whose certificate failed.
 * What TLS does not know is checked here: that the certificate is a site's, of our network, and not our own.
 */
export function identifyPeer(socket: TlsSocket, result: HandshakeResult & { own: LinkIdentity }): Peer {
  const { success, error, own } = result;
  if (!success || error !== null || !socket.authorized) return { refused: explainTlsError(error) };
  if (socket.getTLSVersion() !== "TLSv1.3")
    return { refused: `TLS 1.3 is needed, not ${socket.getTLSVersion()}` };
  if (socket.alpnProtocol !== ALPN) return { refused: `ALPN protocol ${ALPN} is needed` };
  const identity = identityOfSubjectAltName(socket.getPeerX509Certificate()?.subjectAltName);
  if (identity === undefined) return { refused: "Its certificate names no site" };
  if (identity.network !== own.network) {
    return { refused: `It is in network "${identity.network}", we are in "${own.network}"` };
  }
  if (identity.siteId === own.siteId) return { refused: "It is a router of our own site" };
  return { siteId: identity.siteId };
}

const EXPLAINED: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "Its certificate has expired",
  CERT_NOT_YET_VALID: "Its certificate is not valid yet",
  INVALID_PURPOSE: "Its certificate is not for this end of a link (extended key usage)",
  ERR_TLS_CERT_ALTNAME_INVALID: "Its certificate is not a router's (no DNS name link.isthmus.internal)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Its certificate is not of our network (another root authority)",
  UNABLE_TO_GET_ISSUER_CERT: "Its certificate is not of our network (another root authority)",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "Its certificate is not of our network (another root authority)",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Its certificate is not of our network (self-signed)",
  SELF_SIGNED_CERT_IN_CHAIN: "Its certificate is not of our network (another root authority)",
  CERT_SIGNATURE_FAILURE: "Its certificate is not of our network (the signature is not our root's)",
};

/** What a failed TLS handshake means to people. */
export function explainTlsError(error: Error | null | undefined): string {
  if (error === null || error === undefined) return "The TLS handshake failed";
  const code = "code" in error ? String(error.code) : "";
  const explained = EXPLAINED[code];
  if (explained !== undefined) return explained;
  const { message } = error;
  if (message.includes("PEER_DID_NOT_RETURN_A_CERTIFICATE")) return "It has no certificate";
  if (message.includes("NO_APPLICATION_PROTOCOL")) return `It does not speak ${ALPN}`;
  if (message.includes("UNSUPPORTED_PROTOCOL")) return "It does not speak TLS 1.3";
  if (message.includes("CERTIFICATE_REQUIRED")) return "It wants a certificate, and we sent none";
  return `The TLS handshake failed: ${message}`;
}
