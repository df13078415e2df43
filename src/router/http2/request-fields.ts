import { FIELD, field, type Field, type KnownField } from "#http/hpack/field.ts";
import type { HttpClientFacts } from "../http/context.ts";

/**
 * Makes the field list for the pod out of the client's. Every field that stays is the same object, so that the encoder
 * finds what it knows of it; those that are added are the same objects for all requests of a connection.
 *
 * Removed, because anybody may claim them: `forwarded`, `x-forwarded-*`, `x-real-ip`. Set: `x-forwarded-for`, `-proto`,
 * `-host`, and `via` where one is configured. `:authority` and `:scheme` stay as they are.
 */
export class RequestFields {
  readonly #for: KnownField;
  readonly #proto: KnownField;
  readonly #via: KnownField | undefined;
  #host: KnownField = field("x-forwarded-host", "");
  /** The last path that was cut, how far, and what was left of it. */
  #path: Field | undefined;
  #cutBytes = 0;
  #cut: KnownField = field(":path", "/");

  /** The last list, and what was made of it: many clients send the same again and again. */
  #last: readonly KnownField[] = [];
  #lastBytes = 0;
  #lastOut: readonly Field[] = [];

  constructor(facts: HttpClientFacts, via: string | undefined) {
    this.#for = field("x-forwarded-for", facts.address);
    this.#proto = field("x-forwarded-proto", facts.scheme);
    this.#via = via === undefined ? undefined : field("via", `2.0 ${via}`);
  }

  /** `stripBytes` are cut off the front of the path. The same list again when it came before; it must not be changed. */
  forward(fields: readonly KnownField[], stripBytes: number): readonly Field[] {
    if (stripBytes === this.#lastBytes && same(fields, this.#last)) return this.#lastOut;
    const out = this.#make(fields, stripBytes);
    this.#last = fields;
    this.#lastBytes = stripBytes;
    this.#lastOut = out;
    return out;
  }

  #make(fields: readonly KnownField[], stripBytes: number): readonly Field[] {
    const out: Field[] = [];
    let host: string | undefined;
    for (let i = 0; i < fields.length; i++) {
      const one = fields[i] as KnownField;
      switch (one.kind) {
        case FIELD.REGULAR:
          if (!isClaim(one.name)) out.push(one);
          break;
        case FIELD.FORWARDED:
          break;
        case FIELD.PATH:
          out.push(stripBytes > 0 ? this.#stripped(one, stripBytes) : one);
          break;
        case FIELD.AUTHORITY:
          host = one.value;
          out.push(one);
          break;
        case FIELD.HOST:
          host ??= one.value;
          out.push(one);
          break;
        default:
          out.push(one);
      }
    }
    out.push(this.#for, this.#proto);
    if (host !== undefined) {
      if (this.#host.value !== host) this.#host = field("x-forwarded-host", host);
      out.push(this.#host);
    }
    if (this.#via !== undefined) out.push(this.#via);
    return out;
  }

  #stripped(path: KnownField, bytes: number): KnownField {
    if (this.#path === path && this.#cutBytes === bytes) return this.#cut;
    const rest = path.value.slice(bytes);
    this.#path = path;
    this.#cutBytes = bytes;
    this.#cut = field(":path", rest.startsWith("/") ? rest : `/${rest}`);
    return this.#cut;
  }
}

/** Trailers, without what a client must not claim there either. */
export function withoutClaims(fields: readonly KnownField[]): readonly KnownField[] {
  return fields.some(({ kind, name }) => kind === FIELD.FORWARDED || isClaim(name))
    ? fields.filter(({ kind, name }) => kind !== FIELD.FORWARDED && !isClaim(name))
    : fields;
}

/** The decoder gives the same object for a field that it has seen. */
function same(a: readonly KnownField[], b: readonly KnownField[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The value of the first field of that name. */
export function valueOf(fields: readonly Field[], name: string): string | undefined {
  for (const one of fields) if (one.name === name) return one.value;
  return undefined;
}

const LETTER_X = 0x78;

function isClaim(name: string): boolean {
  return name.charCodeAt(0) === LETTER_X && (name.startsWith("x-forwarded-") || name === "x-real-ip");
}
