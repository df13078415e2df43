import { latin1Text } from "./heads.ts";
import { readAsServer, type Dialect, type ServerRequest } from "./reference-reader.ts";
import type { Relayed } from "./relay.ts";

/** What never goes to the next hop as it came; "_" read as "-". */
const NEVER_SENT =
  /^(connection|keep-alive|proxy-connection|te|transfer-encoding|content-length|upgrade|http2-settings|expect|forwarded|x-forwarded-(for|proto|host|port)|x-real-ip)$/;
/** What we write ourselves. */
const OURS = /^(x-forwarded-(for|proto|host)|content-length|transfer-encoding)$/;

/**
 * Compares what a server reads with what the codec understood. Returns what differs, undefined when nothing does.
 * Header lines are checked against a plain reading of what came: each is sent on as it was or is one that must not be.
 */
export function disagreement(relayed: Relayed, dialect: Dialect): string | undefined {
  const read = readAsServer(latin1Text(relayed.sent), dialect);
  if (read === undefined) return "the server waits for more";
  if (read.rest !== "") return `the server reads a second request: ${read.rest}`;
  const { request } = read;
  if (request.version !== "HTTP/1.1") return `version ${request.version}`;
  for (const what of ["method", "target", "body", "trailers"] as const) {
    const same =
      request[what] === relayed[what] || (what === "target" && isServerWide(relayed, request.target));
    if (!same) return `${what}: the server reads ${request[what]}, we ${relayed[what]}`;
  }
  return headerDisagreement(relayed, request);
}

/** OPTIONS of an absolute target without a path is `OPTIONS *`. */
function isServerWide({ method, head }: Relayed, target: string): boolean {
  return target === "*" && method === "OPTIONS" && /^(\r\n)?OPTIONS https?:\/\/[^/?]+ /i.test(head);
}

function headerDisagreement(relayed: Relayed, { headers }: ServerRequest): string | undefined {
  const came = relayed.head
    .replace(/^\r\n/, "")
    .split("\r\n")
    .slice(1, -2)
    .map((line) => {
      const colon = line.indexOf(":");
      return {
        name: line.slice(0, colon).toLowerCase().replaceAll("_", "-"),
        value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ""),
      };
    });
  const named = came
    .filter(({ name }) => name === "connection")
    .flatMap(({ value }) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  // A Host of ours stands first.
  let at = relayed.host === undefined ? 1 : 0;
  for (const { name, value } of came) {
    const next = headers[at];
    const sent = next !== undefined && next[0].replaceAll("_", "-") === name && next[1] === value;
    if (sent && !NEVER_SENT.test(name)) at++;
    else if (!NEVER_SENT.test(name) && !named.includes(name)) return `${name}: ${value} is not sent on`;
  }
  const hosts = headers.filter(([name]) => name === "host");
  const extra = headers.slice(at).find(([name]) => !OURS.test(name));
  if (extra !== undefined) return `${extra[0]}: ${extra[1]} did not come`;
  return hosts.length === 1 ? undefined : `${hosts.length} Host headers`;
}
