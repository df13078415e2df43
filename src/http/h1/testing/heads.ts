import { ByteWriter } from "../../byte-writer.ts";
import type { HeadLimits } from "../limits.ts";
import { RequestHead, type RequestEdit } from "../request-head.ts";
import { ResponseHead, type ResponseEdit } from "../response-head.ts";

export const EDIT: RequestEdit = { clientAddress: "192.0.2.7", scheme: "http", upgrade: false };
export const ANSWER: ResponseEdit = { clientMinor: 1, close: false, chunk: false, upgrade: false };
/** What `EDIT` adds to a request for the host "a". */
export const OURS = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n";

export function latin1Bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

export function latin1Text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

export interface Parsed<Head> {
  readonly head: Head;
  /** What `parse` returned. */
  readonly result: number;
  /** Of the problem; undefined when there is none. */
  readonly code: string | undefined;
}

export function parseRequest(text: string, limits?: Partial<HeadLimits>): Parsed<RequestHead> {
  const head = new RequestHead(limits);
  const bytes = latin1Bytes(text);
  const result = head.parse(bytes, 0, bytes.length);
  return { head, result, code: head.problem?.code };
}

export function parseResponse(text: string, limits?: Partial<HeadLimits>): Parsed<ResponseHead> {
  const head = new ResponseHead(limits);
  const bytes = latin1Bytes(text);
  const result = head.parse(bytes, 0, bytes.length);
  return { head, result, code: head.problem?.code };
}

/** The head as text, written anew. */
export function writeRequest(head: RequestHead, edit: Partial<RequestEdit> = {}): string {
  const out = new ByteWriter();
  head.write(out, { ...EDIT, ...edit });
  return latin1Text(out.written());
}

export function writeResponse(head: ResponseHead, edit: Partial<ResponseEdit> = {}): string {
  const out = new ByteWriter();
  head.write(out, { ...ANSWER, ...edit });
  return latin1Text(out.written());
}
