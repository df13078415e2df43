import { messageOf } from "#core/errors.ts";
import type { Connection } from "./connection.ts";
import { KubeError } from "./kube-error.ts";

/** Turns what `fetch` threw when no answer came into UNREACHABLE, UNTRUSTED or INVALID (unusable credentials). */
export function networkError(connection: Connection, cause: unknown): KubeError {
  const code = codeOf(cause);
  const server = connection.server;
  if (isTrustFailure(code)) {
    return new KubeError(
      "UNTRUSTED",
      `The certificate of the API server at ${server} is not trusted by ${connection.origin}: ${reason(cause, code)}`,
      { cause, hint: fileHint(connection, "certificate-authority-data and server") },
    );
  }
  // What Bun says when the PEM of the CA, certificate or key cannot be used: the socket was never opened.
  if (code === "FailedToOpenSocket") {
    return new KubeError(
      "INVALID",
      `Cannot use the address or TLS credentials of ${connection.origin} for ${server}`,
      {
        cause,
        hint: fileHint(connection, "server, certificate-authority, client-certificate and client-key"),
      },
    );
  }
  return new KubeError(
    "UNREACHABLE",
    `Cannot reach the API server at ${server} of ${connection.origin}: ${reason(cause, code)}`,
    {
      cause,
      hint:
        connection.context === undefined
          ? "The API server may be restarting; the request is safe to try again"
          : `Is the cluster running? Check with: kubectl --context ${connection.context} version`,
    },
  );
}

function isTrustFailure(code: string): boolean {
  return (
    code.includes("CERT") ||
    code.startsWith("ERR_TLS") ||
    code.startsWith("ERR_SSL") ||
    code.startsWith("UNABLE_TO_") ||
    code === "HOSTNAME_MISMATCH" ||
    code === "INVALID_CA" ||
    code === "INVALID_PURPOSE"
  );
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was closed",
  ENOTFOUND: "the host name is unknown",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "it was signed by another authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "it was made for another host",
  CERT_HAS_EXPIRED: "it has expired",
};

function reason(cause: unknown, code: string): string {
  return REASONS[code] ?? messageOf(cause);
}

function codeOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return "";
  return typeof cause.code === "string" ? cause.code : "";
}

function fileHint(connection: Connection, fields: string): string {
  return connection.context === undefined
    ? "Check the service account files of this pod"
    : `Check ${fields} of context "${connection.context}" in your kubeconfig`;
}
