import { isIP } from "node:net";

export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** Where the names of a zone are asked. */
export interface ForwardRule {
  /** In lower case, without a dot at its end; "" is the root. */
  readonly zone: string;
  /** A file of `nameserver` lines, or addresses; none: the zone is refused. */
  readonly to: { readonly file: string } | { readonly upstreams: readonly Upstream[] };
}

/** A Corefile that cannot be followed; the message names the line. */
export class CorefileError extends Error {
  constructor(line: number, why: string) {
    super(`line ${line}: ${why}`);
    this.name = "CorefileError";
  }
}

const DNS_PORT = 53;

interface Line {
  readonly number: number;
  readonly words: readonly string[];
}

/**
 * Reads who is asked for which zone from a CoreDNS configuration: the `forward` of each server block on port 53. Other plugins are
 * skipped, as are blocks of other ports. Throws CorefileError for braces that do not match and for what `forward` cannot have here.
 */
export function parseCorefile(text: string): ForwardRule[] {
  const rules: ForwardRule[] = [];
  let keys: string[] = [];
  let found: ForwardRule[] = [];
  let depth = 0;
  let last = 0;
  for (const { number, words } of linesOf(text)) {
    last = number;
    const opens = words.at(-1) === "{";
    const rest = opens ? words.slice(0, -1) : words;
    if (words.length === 1 && words[0] === "}") {
      if (depth === 0) throw new CorefileError(number, 'a "}" too many');
      depth--;
      if (depth > 0) continue;
      rules.push(...(found.length > 0 ? found : zonesOf(keys).map((zone) => refused(zone))));
      keys = [];
      found = [];
    } else if (depth === 0) {
      keys.push(...rest.flatMap((word) => word.split(",")).filter((word) => word !== ""));
      if (opens) depth++;
    } else {
      if (depth === 1 && rest[0] === "forward") {
        const [, from = "", ...to] = rest;
        const target = targetOf(to, number);
        for (const zone of zonesOf(keys))
          found.push({ zone: from === "." ? zone : normal(from), to: target });
      }
      if (opens) depth++;
    }
  }
  if (depth > 0 || keys.length > 0) throw new CorefileError(last, 'a server block without its "}"');
  return rules;
}

function refused(zone: string): ForwardRule {
  return { zone, to: { upstreams: [] } };
}

function* linesOf(text: string): Generator<Line> {
  for (const [index, line] of text.split("\n").entries()) {
    const words: string[] = [];
    for (const [word] of line.matchAll(/"[^"]*"|#.*|\S+/g)) {
      if (word.startsWith("#")) break;
      words.push(word.startsWith('"') ? word.slice(1, -1) : word);
    }
    if (words.length > 0) yield { number: index + 1, words };
  }
}

/** The zones of a server block, without those that are for another port, a snippet or a range of addresses. */
function zonesOf(keys: readonly string[]): string[] {
  return keys.flatMap((key) => {
    const [, name = "", port] = /^(?:dns:\/\/)?([^:/()]+)(?::(\d+))?$/.exec(key) ?? [];
    if (name === "" || (port !== undefined && Number(port) !== DNS_PORT)) return [];
    return [normal(name)];
  });
}

function targetOf(words: readonly string[], line: number): ForwardRule["to"] {
  const [first = ""] = words;
  if (first.startsWith("/")) return { file: first };
  if (words.length === 0) throw new CorefileError(line, '"forward" names nobody to ask');
  return { upstreams: words.map((word) => upstreamOf(word, line)) };
}

function upstreamOf(word: string, line: number): Upstream {
  const plain = word.replace(/^dns:\/\//, "");
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(plain) ?? [];
  const host = isIP(plain) === 0 ? (six ?? four ?? "") : plain;
  const number = port === undefined || isIP(plain) > 0 ? DNS_PORT : Number(port);
  if (isIP(host) === 0 || number < 1 || number > 65_535)
    throw new CorefileError(line, `cannot forward to "${word}": expected ADDRESS or ADDRESS:PORT`);
  return { host, port: number };
}

function normal(zone: string): string {
  return zone.toLowerCase().replace(/\.$/, "");
}
