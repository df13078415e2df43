import { HEADER_BYTES, TYPE } from "./constants.ts";
import { labelsOf, lower, nameHash, wireName } from "./name.ts";
import { RecordWriter, type RecordData } from "./records.ts";

/** A record of a zone: `labels` are those before the zone's origin, none for the origin itself. */
export interface ZoneRecord {
  readonly labels: readonly string[];
  readonly data: RecordData;
}

/** A set of records of one name and type, ready to be copied behind a question. */
export interface Answer {
  readonly records: number;
  /** The same records, each time with another one first, so that clients that take the first are spread. */
  readonly variants: readonly Uint8Array[];
  /** The variant that is next. */
  next: number;
}

/** A name that exists. One with no answers is on the way to others (RFC 8020): it has no data, but is there. */
export interface Node {
  readonly wire: Uint8Array;
  readonly answers: Map<number, Answer>;
  /** Names below it and records at it. */
  uses: number;
}

/** A name of an owner that is about to be added. */
interface Name {
  readonly labels: readonly string[];
  readonly answers: ReadonlyMap<number, Answer>;
}

export interface ZoneOptions {
  /** For example `clusterset.local`. */
  readonly origin: string;
  /** How long answers may be kept, with data and without, s. */
  readonly ttl: number;
  /** Wall time, ms: the serial follows it. */
  readonly now: () => number;
}

/** A pointer to the question's name: that is the origin where these are an answer, and is set where they are not. */
const TO_QUESTION = [0xc0, HEADER_BYTES];
const PRIMARY = Uint8Array.from([...wireName(["ns", "dns"]).slice(0, -1), ...TO_QUESTION]);
const MAILBOX = Uint8Array.from([...wireName(["hostmaster"]).slice(0, -1), ...TO_QUESTION]);
const RECORD_FIXED_BYTES = 12;

/** Where the origin is pointed to in `Zone.soa`: the name of the record, and the two in it. */
export const SOA_POINTERS: readonly number[] = [
  0,
  RECORD_FIXED_BYTES + PRIMARY.length - 2,
  RECORD_FIXED_BYTES + PRIMARY.length + MAILBOX.length - 2,
];

/** Orders in which a set of records is given out, at most. */
const MAX_VARIANTS = 8;

/**
 * One zone, kept as answers: what a change costs is paid when it comes, so that a query is a look-up and a copy. Records
 * belong to an owner (a service) and are replaced as a whole; a change costs what that owner has. A look-up is O(bytes of the
 * name), whatever the size of the zone.
 */
export class Zone {
  readonly origin: string;
  readonly ttl: number;
  /** On the wire, in lower case. */
  readonly apex: Uint8Array;
  readonly #now: () => number;
  readonly #originLabels: readonly string[];
  readonly #nodes = new Map<number, Node[]>();
  readonly #owned = new Map<string, readonly ZoneRecord[]>();
  #serial = 0;
  #changedMs = 0;
  #soa: Uint8Array = new Uint8Array();
  #names = 0;

  constructor({ origin, ttl, now }: ZoneOptions) {
    this.#originLabels = labelsOf(origin);
    this.origin = this.#originLabels.join(".").toLowerCase();
    this.ttl = ttl;
    this.apex = wireName(this.#originLabels);
    this.#now = now;
    this.#apexChanged();
  }

  /** Names that exist. */
  get names(): number {
    return this.#names;
  }

  /** Rises with each change (RFC 1982 arithmetic is not needed until 2106). */
  get serial(): number {
    return this.#serial;
  }

  /** When the last change was, wall time, ms. */
  get changedMs(): number {
    return this.#changedMs;
  }

  /** The SOA record for answers that have nothing. The two bytes at each of `SOA_POINTERS` are to point to the origin. */
  get soa(): Uint8Array {
    return this.#soa;
  }

  /**
   * Replaces all records of an owner; no two owners have a name together. Throws INVALID for what DNS cannot have; nothing has
   * changed then.
   */
  set(owner: string, records: readonly ZoneRecord[]): void {
    const before = this.#owned.get(owner) ?? [];
    if (Bun.deepEquals(before, records)) return;
    const names = [...namesOf(records).values()].map((list) => this.#prepare(list));
    this.#drop(before);
    if (records.length === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, records);
    for (const name of names) this.#add(name);
    this.#apexChanged();
  }

  remove(owner: string): void {
    this.set(owner, []);
  }

  owners(): Iterable<string> {
    return this.#owned.keys();
  }

  /** The name at `bytes[from, to)`, in any case; undefined when there is none. */
  find(bytes: Uint8Array, from: number, to: number): Node | undefined {
    const list = this.#nodes.get(nameHash(bytes, from, to));
    if (list === undefined) return undefined;
    for (let n = 0; n < list.length; n++) if (sameName(list[n]!.wire, bytes, from, to)) return list[n];
    return undefined;
  }

  /** Where the origin begins within the name at `bytes[from, to)`; 0 when the name is not in this zone. */
  originIn(bytes: Uint8Array, from: number, to: number): number {
    const { apex } = this;
    const start = to - apex.length;
    let at = from;
    while (at < start) at += 1 + bytes[at]!;
    return at === start && sameName(apex, bytes, start, to) ? start : 0;
  }

  #prepare(records: readonly ZoneRecord[]): Name {
    const labels = records[0]?.labels ?? [];
    wireName([...labels, ...this.#originLabels]);
    const answers = new Map<number, Answer>();
    for (const [type, list] of Map.groupBy(records, ({ data }) => TYPE[data.type])) {
      const data = list.map((record) => record.data);
      answers.set(type, answerOf(data, this.ttl));
    }
    return { labels, answers };
  }

  #add({ labels, answers }: Name): void {
    this.#use(labels, 1);
    const node = this.#node(labels);
    for (const [type, answer] of answers) node.answers.set(type, answer);
  }

  #drop(records: readonly ZoneRecord[]): void {
    for (const [first] of namesOf(records).values()) {
      const { labels } = first;
      this.#node(labels).answers.clear();
      this.#use(labels, -1);
    }
  }

  /** Counts a name, and each name that it is below of, up to the origin. */
  #use(labels: readonly string[], by: 1 | -1): void {
    for (let from = 0; from < labels.length; from++) {
      const rest = labels.slice(from);
      const node = this.#node(rest);
      node.uses += by;
      if (node.uses === 0) this.#delete(node);
    }
  }

  #node(labels: readonly string[]): Node {
    const wire = wireName([...labels, ...this.#originLabels]);
    const known = this.find(wire, 0, wire.length);
    if (known !== undefined) return known;
    const node: Node = { wire, answers: new Map(), uses: 0 };
    const hash = nameHash(wire, 0, wire.length);
    const list = this.#nodes.get(hash);
    if (list === undefined) this.#nodes.set(hash, [node]);
    else list.push(node);
    this.#names++;
    return node;
  }

  #delete(node: Node): void {
    const hash = nameHash(node.wire, 0, node.wire.length);
    const left = (this.#nodes.get(hash) ?? []).filter((one) => one !== node);
    if (left.length === 0) this.#nodes.delete(hash);
    else this.#nodes.set(hash, left);
    this.#names--;
  }

  /** SOA and NS, with a serial that rises. */
  #apexChanged(): void {
    this.#changedMs = this.#now();
    this.#serial = Math.max(this.#serial + 1, Math.floor(this.#changedMs / 1000)) >>> 0;
    const { ttl } = this;
    const data: RecordData = {
      type: "SOA",
      soa: {
        primary: PRIMARY,
        mailbox: MAILBOX,
        serial: this.#serial,
        refresh: 7200,
        retry: 1800,
        expire: 86_400,
        minimum: ttl,
      },
    };
    const node = this.#node([]);
    node.uses = 1;
    node.answers.set(TYPE.SOA, answerOf([data], ttl));
    node.answers.set(TYPE.NS, answerOf([{ type: "NS", target: PRIMARY }], ttl));
    const writer = new RecordWriter();
    writer.atQuestion(data, ttl);
    this.#soa = Uint8Array.from(writer.bytes);
  }
}

/** Records by name, whatever its case. */
function namesOf(records: readonly ZoneRecord[]): Map<string, [ZoneRecord, ...ZoneRecord[]]> {
  const names = new Map<string, [ZoneRecord, ...ZoneRecord[]]>();
  for (const record of records) {
    const key = record.labels.join(".").toLowerCase();
    const list = names.get(key);
    if (list === undefined) names.set(key, [record]);
    else list.push(record);
  }
  return names;
}

function answerOf(records: readonly RecordData[], ttl: number): Answer {
  const encoded = records.map((data) => {
    const writer = new RecordWriter();
    writer.atQuestion(data, ttl);
    return writer.bytes;
  });
  const turns = Math.min(encoded.length, MAX_VARIANTS);
  const variants = Array.from({ length: turns }, (_, turn) => {
    const first = Math.floor((turn * encoded.length) / turns);
    return Uint8Array.from([...encoded.slice(first), ...encoded.slice(0, first)].flat());
  });
  return { records: encoded.length, variants, next: 0 };
}

function sameName(wire: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== wire.length) return false;
  for (let i = 0; i < wire.length; i++) if (lower(bytes[from + i]!) !== wire[i]) return false;
  return true;
}
