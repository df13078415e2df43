/** Why a message was refused. The connection cannot be used any more: nobody knows where the next message begins. */
export interface H1Problem {
  /** Stable name, for counters and logs. */
  readonly code: string;
  /** What a client is answered. A response with a problem is answered 502, whatever stands here. */
  readonly status: 400 | 413 | 414 | 417 | 431 | 501 | 505;
  /** One line for people; never holds bytes of the message. */
  readonly text: string;
}

function problem(code: string, text: string, status: H1Problem["status"] = 400): H1Problem {
  return { code, status, text };
}

/** Every reason for which this codec refuses. The sections are of RFC 9112 unless another is named. */
export const PROBLEM = {
  // Lines (2.2, 5, 5.2)
  bareLf: problem("bareLf", "a line ends with LF alone"),
  bareCr: problem("bareCr", "CR without LF"),
  nul: problem("nul", "NUL byte"),
  controlCharacter: problem("controlCharacter", "control character in a header value"),
  obsFold: problem("obsFold", "a line begins with white space"),
  emptyName: problem("emptyName", "a header has no name"),
  badName: problem("badName", "a header's name is not a token"),
  spaceBeforeColon: problem("spaceBeforeColon", "white space between a header's name and the colon"),
  noColon: problem("noColon", "a header line has no colon"),
  headTooLarge: problem("headTooLarge", "the head is too large", 431),
  tooManyHeaders: problem("tooManyHeaders", "too many headers", 431),
  // Start lines (3, 4)
  badMethod: problem("badMethod", "the method is not a token in capitals"),
  connectRefused: problem("connectRefused", "CONNECT is not served", 501),
  badTarget: problem("badTarget", "the request target is malformed"),
  targetTooLong: problem("targetTooLong", "the request line is too long", 414),
  badRequestLine: problem("badRequestLine", "the request line is malformed"),
  badVersion: problem("badVersion", "HTTP version not supported", 505),
  badStatusLine: problem("badStatusLine", "the status line is malformed"),
  // Host (3.2)
  noHost: problem("noHost", "no Host header"),
  repeatedHost: problem("repeatedHost", "more than one Host header"),
  badHost: problem("badHost", "the Host header is malformed"),
  hostMismatch: problem("hostMismatch", "the target's authority and the Host header differ"),
  // Framing (6)
  badContentLength: problem("badContentLength", "Content-Length is not a number"),
  repeatedContentLength: problem("repeatedContentLength", "more than one Content-Length"),
  contentLengthTooLarge: problem("contentLengthTooLarge", "Content-Length is too large", 413),
  clWithTe: problem("clWithTe", "Content-Length together with Transfer-Encoding"),
  teInHttp10: problem("teInHttp10", "Transfer-Encoding in HTTP/1.0"),
  badTransferEncoding: problem("badTransferEncoding", "Transfer-Encoding is malformed"),
  repeatedChunked: problem("repeatedChunked", "chunked more than once"),
  chunkedNotLast: problem("chunkedNotLast", "the last transfer coding is not chunked"),
  unknownTransferCoding: problem("unknownTransferCoding", "only the transfer coding chunked is known", 501),
  traceWithBody: problem("traceWithBody", "TRACE with a body"),
  // Connection and expectations (9.6; RFC 9110 sections 7.6.1, 10.1.1)
  badConnection: problem("badConnection", "the Connection header is malformed"),
  unknownExpectation: problem("unknownExpectation", "only the expectation 100-continue is known", 417),
  // Chunked bodies (7.1)
  badChunkSize: problem("badChunkSize", "a chunk size is malformed"),
  chunkTooLarge: problem("chunkTooLarge", "a chunk size is too large", 413),
  badChunkExtension: problem("badChunkExtension", "a chunk extension is malformed"),
  chunkExtensionTooLong: problem("chunkExtensionTooLong", "chunk extensions are too long"),
  badChunkEnd: problem("badChunkEnd", "a chunk does not end with CRLF after its data"),
} as const satisfies Readonly<Record<string, H1Problem>>;
