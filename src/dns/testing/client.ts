import { wireName } from "../name.ts";

/** A question and answers as text; a reader of its own, so that the server is not believed. For tests. */
export interface Read {
  readonly id: number;
  readonly rcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly question: string;
  readonly answers: readonly ReadRecord[];
  readonly authorities: readonly ReadRecord[];
  readonly edns: { readonly payload: number; readonly version: number } | undefined;
}

export interface ReadRecord {
  readonly name: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: string;
}

export interface AskOptions {
  readonly id?: number;
  readonly class?: number;
  /** With it the query has an OPT record. */
  readonly payload?: number;
  readonly version?: number;
  readonly opts?: number;
  readonly transport?: "udp" | "tcp";
}

export function ask(
  question: { readonly name: string; readonly type: number },
  options: AskOptions = {},
): Uint8Array {
  const { name, type } = question;
  const wire = exactName(name);
  const opts = options.payload === undefined ? 0 : (options.opts ?? 1);
  const { id = 0x1234 } = options;
  const bytes = [
    id >> 8,
    id & 255,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    opts,
    ...wire,
    type >> 8,
    type & 255,
    0,
    options.class ?? 1,
  ];
  const { payload = 0 } = options;
  for (let n = 0; n < opts; n++)
    bytes.push(0, 0, 41, payload >> 8, payload & 255, 0, options.version ?? 0, 0, 0, 0, 0);
  return Uint8Array.from(bytes);
}

/** With the letters as they are given. */
function exactName(name: string): Uint8Array {
  if (name === "") return new Uint8Array(1);
  const wire = wireName(name.split("."));
  let at = 0;
  for (const label of name.split(".")) {
    wire.set(new TextEncoder().encode(label), at + 1);
    at += 1 + label.length;
  }
  return wire;
}

export function readAnswer(bytes: Uint8Array): Read {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint16(2);
  let at = 12;
  let question = "";
  for (let n = 0; n < view.getUint16(4); n++) {
    const [name, end] = nameAt(bytes, at);
    question = name;
    at = end + 4;
  }
  let edns: Read["edns"];
  let extended = 0;
  const section = (count: number): ReadRecord[] => {
    const records: ReadRecord[] = [];
    for (let n = 0; n < count; n++) {
      const [name, end] = nameAt(bytes, at);
      const type = view.getUint16(end);
      const length = view.getUint16(end + 8);
      const from = end + 10;
      if (type === 41) {
        edns = { payload: view.getUint16(end + 2), version: view.getUint8(end + 5) };
        extended = view.getUint8(end + 4);
      } else {
        records.push({
          name,
          type,
          ttl: view.getUint32(end + 4),
          data: dataAt(bytes, { type, from, length }),
        });
      }
      at = from + length;
    }
    return records;
  };
  const answers = section(view.getUint16(6));
  const authorities = section(view.getUint16(8));
  section(view.getUint16(10));
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes behind the last record`);
  const rcode = (flags & 15) | (extended << 4);
  return {
    id: view.getUint16(0),
    rcode,
    aa: (flags & 0x400) !== 0,
    tc: (flags & 0x200) !== 0,
    question,
    answers,
    authorities,
    edns,
  };
}

function nameAt(bytes: Uint8Array, from: number): [string, number] {
  const labels: string[] = [];
  let at = from;
  let end = 0;
  for (let steps = 0; steps < 128; steps++) {
    const length = bytes[at] ?? 0;
    if (length === 0) return [labels.join("."), end === 0 ? at + 1 : end];
    if (length >= 0xc0) {
      if (end === 0) end = at + 2;
      at = ((length & 0x3f) << 8) | (bytes[at + 1] ?? 0);
    } else {
      labels.push(Buffer.from(bytes.subarray(at + 1, at + 1 + length)).toString());
      at += 1 + length;
    }
  }
  throw new Error("A name without end");
}

function dataAt(
  bytes: Uint8Array,
  { type, from, length }: { type: number; from: number; length: number },
): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, length);
  if (type === 1) return [...bytes.subarray(from, from + 4)].join(".");
  if (type === 28) return Array.from({ length: 8 }, (_, n) => view.getUint16(n * 2).toString(16)).join(":");
  if (type === 16) return Buffer.from(bytes.subarray(from + 1, from + 1 + (bytes[from] ?? 0))).toString();
  if (type === 2) return nameAt(bytes, from)[0];
  if (type === 33)
    return `${view.getUint16(0)} ${view.getUint16(2)} ${view.getUint16(4)} ${nameAt(bytes, from + 6)[0]}`;
  if (type === 6) {
    const [primary, next] = nameAt(bytes, from);
    const [mailbox, at] = nameAt(bytes, next);
    const numbers = Array.from({ length: 5 }, (_, n) =>
      new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(n * 4),
    );
    return [primary, mailbox, ...numbers].join(" ");
  }
  return `type ${type}`;
}
