import type { Random } from "#core/random.ts";
import { latin1Bytes } from "./heads.ts";

/** Requests without fault, in the forms that clients send. */
export const REQUESTS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /a/b?c=d HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: x\r\nAccept: */*\r\nCookie: b=c; d=e\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 30\r\n\r\nGET /in HTTP/1.1\r\nHost: b\r\n\r\n12",
  "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\nA;b=c\r\n0123456789\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
  "GET http://a/b HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n",
  "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "DELETE /a HTTP/1.0\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
];

/** Responses without fault. */
export const RESPONSES: readonly string[] = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
  "HTTP/1.1 200\r\nConnection: close\r\n\r\nuntil the end",
  "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 10\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n',
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
];

/** Header lines that attackers put into requests: two framings, framing in disguise, and what a proxy should not believe. */
const LINES: readonly string[] = [
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: 6, 6",
  "Content-Length: +5",
  "Content-Length: 0x5",
  "Content-Length: 5 ",
  "Content-Length:\x0b5",
  "Content-Length: 05",
  "Content-Length: 5;a",
  "Content-Length : 5",
  "Content_Length: 5",
  "Content-Length\0: 5",
  "Content-Length: 18446744073709551621",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding : chunked",
  " Transfer-Encoding: chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding: chunked, identity",
  "Transfer-Encoding: identity, chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: chunked\0",
  "Transfer-Encoding:\x0bchunked",
  "Transfer-Encoding:\tchunked",
  'Transfer-Encoding: "chunked"',
  "Transfer-Encoding: chunked;q=1",
  "Transfer-Encoding: CHUNKED",
  "Transfer-Encoding:\r\n chunked",
  "Transfer-Encoding:",
  "Transfer_Encoding: chunked",
  "Transfer-Encoding\x85: chunked",
  "transfer-encoding: chunked\r",
  "X: y\nTransfer-Encoding: chunked",
  "X: y\rTransfer-Encoding: chunked",
  "X: y\r\n\tTransfer-Encoding: chunked",
  "X\r\n: Transfer-Encoding: chunked",
  "TE: chunked",
  "Connection: Content-Length",
  "Connection: Transfer-Encoding, Host, Cookie",
  "Connection: close, X-Sum",
  "Keep-Alive: timeout=1",
  "Expect: 100-continue",
  "Expect: y 100-continue",
  "Host: b",
  "Host : b",
  "HOST: b",
  "X-Forwarded-Host: b",
  "X_Forwarded_For: 1",
  "Forwarded: for=1",
  "Upgrade: h2c",
  "Trailer: Content-Length",
  ": x",
  "",
];

const LINE_ENDS = [
  "\n",
  "\r",
  "\r\r\n",
  "\n\r",
  "\r\n ",
  "\r\n\t",
  "\0\r\n",
  "\r\n\r\n",
  "",
  "\x0b\r\n",
  " \r\n",
];
const BYTES = ' \t\r\n\0\x0b\x0c\x1f\x7f\x80\x85\xa0\xff:,;"_#%/?*@-+0123456789abcdefxXA';
const CHUNK_SIZES = [
  "0",
  "00",
  "5 ",
  " 5",
  "+5",
  "-5",
  "0x5",
  "5;",
  "5;a",
  '5;a="\n"',
  "5\n",
  "5\r",
  "fffffffffffffffff",
  "5\0",
  "ffffffffffffffff",
  "1_0",
  "A",
  "5;a\nb",
  "0;a\r\nX: y",
];
/** At most so many changes of one request. */
const MOST_CHANGES = 3;

/** Makes messages that are wrong in the ways by which one server is made to see another message than the next. */
export class Mutator {
  readonly #random: Random;
  readonly #valid: readonly string[];

  constructor(random: Random, valid: readonly string[] = REQUESTS) {
    this.#random = random;
    this.#valid = valid;
  }

  /** One or two messages behind each other, changed in up to three places. */
  next(): Uint8Array {
    let text = this.#one(this.#valid);
    if (this.#random.below(2) === 0) text += this.#one(this.#valid);
    for (let changes = 1 + this.#random.below(MOST_CHANGES); changes > 0; changes--)
      text = this.#change(text);
    return latin1Bytes(text);
  }

  #one(choices: readonly string[]): string {
    return choices[this.#random.below(choices.length)]!;
  }

  #change(text: string): string {
    const random = this.#random;
    const at = random.below(text.length + 1);
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.#atLineEnd(text, (end) => `\r\n${this.#one(LINES)}${end}`);
      case 3:
        return this.#atLineEnd(text, () => this.#one(LINE_ENDS));
      case 4:
        return text.slice(0, at) + BYTES[random.below(BYTES.length)]! + text.slice(at);
      case 5:
        return text.slice(0, at) + text.slice(at + 1 + random.below(4));
      case 6:
        return text.slice(0, at) + BYTES[random.below(BYTES.length)]! + text.slice(at + 1);
      case 7:
        return text.slice(0, at) + text.slice(random.below(at + 1));
      case 8:
        return text.replace(/(?<=\r\n)[0-9a-fA-F]+(?=[\r;])/, this.#one(CHUNK_SIZES));
      case 9:
        return text.replace(/Content-Length: \d+/, `Content-Length: ${random.below(40)}`);
      case 10:
        return text.replace(/(?<=\r\n)[A-Za-z-]+: /, (name) => this.#disguise(name));
      default:
        return text.slice(0, at) + this.#one(this.#valid).slice(random.below(20));
    }
  }

  /** Replaces one CRLF. */
  #atLineEnd(text: string, replace: (end: string) => string): string {
    const ends = text.split("\r\n").length - 1;
    if (ends === 0) return text;
    let at = -1;
    for (let n = 1 + this.#random.below(ends); n > 0; n--) at = text.indexOf("\r\n", at + 1);
    return text.slice(0, at) + replace("\r\n") + text.slice(at + 2);
  }

  #disguise(name: string): string {
    switch (this.#random.below(6)) {
      case 0:
        return name.toUpperCase();
      case 1:
        return name.replaceAll("-", "_");
      case 2:
        return name.replace(":", " :");
      case 3:
        return name.replace(": ", ":");
      case 4:
        return ` ${name}`;
      default:
        return name.replace(": ", ":\t ");
    }
  }
}
