import { COUNTS, noCounts, type Counts } from "../collect/counts.ts";

/** What one port of a service did in a span of time. */
export interface HistoryEntry {
  readonly counts: Counts;
  /** By number of the series. */
  readonly pods: Map<number, { total: number; bad: number }>;
}

/*
 * Packed as unsigned LEB128 numbers: how many counts are not 0; for each of them the distance from the one before and its
 * value; then for each pod the distance of its number from the one before, total, bad. A pod takes about 4 bytes.
 */

export function encodeHistory({ counts, pods }: HistoryEntry): Uint8Array {
  const out: number[] = [];
  let present = 0;
  for (let i = 0; i < COUNTS; i++) if (counts[i] !== 0) present++;
  put(out, present);
  let last = -1;
  for (let i = 0; i < COUNTS; i++) {
    const value = counts[i] as number;
    if (value === 0) continue;
    put(out, i - last - 1);
    put(out, value);
    last = i;
  }
  let before = 0;
  for (const id of [...pods.keys()].toSorted((a, b) => a - b)) {
    const pod = pods.get(id);
    put(out, id - before);
    put(out, pod?.total ?? 0);
    put(out, pod?.bad ?? 0);
    before = id;
  }
  return Uint8Array.from(out);
}

/** Adds what is packed in `bytes`. What is cut off counts nothing. */
export function decodeHistory(bytes: Uint8Array, into: HistoryEntry): void {
  const reader = { bytes, at: 0 };
  let i = -1;
  for (let left = take(reader); left > 0 && reader.at < bytes.length; left--) {
    i += take(reader) + 1;
    const value = take(reader);
    if (i < COUNTS) into.counts[i] = (into.counts[i] as number) + value;
  }
  let id = 0;
  while (reader.at < bytes.length) {
    id += take(reader);
    const [total, bad] = [take(reader), take(reader)];
    const pod = into.pods.get(id);
    if (pod === undefined) into.pods.set(id, { total, bad });
    else {
      pod.total += total;
      pod.bad += bad;
    }
  }
}

export function noHistory(): HistoryEntry {
  return { counts: noCounts(), pods: new Map() };
}

function put(out: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}

function take(reader: { readonly bytes: Uint8Array; at: number }): number {
  let value = 0;
  let scale = 1;
  while (reader.at < reader.bytes.length) {
    const byte = reader.bytes[reader.at++] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 0x80;
  }
  return value;
}
