import { readFileSync } from "node:fs";
import type { Auth } from "#console/access.ts";
import { isLoopback } from "#console/hosts.ts";
import { readPassword } from "#console/password.ts";
import type { ConsoleOptions } from "#console/server.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";

export interface AccessFlags {
  readonly listen: string;
  readonly passwordFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly host?: readonly string[];
  readonly proxyHeader?: string;
  readonly proxyAddress?: readonly string[];
}

/** Who may look, as the options say. Throws USAGE for what does not fit together, INVALID for files. */
export function authOf(flags: AccessFlags): Auth {
  const { passwordFile, proxyHeader, proxyAddress } = flags;
  if ((proxyHeader === undefined) !== (proxyAddress === undefined)) {
    throw new IsthmusError("USAGE", "--proxy-header and --proxy-address go together", {
      hint: "isthmus console --proxy-header x-forwarded-user --proxy-address 127.0.0.1",
    });
  }
  if (proxyHeader !== undefined && proxyAddress !== undefined) {
    if (passwordFile === undefined) return { mode: "proxy", header: proxyHeader, addresses: proxyAddress };
    throw new IsthmusError("USAGE", "Give one of --password-file and --proxy-header", {
      hint: "isthmus console --help",
    });
  }
  return passwordFile === undefined
    ? { mode: "none" }
    : { mode: "password", password: readPassword(passwordFile) };
}

/** Certificate and key: those given, else outside loopback a pair of its own, which browsers warn of. */
export async function tlsOf(
  flags: AccessFlags,
): Promise<(NonNullable<ConsoleOptions["tls"]> & { readonly own?: boolean }) | undefined> {
  const { listen, tlsCert, tlsKey, host = [] } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new IsthmusError("USAGE", "--tls-cert and --tls-key go together", {
      hint: "isthmus console --tls-cert FILE --tls-key FILE",
    });
  }
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: read(tlsCert), key: read(tlsKey) };
  if (isLoopback(listen)) return undefined;
  const { createServerCertificate } = await import("#pki/tls-server.ts");
  const hosts = [...new Set([...(/^(0\.0\.0\.0|::)$/.test(listen) ? [] : [listen]), ...host, "localhost"])];
  const { certificate, key } = await createServerCertificate({ hosts, now: Date.now() });
  return { cert: certificate, key, own: true };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new IsthmusError("INVALID", `Cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}
