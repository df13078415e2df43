import { Type } from "typebox";
import { Compile } from "typebox/compile";

/*
 * What routers say to each other in CONTROL: one line of JSON, then, for an advertisement, a newline and the signed body
 * as its origin wrote it.
 */

/** site, router, epoch, seq */
export type SeenOrigin = readonly [site: string, router: string, epoch: number, seq: number];

export type FloodMessage =
  | {
      readonly type: "advertisement";
      /** As in the body: lets what is already known be dropped unread. */
      readonly origin: SeenOrigin;
      readonly signature: string;
      readonly certificate?: string | undefined;
      readonly body: Uint8Array;
      /** All of it, to pass on. */
      readonly payload: Uint8Array;
    }
  | { readonly type: "digest"; readonly origins: readonly SeenOrigin[] }
  | { readonly type: "want"; readonly origins: readonly (readonly [string, string])[] };

/** Entries in one digest or want; longer lists are several messages. */
const MAX_ORIGINS = 512;
const MAX_HEAD_BYTES = 128 * 1024;
const NEWLINE = 10;

const Name = Type.String({ minLength: 1, maxLength: 128 });
const Count = Type.Integer({ minimum: 0 });
const head = Compile(
  Type.Union([
    Type.Object({
      type: Type.Literal("advertisement"),
      origin: Type.Tuple([Name, Name, Count, Count]),
      signature: Type.String({ maxLength: 256 }),
      certificate: Type.Optional(Type.String({ maxLength: 32_768 })),
    }),
    Type.Object({
      type: Type.Literal("digest"),
      origins: Type.Array(Type.Tuple([Name, Name, Count, Count]), { maxItems: MAX_ORIGINS }),
    }),
    Type.Object({
      type: Type.Literal("want"),
      origins: Type.Array(Type.Tuple([Name, Name]), { maxItems: MAX_ORIGINS }),
    }),
  ]),
);
const decoder = new TextDecoder("utf-8", { fatal: true });

export function advertisementMessage(
  body: Uint8Array,
  {
    origin,
    signature,
    certificate,
  }: { readonly origin: SeenOrigin; readonly signature: string; readonly certificate: string | undefined },
): Uint8Array {
  const line = Buffer.from(`${JSON.stringify({ type: "advertisement", origin, signature, certificate })}\n`);
  return Buffer.concat([line, body]);
}

export function digestMessages(origins: readonly SeenOrigin[]): Uint8Array[] {
  return parts(origins).map((part) => Buffer.from(JSON.stringify({ type: "digest", origins: part })));
}

export function wantMessages(origins: readonly (readonly [string, string])[]): Uint8Array[] {
  return parts(origins).map((part) => Buffer.from(JSON.stringify({ type: "want", origins: part })));
}

/** Undefined for what is none, also for kinds of a later version. Never throws. */
export function readMessage(payload: Uint8Array): FloodMessage | undefined {
  const newline = payload.indexOf(NEWLINE);
  const end = newline < 0 ? payload.length : newline;
  if (end > MAX_HEAD_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(decoder.decode(payload.subarray(0, end)));
    if (!head.Check(value)) return undefined;
    if (value.type === "advertisement") return { ...value, body: payload.subarray(end + 1), payload };
    return value;
  } catch {
    return undefined;
  }
}

function parts<T>(list: readonly T[]): T[][] {
  const result: T[][] = [];
  for (let at = 0; at < list.length; at += MAX_ORIGINS) result.push(list.slice(at, at + MAX_ORIGINS));
  return result;
}
