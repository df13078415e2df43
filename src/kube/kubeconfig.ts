import { homedir } from "node:os";
import { join } from "node:path";
import { IsthmusError } from "#core/errors.ts";
import type { Connection } from "./connection.ts";
import {
  invalid,
  pathField,
  pemField,
  readKubeconfig,
  textField,
  type Entry,
  type Kubeconfig,
} from "./kubeconfig-file.ts";
import { TokenFile } from "./token-file.ts";

export interface KubeconfigOptions {
  /** One file (`--kubeconfig`), instead of $KUBECONFIG and ~/.kube/config. It has to exist. */
  readonly path?: string | undefined;
  /** Instead of current-context. */
  readonly context?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The connection of one context of the user's own kubeconfig, found and merged as kubectl does. For files that the
 * user wrote or trusts: it reads the certificate and token files that they name and honours
 * `insecure-skip-tls-verify`, but never starts a program.
 *
 * Throws NOT_FOUND when there is no kubeconfig or no such context (the known ones are listed), INVALID with the file
 * and field named otherwise.
 */
export function loadKubeconfig(options: KubeconfigOptions = {}): Connection {
  const config = readKubeconfig(kubeconfigPaths(options));
  if (config.files.length === 0) {
    throw new IsthmusError(
      "NOT_FOUND",
      `No kubeconfig found: looked at ${quoted(kubeconfigPaths(options))}`,
      {
        hint: "Set KUBECONFIG, or start local clusters with: isthmus sandbox up c1 c2",
      },
    );
  }
  const name = options.context ?? config.currentContext;
  if (name === undefined) {
    throw new IsthmusError(
      "INVALID",
      `The kubeconfig names no current context; contexts are: ${known(config.contexts)}`,
      {
        hint: "Choose one with --context NAME",
      },
    );
  }
  return connectionOf(config, name);
}

/** Names of all contexts, in order of appearance; none when there is no kubeconfig. */
export function kubeconfigContexts(options: KubeconfigOptions = {}): string[] {
  return [...readKubeconfig(kubeconfigPaths(options)).contexts.keys()];
}

function kubeconfigPaths(options: KubeconfigOptions): string[] {
  if (options.path !== undefined) return [options.path];
  const env = options.env ?? process.env;
  const listed = (env["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  return listed.length > 0 ? [...new Set(listed)] : [join(env["HOME"] ?? homedir(), ".kube", "config")];
}

function connectionOf(config: Kubeconfig, contextName: string): Connection {
  const context = config.contexts.get(contextName);
  if (context === undefined) {
    throw new IsthmusError(
      "NOT_FOUND",
      `Context "${contextName}" is not in the kubeconfig (${config.files.join(", ")}); contexts are: ${known(config.contexts)}`,
      { hint: "Choose one with --context NAME" },
    );
  }
  const cluster = referenced(context, { field: "cluster", entries: config.clusters });
  if (cluster === undefined) throw invalid(context.file, `context "${contextName}" names no cluster`);
  const user = referenced(context, { field: "user", entries: config.users });
  const proxyUrl = proxyOf(cluster);
  const authorization = user === undefined ? undefined : authorizationOf(user, contextName);
  return {
    origin: `context "${contextName}"`,
    context: contextName,
    server: serverOf(cluster),
    namespace: textField(context, "namespace") ?? "default",
    tls: tlsOf(cluster, user),
    ...(proxyUrl === undefined ? {} : { proxyUrl }),
    ...(authorization === undefined ? {} : { authorization }),
  };
}

function referenced(
  context: Entry,
  target: { readonly field: string; readonly entries: ReadonlyMap<string, Entry> },
): Entry | undefined {
  const name = textField(context, target.field);
  if (name === undefined) return undefined;
  const entry = target.entries.get(name);
  if (entry === undefined) {
    throw invalid(
      context.file,
      `context "${context.name}" names ${target.field} "${name}", which is not there`,
    );
  }
  return entry;
}

function serverOf(cluster: Entry): string {
  const server = textField(cluster, "server");
  if (server === undefined) throw invalid(cluster.file, `cluster "${cluster.name}" has no server`);
  const url = URL.parse(server);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw invalid(cluster.file, `server "${server}" of cluster "${cluster.name}" is not an https URL`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

function proxyOf(cluster: Entry): string | undefined {
  const proxyUrl = textField(cluster, "proxy-url");
  if (proxyUrl !== undefined && !/^https?:\/\//.test(proxyUrl)) {
    throw invalid(
      cluster.file,
      `proxy-url "${proxyUrl}" of cluster "${cluster.name}" is not supported, only http and https`,
    );
  }
  return proxyUrl;
}

function tlsOf(cluster: Entry, user: Entry | undefined): Connection["tls"] {
  const ca = pemField(cluster, "certificate-authority");
  const serverName = textField(cluster, "tls-server-name");
  const insecure = cluster.fields["insecure-skip-tls-verify"] === true;
  if (insecure && ca !== undefined) {
    throw invalid(
      cluster.file,
      `cluster "${cluster.name}" has both a certificate authority and insecure-skip-tls-verify`,
    );
  }
  const cert = user === undefined ? undefined : pemField(user, "client-certificate");
  const key = user === undefined ? undefined : pemField(user, "client-key");
  if (user !== undefined && (cert === undefined) !== (key === undefined)) {
    throw invalid(user.file, `user "${user.name}" has only one of client-certificate and client-key`);
  }
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(insecure ? { insecure: true as const } : {}),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

function authorizationOf(user: Entry, contextName: string): (() => string | undefined) | undefined {
  for (const field of ["exec", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra"]) {
    if (user.fields[field] === undefined || user.fields[field] === null) continue;
    throw new IsthmusError(
      "INVALID",
      `Context "${contextName}" logs in with "${field}" of user "${user.name}", which is not supported yet: expected a token or a client certificate`,
      {
        hint: `Make a token with: kubectl --context ${contextName} create token NAME, and put it into a context of its own`,
      },
    );
  }
  // client-go: the file wins over the inline token, which serves until the file is there.
  const inline = textField(user, "token");
  const path = pathField(user, "tokenFile");
  if (path !== undefined) {
    const file = new TokenFile(path);
    return () => bearer(file.read() ?? inline);
  }
  if (inline !== undefined) return () => bearer(inline);
  const username = textField(user, "username");
  if (username === undefined) return undefined;
  const basic = Buffer.from(`${username}:${textField(user, "password") ?? ""}`).toString("base64");
  return () => `Basic ${basic}`;
}

function bearer(token: string | undefined): string | undefined {
  return token === undefined ? undefined : `Bearer ${token}`;
}

function known(contexts: ReadonlyMap<string, unknown>): string {
  return contexts.size === 0 ? "none" : quoted([...contexts.keys()]);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
