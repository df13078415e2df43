import { isIPv4, isIPv6 } from "node:net";
import { IsthmusError } from "#core/errors.ts";
import { CLASS_IN, HEADER_BYTES, TYPE } from "./constants.ts";

/** What a record says, without its name. */
export type RecordData =
  | { readonly type: "A"; readonly address: string }
  | { readonly type: "AAAA"; readonly address: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      /** On the wire; RFC 2782 allows no compression of it. */
      readonly target: Uint8Array;
    }
  | { readonly type: "TXT"; readonly texts: readonly string[] }
  | { readonly type: "NS"; readonly target: Uint8Array }
  | { readonly type: "SOA"; readonly soa: Soa };

/** RFC 1035 section 3.3.13; names may end with a pointer, times are in seconds. */
export interface Soa {
  readonly primary: Uint8Array;
  readonly mailbox: Uint8Array;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** How long "there is no such thing" may be kept (RFC 2308). */
  readonly minimum: number;
}

/**
 * Appends to a list of bytes, which is how records are made when data changes; the way of a query has no part in it. Throws INVALID for
 * what is no address.
 */
export class RecordWriter {
  readonly bytes: number[] = [];

  /** A record whose name is the one of the question: a pointer to byte 12 of any answer. */
  atQuestion(data: RecordData, ttl: number): void {
    this.#record([0xc0, HEADER_BYTES], data, ttl);
  }

  /** A record with its name written out. */
  named(name: Uint8Array, { data, ttl }: { readonly data: RecordData; readonly ttl: number }): void {
    this.#record(name, data, ttl);
  }

  #record(name: Iterable<number>, data: RecordData, ttl: number): void {
    this.bytes.push(...name);
    this.#u16(TYPE[data.type]);
    this.#u16(CLASS_IN);
    this.#u32(ttl);
    const value = dataOf(data);
    this.#u16(value.length);
    this.bytes.push(...value);
  }

  #u16(value: number): void {
    this.bytes.push((value >> 8) & 0xff, value & 0xff);
  }

  #u32(value: number): void {
    this.#u16(value >>> 16);
    this.#u16(value & 0xffff);
  }
}

function dataOf(data: RecordData): number[] {
  switch (data.type) {
    case "A":
      if (!isIPv4(data.address)) throw noAddress(data);
      return data.address.split(".").map(Number);
    case "AAAA":
      if (!isIPv6(data.address) || data.address.includes("%")) throw noAddress(data);
      return addressOf6(data.address);
    case "SRV":
      return [...u16(data.priority), ...u16(data.weight), ...u16(data.port), ...data.target];
    case "TXT":
      return data.texts.flatMap((text) => {
        const bytes = [...new TextEncoder().encode(text)].slice(0, 255);
        return [bytes.length, ...bytes];
      });
    case "NS":
      return [...data.target];
    case "SOA": {
      const { primary, mailbox, serial, refresh, retry, expire, minimum } = data.soa;
      const numbers = [serial, refresh, retry, expire, minimum];
      return [...primary, ...mailbox, ...numbers.flatMap((n) => [...u16(n >>> 16), ...u16(n & 0xffff)])];
    }
    default:
      return data satisfies never;
  }
}

function noAddress({ type, address }: { readonly type: string; readonly address: string }): IsthmusError {
  return new IsthmusError("INVALID", `"${address}" is no address for a record of type ${type}`);
}

function u16(value: number): [number, number] {
  return [(value >> 8) & 0xff, value & 0xff];
}

/** RFC 4291 section 2.2, with an IPv4 address at its end too. */
function addressOf6(text: string): number[] {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const last = dotted?.[2]?.split(".").map(Number);
  const whole =
    dotted === null || last === undefined
      ? text
      : `${dotted[1]}${word(last[0], last[1])}:${word(last[2], last[3])}`;
  const [head = "", tail] = whole.split("::");
  const [left, right] = [words(head), words(tail ?? "")];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...zeros, ...right].flatMap(u16);
}

function words(part: string): number[] {
  return part === "" ? [] : part.split(":").map((one) => Number.parseInt(one, 16));
}

function word(high = 0, low = 0): string {
  return ((high << 8) | low).toString(16);
}
