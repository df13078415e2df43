import type { Random } from "#core/random.ts";

/** Lengths in the seeds count on it. */
const CASE_DIGITS = 7;

/** Requests of every shape, and one hidden in a body: `§` stands for the number of the case. */
const SEEDS: readonly string[] = [
  "GET /case§ HTTP/1.1\r\nHost: app.test\r\nAccept: */*\r\n\r\n",
  "GET /case§?q=1 HTTP/1.1\r\nHost: app.test:80\r\nUser-Agent: mutant\r\nConnection: keep-alive\r\n\r\n",
  "HEAD /case§ HTTP/1.1\r\nHost: app.test\r\n\r\n",
  "GET http://app.test/case§ HTTP/1.1\r\nHost: app.test\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: app.test\r\n\r\n",
  "GET /case§ HTTP/1.0\r\n\r\n",
  "GET /case§ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "POST /case§ HTTP/1.1\r\nHost: app.test\r\nContent-Length: 11\r\n\r\nhello world",
  "POST /case§ HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n\r\n",
  "POST /case§ HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
  "PUT /case§ HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5;name=value\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n",
  "POST /case§ HTTP/1.1\r\nHost: app.test\r\nContent-Length: 55\r\n\r\nGET /smuggled§ HTTP/1.1\r\nHost: evil.test\r\nx: \r\n\r\n",
  "POST /case§ HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n32\r\nGET /smuggled§ HTTP/1.1\r\nHost: evil.test\r\n\r\n\r\n0\r\n\r\n",
  "GET /case§ HTTP/1.1\r\nHost: app.test\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nCookie: a=b; c=d\r\n\r\n",
  "GET /case§/1 HTTP/1.1\r\nHost: app.test\r\n\r\nGET /case§/2 HTTP/1.1\r\nHost: app.test\r\n\r\n",
  "POST /case§/1 HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabcGET /case§/2 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n",
  "POST /case§ HTTP/1.1\r\nHost: app.test\r\nConnection: x-hop, close\r\nx-hop: 1\r\nContent-Length: 2\r\n\r\nok",
];

/** Header lines that make framing doubtful. */
const LINES: readonly string[] = [
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: 5, 5",
  "Content-Length: +5",
  "Content-Length: -1",
  "Content-Length: 0x5",
  "Content-Length: 5 ",
  "Content-Length : 5",
  "Content-Length:\t5",
  "Content-Length: 99999999999999999999",
  "Content-length: 05",
  "Content-Length: 5\n",
  "Content_Length: 5",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: Chunked",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding:\x0bchunked",
  "Transfer-Encoding: \x00chunked",
  "Transfer-Encoding: chunked\r\n\tfolded",
  " Transfer-Encoding: chunked",
  "X: y\r\n folded: z",
  "Transfer-Encoding\r\n: chunked",
  "X: y\rContent-Length: 5",
  "X: y\nTransfer-Encoding: chunked",
  "Host: other.test",
  "Connection: content-length",
  "Connection: transfer-encoding, host",
  "Connection: close",
  "Expect: 100-continue",
  "Expect: 200-maybe",
  "Trailer: content-length",
  ": empty",
  "No colon at all",
  "X-\xe9: \xff\xfe",
];

const SIZES: readonly string[] = [
  "0",
  "1",
  "05",
  "5",
  "6",
  "a",
  "0x5",
  "+5",
  "-1",
  "5 ",
  " 5",
  "5;",
  '5;x="y',
  "ffffffff",
  "fffffffffffffffff",
  "5\n",
  "",
  "5\r",
  "0\r\n\r\n5",
];
const BYTES = [0, 9, 10, 11, 13, 32, 34, 44, 45, 47, 48, 53, 58, 59, 64, 65, 92, 127, 128, 133, 160, 255];
const ENDS: readonly string[] = ["\n", "\r", "\r\r\n", "\n\r", "\r\n\r\n", "", " \r\n", "\r\n "];

type Mutation = (text: string, random: Random) => string;

const MUTATIONS: readonly Mutation[] = [
  // A byte put in, taken out or changed.
  (text, random) => insert(text, random.below(text.length + 1), String.fromCharCode(pick(BYTES, random))),
  (text, random) => cut(text, random.below(text.length), 1),
  (text, random) => {
    const at = random.below(text.length);
    return insert(cut(text, at, 1), at, String.fromCharCode(pick(BYTES, random)));
  },
  (text, random) => {
    const at = random.below(text.length);
    return insert(cut(text, at, 1), at, String.fromCharCode(random.below(256)));
  },
  // A doubtful header line after some line, its own line end mostly whole.
  (text, random) => insert(text, lineEnd(text, random), `${pick(LINES, random)}\r\n`),
  (text, random) => insert(text, lineEnd(text, random), `${pick(LINES, random)}${pick(ENDS, random)}`),
  // A line end that is none.
  (text, random) => {
    const at = lineEnd(text, random);
    return insert(cut(text, Math.max(0, at - 2), 2), Math.max(0, at - 2), pick(ENDS, random));
  },
  // A line that stands twice, or not at all.
  (text, random) => {
    const [from, to] = lineAt(text, random);
    return insert(text, to, text.slice(from, to));
  },
  (text, random) => {
    const [from, to] = lineAt(text, random);
    return cut(text, from, to - from);
  },
  // Another number where there is one.
  (text, random) => {
    const numbers = [...text.matchAll(/\b[0-9a-f]{1,2}(?=\r\n)/g)];
    const found = numbers[random.below(Math.max(1, numbers.length))];
    return found === undefined
      ? text
      : insert(cut(text, found.index, found[0].length), found.index, pick(SIZES, random));
  },
  // Cut off, a part that stands twice, two seeds one behind the other.
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => {
    const from = random.below(text.length);
    return insert(text, random.below(text.length), text.slice(from, from + random.below(40)));
  },
  (text, random) => text + pick(SEEDS, random),
];

/** Bytes (as latin1) of a connection: a seed with none to four mutations. `n` marks its targets. */
export function mutant(n: number, random: Random): string {
  let text = pick(SEEDS, random);
  for (let left = random.below(5); left > 0; left--) {
    if (text.length > 0) text = pick(MUTATIONS, random)(text, random);
  }
  return text.replaceAll("§", String(n).padStart(CASE_DIGITS, "0"));
}

function pick<T>(list: readonly T[], random: Random): T {
  const chosen = list[random.below(list.length)];
  if (chosen === undefined) throw new Error("empty list");
  return chosen;
}

function insert(text: string, at: number, piece: string): string {
  return text.slice(0, at) + piece + text.slice(at);
}

function cut(text: string, at: number, length: number): string {
  return text.slice(0, at) + text.slice(at + length);
}

/** Index behind one of the line ends. */
function lineEnd(text: string, random: Random): number {
  const ends = [...text.matchAll(/\r\n/g)].map(({ index }) => index + 2);
  return ends[random.below(Math.max(1, ends.length))] ?? text.length;
}

function lineAt(text: string, random: Random): [from: number, to: number] {
  const to = lineEnd(text, random);
  return [text.lastIndexOf("\r\n", Math.max(0, to - 3)) + 2, to];
}
