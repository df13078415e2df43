import { readFileSync } from "node:fs";
import { join } from "node:path";
import { IsthmusError, messageOf } from "#core/errors.ts";
import type { Connection } from "./connection.ts";
import { TokenFile } from "./token-file.ts";

/**
 * The connection of a pod: its service account's files and the address that Kubernetes puts into every pod's
 * environment. The token is read again whenever it was rotated. `ISTHMUS_SERVICEACCOUNT_DIR` replaces the usual
 * folder where pods have no mounts of their own. Throws NOT_FOUND outside of a pod.
 */
export function inCluster(env: Readonly<Record<string, string | undefined>> = process.env): Connection {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (host === undefined || host === "" || port === undefined || port === "") {
    throw outside("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  const folder = env["ISTHMUS_SERVICEACCOUNT_DIR"] ?? "/var/run/secrets/kubernetes.io/serviceaccount";
  const ca = read(join(folder, "ca.crt"));
  const namespace = read(join(folder, "namespace")).trim();
  const token = new TokenFile(join(folder, "token"));
  if (token.read() === undefined) throw outside(`"${join(folder, "token")}" cannot be read or is empty`);
  return {
    origin: "the service account of this pod",
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace,
    tls: { ca },
    authorization: () => `Bearer ${token.read() ?? ""}`,
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw outside(messageOf(cause));
  }
}

function outside(why: string): IsthmusError {
  return new IsthmusError("NOT_FOUND", `This process does not run in a pod with a service account: ${why}`, {
    hint: "Outside of a cluster, choose one with --context NAME",
  });
}
