import type { Random } from "#core/random.ts";

/* Frames of HTTP/2 (RFC 9113) made by hand, with headers as literals that need no table (RFC 7541 section 6.2.2). */

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  window: 8,
  continuation: 9,
} as const;
const END_STREAM = 1;
const END_HEADERS = 4;

type Fields = readonly (readonly [name: string, value: string])[];

/** `text` as latin1. */
export function frame(
  type: number,
  flags: number,
  { stream, text }: { stream: number; text: string },
): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(text.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head.toString("latin1") + text;
}

function block(fields: Fields): string {
  return fields
    .map(
      ([name, value]) =>
        `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
    )
    .join("");
}

function requestFields(method: string, path: string): (readonly [string, string])[] {
  return [
    [":method", method],
    [":scheme", "http"],
    [":path", path],
    [":authority", "app.test"],
  ];
}

/** Fields that have no place in HTTP/2, or not there, or not so. */
const BAD_FIELDS: Fields = [
  ["connection", "close"],
  ["transfer-encoding", "chunked"],
  ["Upper", "case"],
  [":path", "/second"],
  [":unknown", "x"],
  ["content-length", "7"],
  ["content-length", "x"],
  ["te", "gzip"],
  ["x-line", "a\r\nGET /smuggled HTTP/1.1"],
  ["x-nul", "a\0b"],
  ["", "no name"],
  ["x space", "y"],
];

/** The frames of a connection with a few requests; `n` marks their paths. */
function frames(n: number, random: Random): string[] {
  const list = [frame(TYPE.settings, 0, { stream: 0, text: "" })];
  const requests = 1 + random.below(4);
  for (let index = 0; index < requests; index++) {
    const stream = 1 + index * 2;
    const fields = requestFields(random.below(2) === 0 ? "GET" : "POST", `/case${n}/${index}`);
    if (random.below(4) === 0) fields.splice(random.below(fields.length + 1), 0, pick(BAD_FIELDS, random));
    const text = block(fields);
    const body = random.below(2) === 0 ? "" : "hello world";
    const flags = body === "" ? END_STREAM : 0;
    if (random.below(5) === 0) {
      const half = random.below(text.length);
      list.push(
        frame(TYPE.headers, flags, { stream, text: text.slice(0, half) }),
        frame(TYPE.continuation, END_HEADERS, { stream, text: text.slice(half) }),
      );
    } else list.push(frame(TYPE.headers, flags | END_HEADERS, { stream, text }));
    if (body !== "") list.push(frame(TYPE.data, END_STREAM, { stream, text: body }));
  }
  return list;
}

type Mutation = (list: string[], random: Random) => void;

const MUTATIONS: readonly Mutation[] = [
  // A frame with any type, flags and stream.
  (list, random) => {
    const text = String.fromCharCode(...Array.from({ length: random.below(20) }, () => random.below(256)));
    list.splice(
      random.below(list.length + 1),
      0,
      frame(random.below(12), random.below(256), { stream: random.below(9), text }),
    );
  },
  // A frame twice, none, or in another place.
  (list, random) => list.splice(random.below(list.length + 1), 0, pick(list, random)),
  (list, random) => void list.splice(random.below(list.length), 1),
  (list, random) => {
    const [taken = ""] = list.splice(random.below(list.length), 1);
    list.splice(random.below(list.length + 1), 0, taken);
  },
  // A byte of a frame's head or content.
  (list, random) => change(list, random, 9),
  (list, random) => change(list, random, Infinity),
  // Well-formed ones that ask much or nothing.
  (list, random) =>
    put(list, random, frame(TYPE.window, 0, { stream: random.below(5), text: "\x7f\xff\xff\xff" })),
  (list, random) => put(list, random, frame(TYPE.window, 0, { stream: random.below(5), text: "\0\0\0\0" })),
  (list, random) => put(list, random, frame(TYPE.settings, 0, { stream: 0, text: "\0\x04\xff\xff\xff\xff" })),
  (list, random) => put(list, random, frame(TYPE.settings, 0, { stream: 0, text: "\0\x05\0\0\0\x01" })),
  (list, random) => put(list, random, frame(TYPE.ping, 0, { stream: 0, text: "12345678" })),
  (list, random) =>
    put(list, random, frame(TYPE.reset, 0, { stream: 1 + random.below(4), text: "\0\0\0\x08" })),
  (list, random) => put(list, random, frame(TYPE.goAway, 0, { stream: 0, text: "\0\0\0\0\0\0\0\0" })),
];

/** Bytes (as latin1) of a connection: preface and frames with none to three mutations. */
export function http2Mutant(n: number, random: Random): string {
  const list = frames(n, random);
  for (let left = random.below(4); left > 0 && list.length > 0; left--) pick(MUTATIONS, random)(list, random);
  const text = PREFACE + list.join("");
  return random.below(10) === 0 ? text.slice(0, random.below(text.length)) : text;
}

function put(list: string[], random: Random, piece: string): void {
  list.splice(random.below(list.length + 1), 0, piece);
}

/** Changes one byte among the first `within` of a frame. */
function change(list: string[], random: Random, within: number): void {
  const index = random.below(list.length);
  const text = list[index] ?? "";
  const at = random.below(Math.min(within, text.length));
  list[index] = text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
}

function pick<T>(list: readonly T[], random: Random): T {
  const chosen = list[random.below(list.length)];
  if (chosen === undefined) throw new Error("empty list");
  return chosen;
}
