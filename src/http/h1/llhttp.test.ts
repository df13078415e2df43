import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { latin1Bytes, latin1Text } from "./testing/heads.ts";
import { readWitness, type WitnessCase, type WitnessMessage } from "./testing/llhttp-corpus.ts";
import { readRequests, readResponses } from "./testing/read-messages.ts";

const FOLDER = join(import.meta.dir, "../../../../shared/corpora/llhttp");

/** As many cases were there when this was written. */
const CASES = 251;

const NO_LENIENCE = "we have no lenient mode";
const UPGRADE = "we serve neither CONNECT nor other upgrades than WebSocket";
const OTHER_PROTOCOL = "we speak HTTP/1.1 and HTTP/1.0 only";
const ONE_EMPTY_LINE = "we skip one empty line before a request (RFC 9112 section 2.2)";
const NO_EMPTY_LINE = "nothing may stand between responses: a server that sends it is out of step";
const FRAGMENT =
  "a fragment is no part of a target (RFC 9112 section 3.2); some of these also have a coding that we do not know";
const NOT_CHUNKED =
  "llhttp reads a response with an unknown coding until the connection ends; we could not tell it whole from cut";
const AFTER_CLOSE =
  "what follows a last message is left unread by who holds the connection, not by the codec";
const SKIP_BODY = "llhttp was told that the message has no body";
const ANY_METHOD = "any token in capitals is a method, and is sent on";

/** What comes out otherwise, on purpose: what we say (a problem's code, or "taken"), and why. */
const DIFFERENCES: Readonly<Record<string, readonly [ours: string, reason: string]>> = {
  "request/connection.md: No restart when keep-alive is off (1.0)": ["taken", AFTER_CLOSE],
  "request/connection.md: CRLF between requests, implicit `keep-alive`": ["badRequestLine", ONE_EMPTY_LINE],
  "request/connection.md: CRLF between requests, explicit `close` (lenient)": ["badRequestLine", NO_LENIENCE],
  "request/connection.md: Multiple tokens with folding": ["obsFold", NO_LENIENCE],
  "request/connection.md: Multiple tokens with folding, LWS, and CRLF": ["obsFold", NO_LENIENCE],
  "request/connection.md: Invalid whitespace token with `Connection` header field (lenient)": [
    "spaceBeforeColon",
    NO_LENIENCE,
  ],
  "request/content-length.md: Invalid whitespace token with `Content-Length` header field (lenient)": [
    "spaceBeforeColon",
    NO_LENIENCE,
  ],
  "request/content-length.md: No error on simultaneous `Content-Length` and `Transfer-Encoding: identity` (lenient)":
    ["chunkedNotLast", NO_LENIENCE],
  "request/content-length.md: Content-Length reset when no body is received": ["taken", SKIP_BODY],
  "request/content-length.md: Missing CRLF-CRLF before body (lenient)": ["bareCr", NO_LENIENCE],
  "request/invalid.md: HTTP protocol and ANNOUNCE method": ["taken", ANY_METHOD],
  "request/invalid.md: Invalid method": ["taken", ANY_METHOD],
  "request/invalid.md: Invalid HTTP version": [
    "taken",
    "we look at the version when the line has come to its end, which it does not here",
  ],
  "request/invalid.md: Only LFs present (lenient)": ["bareLf", NO_LENIENCE],
  "request/invalid.md: Spaces before headers (lenient)": ["obsFold", NO_LENIENCE],
  "request/lenient-header-value-relaxed.md: Control char in header value (relaxed)": [
    "controlCharacter",
    NO_LENIENCE,
  ],
  "request/lenient-headers.md: Header value (lenient)": ["controlCharacter", NO_LENIENCE],
  "request/lenient-headers.md: Second request header value (lenient)": ["controlCharacter", NO_LENIENCE],
  "request/lenient-headers.md: Empty headers separated by CR (lenient)": ["bareCr", NO_LENIENCE],
  "request/lenient-version.md: Invalid HTTP version (lenient)": ["badVersion", NO_LENIENCE],
  "request/method.md: CONNECT request": ["connectRefused", UPGRADE],
  "request/method.md: CONNECT request with CAPS": ["connectRefused", UPGRADE],
  "request/method.md: CONNECT with body": ["connectRefused", UPGRADE],
  "request/method.md: M-SEARCH request": [
    "badTarget",
    "the target * is for OPTIONS only (RFC 9112 section 3.2.4)",
  ],
  "request/method.md: SOURCE request with ICE": ["badRequestLine", OTHER_PROTOCOL],
  "request/method.md: OPTIONS request with RTSP": ["badRequestLine", OTHER_PROTOCOL],
  "request/method.md: ANNOUNCE request with RTSP": ["badRequestLine", OTHER_PROTOCOL],
  "request/sample.md: No HTTP version": ["badRequestLine", OTHER_PROTOCOL],
  "request/sample.md: Line folding in header value with CRLF": ["obsFold", NO_LENIENCE],
  "request/sample.md: No LF after CR (lenient)": ["bareCr", NO_LENIENCE],
  "request/sample.md: X-SSL-Nonsense": ["obsFold", NO_LENIENCE],
  "request/transfer-encoding.md: POST with `Transfer-Encoding` and `Content-Length` (lenient)": [
    "badTarget",
    NO_LENIENCE,
  ],
  "request/transfer-encoding.md: POST with `chunked` before other transfer-coding (lenient)": [
    "badTarget",
    NO_LENIENCE,
  ],
  "request/transfer-encoding.md: POST with `chunked` and duplicate transfer-encoding (lenient)": [
    "badTarget",
    NO_LENIENCE,
  ],
  "request/transfer-encoding.md: POST with `chunked` as last transfer-encoding": ["badTarget", FRAGMENT],
  "request/transfer-encoding.md: POST with `chunked` as last transfer-encoding (multiple headers)": [
    "badTarget",
    FRAGMENT,
  ],
  "request/transfer-encoding.md: Chunk header not terminated by CRLF (lenient)": ["bareCr", NO_LENIENCE],
  "request/transfer-encoding.md: Chunk data not terminated by CRLF (lenient)": ["badChunkEnd", NO_LENIENCE],
  "request/transfer-encoding.md: Space after chunk header (lenient)": ["badChunkSize", NO_LENIENCE],
  "request/uri.md: Fragment in URI": ["badTarget", FRAGMENT],
  "request/uri.md: Underscore in hostname": ["connectRefused", UPGRADE],
  "request/uri.md: `host:port` and basic auth": [
    "badTarget",
    "user information in a target is refused (RFC 9110 section 4.2.4)",
  ],
  "response/connection.md: HTTP/1.1 with keep-alive disabled and 204 status": ["taken", AFTER_CLOSE],
  "response/connection.md: HTTP/1.1 with keep-alive disabled, content-length (lenient)": [
    "badStatusLine",
    NO_LENIENCE,
  ],
  "response/connection.md: HTTP 304 with Content-Length": ["badStatusLine", NO_EMPTY_LINE],
  "response/connection.md: HTTP 100 first, then 400": ["badStatusLine", NO_EMPTY_LINE],
  "response/content-length.md: Content-Length reset when no body is received": ["taken", SKIP_BODY],
  "response/invalid.md: Bare CR after response line (lenient)": ["bareCr", NO_LENIENCE],
  "response/invalid.md: Only LFs present and no body (lenient)": ["bareLf", NO_LENIENCE],
  "response/invalid.md: Only LFs present (lenient)": ["bareLf", NO_LENIENCE],
  "response/lenient-version.md: Invalid HTTP version (lenient)": ["badVersion", NO_LENIENCE],
  "response/pipelining.md: Should parse multiple events": ["badStatusLine", NO_EMPTY_LINE],
  "response/sample.md: RTSP response": ["badStatusLine", OTHER_PROTOCOL],
  "response/sample.md: ICE response": ["badStatusLine", OTHER_PROTOCOL],
  "response/sample.md: No carriage ret (lenient)": ["bareLf", NO_LENIENCE],
  "response/sample.md: HTTP version 0.9": ["badVersion", OTHER_PROTOCOL],
  "response/sample.md: Response starting with CRLF": ["badStatusLine", NO_EMPTY_LINE],
  "response/transfer-encoding.md: `chunked` before other transfer-encoding": ["chunkedNotLast", NOT_CHUNKED],
  "response/transfer-encoding.md: multiple transfer-encoding where chunked is not the last one": [
    "chunkedNotLast",
    NOT_CHUNKED,
  ],
  "response/transfer-encoding.md: `chunkedchunked` transfer-encoding does not enable chunked enconding": [
    "chunkedNotLast",
    NOT_CHUNKED,
  ],
  "response/transfer-encoding.md: Invalid OBS fold after chunked value": ["obsFold", NO_LENIENCE],
};

interface Verdict {
  readonly refused: boolean;
  readonly messages: readonly unknown[];
}

/** Ours, without what only one of the two can say. */
function ourVerdict({ input, type, messages: theirs }: WitnessCase): Verdict & { code: string | undefined } {
  const names = (index: number) => [...(theirs[index]?.headers.keys() ?? [])];
  let index = 0;
  const stream = type.startsWith("request")
    ? readRequests(input, (head) => ({
        method: latin1Text(head.bytes.subarray(head.methodFrom, head.methodTo)),
        target: latin1Text(head.bytes.subarray(head.targetFrom, head.targetTo)),
        version: `1.${head.minor}`,
        headers: Object.fromEntries(names(index++).map((name) => [name, head.header(name)])),
      }))
    : readResponses(input, (head) => ({
        status: head.status,
        version: `1.${head.minor}`,
        headers: Object.fromEntries(names(index++).map((name) => [name, head.header(name)])),
      }));
  const messages = stream.messages.map(({ facts, body, complete }) => ({ ...facts, body, complete }));
  return { refused: stream.code !== undefined, messages, code: stream.code };
}

function theirVerdict({ messages, error, type }: WitnessCase): Verdict {
  const whole = messages.filter(({ headComplete }) => headComplete);
  return { refused: error !== undefined, messages: whole.map((message) => comparable(message, type)) };
}

function comparable(message: WitnessMessage, type: string): unknown {
  const { method, url, version, status, body, complete } = message;
  const headers = Object.fromEntries(message.headers);
  if (!type.startsWith("request")) return { status, version, headers, body, complete };
  return { method, target: url.replace(/^https?:\/\/[^/?]*/, ""), version, headers, body, complete };
}

/**
 * llhttp leaves Host to its user. So that a case shows what else there is to see, each request of HTTP/1.1 without one
 * gets it: the one of its target, or any.
 */
function withHosts(found: WitnessCase): WitnessCase {
  let { input } = found;
  for (;;) {
    const stream = readRequests(input, () => undefined);
    if (stream.code !== "noHost" || !found.type.startsWith("request")) return { ...found, input };
    const text = latin1Text(input);
    const line = text.indexOf("\r\n", text.startsWith("\r\n", stream.end) ? stream.end + 2 : stream.end) + 2;
    const host = /^\S+ https?:\/\/([^/?\s]+)/.exec(text.slice(stream.end))?.[1] ?? "llhttp.test";
    input = latin1Bytes(`${text.slice(0, line)}Host: ${host}\r\n${text.slice(line)}`);
  }
}

/** What we say where llhttp says something else; undefined where both agree. */
function differenceOf(given: WitnessCase): string | undefined {
  const found = withHosts(given);
  const ours = ourVerdict(found);
  const theirs = theirVerdict(found);
  if (ours.refused && theirs.refused) return undefined;
  // Behind an upgrade llhttp reads no more.
  const messages = found.upgraded ? ours.messages.slice(0, theirs.messages.length) : ours.messages;
  const agrees =
    (found.upgraded || !ours.refused) && !theirs.refused && Bun.deepEquals(messages, theirs.messages);
  return agrees ? undefined : (ours.code ?? "taken");
}

describe("llhttp's own tests", () => {
  const witness = readWitness(FOLDER);
  if (witness === undefined) {
    test("are not there", () => console.log(`notice: no ${FOLDER}: the codec is not compared with llhttp`));
    return;
  }

  test.each(witness.map((found) => [found.name, found] as const))("%s", (name, found) => {
    expect(differenceOf(found)).toBe(DIFFERENCES[name]?.[0]);
  });

  test("are all there, and each listed difference is one of them", () => {
    expect(witness.length).toBeGreaterThanOrEqual(CASES);
    const names = new Set(witness.map(({ name }) => name));
    expect(Object.keys(DIFFERENCES).filter((name) => !names.has(name))).toEqual([]);
    const differences = Object.keys(DIFFERENCES).length;
    console.log(
      `llhttp: ${witness.length - differences} of ${witness.length} cases alike, ${differences} listed differences`,
    );
  });
});
