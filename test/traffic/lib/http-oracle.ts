/**
 * What a stream of bytes means as HTTP/1.1 requests, read as strictly as RFC 9112 can be read. A second opinion: it
 * shares nothing with the router's parser, is slow, and says what an origin may see at most.
 */
export interface SeenRequest {
  readonly method: string;
  /** In origin form. */
  readonly target: string;
  readonly host: string;
  readonly body: string;
}

export interface Reading {
  readonly requests: SeenRequest[];
  /** Bytes after the last whole request. */
  readonly rest: string;
  /** Why reading ended: `end` of the bytes between requests or after one that closes, `incomplete` within one. */
  readonly stopped: "end" | "incomplete" | "refused";
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,16})([ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

class Refused extends Error {}
class Incomplete extends Error {}

/** Reads all requests that are whole. */
export function readRequests(text: string): Reading {
  const requests: SeenRequest[] = [];
  let at = 0;
  let open = true;
  try {
    while (open) {
      while (text.startsWith("\r\n", at)) at += 2;
      if (at >= text.length) return { requests, rest: "", stopped: "end" };
      const { request, end, close } = readRequest(text, at);
      requests.push(request);
      at = end;
      open = !close;
    }
    return { requests, rest: text.slice(at), stopped: "end" };
  } catch (error) {
    if (error instanceof Refused) return { requests, rest: text.slice(at), stopped: "refused" };
    if (error instanceof Incomplete) return { requests, rest: text.slice(at), stopped: "incomplete" };
    throw error;
  }
}

function readRequest(text: string, from: number): { request: SeenRequest; end: number; close: boolean } {
  const { fields, start, end } = readHead(text, from);
  const line = REQUEST_LINE.exec(start);
  if (line === null) throw new Refused();
  const [, method = "", rawTarget = "", minor = ""] = line;
  const hosts = valuesOf(fields, "host");
  if (hosts.length > 1 || (minor === "1" && hosts.length === 0)) throw new Refused();
  const [host = ""] = hosts;
  if (!HOST.test(host)) throw new Refused();
  const target = originForm(method, rawTarget, hosts[0]);
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  let body = "";
  let bodyEnd = end;
  if (codings.length > 0) {
    if (minor === "0" || lengths.length > 0 || codings.length > 1) throw new Refused();
    if (codings[0]?.toLowerCase() !== "chunked") throw new Refused();
    ({ body, end: bodyEnd } = readChunks(text, end));
  } else if (lengths.length > 0) {
    const [length = ""] = lengths;
    if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(length)) throw new Refused();
    bodyEnd = end + Number(length);
    if (text.length < bodyEnd) throw new Incomplete();
    body = text.slice(end, bodyEnd);
  }
  const options = valuesOf(fields, "connection").flatMap((value) =>
    value.split(",").map((option) => option.trim().toLowerCase()),
  );
  const close = options.includes("close") || (minor === "0" && !options.includes("keep-alive"));
  return { request: { method, target, host, body }, end: bodyEnd, close };
}

function originForm(method: string, target: string, host: string | undefined): string {
  if (method === "CONNECT") throw new Refused();
  if (target.startsWith("/")) return target;
  if (target === "*" && method === "OPTIONS") return target;
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) throw new Refused();
  const [, authority = "", path = ""] = absolute;
  if (host !== undefined && authority.toLowerCase() !== host.toLowerCase()) throw new Refused();
  if (path === "" && method === "OPTIONS") return "*";
  return path.startsWith("/") ? path : `/${path}`;
}

type Fields = readonly (readonly [name: string, value: string])[];

function readHead(text: string, from: number): { start: string; fields: Fields; end: number } {
  const [start, afterStart] = readLine(text, from);
  const { fields, end } = readFields(text, afterStart);
  return { start, fields, end };
}

function readFields(text: string, from: number): { fields: Fields; end: number } {
  const fields: [string, string][] = [];
  for (let at = from; ;) {
    const [line, next] = readLine(text, at);
    at = next;
    if (line === "") return { fields, end: at };
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (!TOKEN.test(name)) throw new Refused();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (!VALUE.test(value)) throw new Refused();
    fields.push([name.toLowerCase(), value]);
  }
}

/** Up to CRLF; a CR or LF that is not part of one is refused. */
function readLine(text: string, from: number): [line: string, next: number] {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0 || code === 10) throw new Refused();
    if (code !== 13) continue;
    if (at + 1 === text.length) throw new Incomplete();
    if (text.charCodeAt(at + 1) !== 10) throw new Refused();
    return [text.slice(from, at), at + 2];
  }
  throw new Incomplete();
}

function readChunks(text: string, from: number): { body: string; end: number } {
  let body = "";
  for (let at = from; ;) {
    const [line, next] = readLine(text, at);
    const size = Number.parseInt(CHUNK_LINE.exec(line)?.[1] ?? "", 16);
    if (!Number.isSafeInteger(size)) throw new Refused();
    if (size === 0) return { body, end: readFields(text, next).end };
    const end = next + size;
    if (text.length < end) throw new Incomplete();
    body += text.slice(next, end);
    const after = text.slice(end, end + 2);
    if (!"\r\n".startsWith(after)) throw new Refused();
    if (after.length < 2) throw new Incomplete();
    at = end + 2;
  }
}

function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([key]) => key === name).map(([, value]) => value);
}
