import { isIP } from "node:net";

const LOOPBACK_NAMES = new Set(["localhost", "localhost.", "ip6-localhost"]);

/** Whether only this machine reaches what listens there. */
export function isLoopback(hostname: string): boolean {
  const bare = unbracketed(hostname);
  if (LOOPBACK_NAMES.has(bare.toLowerCase())) return true;
  return bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/**
 * Whether a Host header names this console. A page can point a name of its own at any address (DNS rebinding) and then counts as the same
 * origin; it cannot do so with an address. So addresses are right, and names only when they are known. The port is not judged: a
 * port-forward has another one.
 */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>;

  constructor(names: readonly string[]) {
    this.#names = new Set([...LOOPBACK_NAMES, ...names.map((name) => name.toLowerCase())]);
  }

  has(host: string | null): boolean {
    const name = nameOf(host);
    return name !== undefined && (isIP(name) !== 0 || this.#names.has(name));
  }
}

/** The name of `name:port`, lower case, without brackets; undefined when it is none. */
function nameOf(host: string | null): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([-a-z0-9.]+))(?::\d{1,5})?$/i.exec(host ?? "") ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
