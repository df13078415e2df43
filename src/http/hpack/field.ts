/** One header field. Name and value are latin1: one character is one octet. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** Never put into a dynamic table, here nor at the next hop (RFC 7541 section 7.1.3). */
  readonly sensitive: boolean;
}

/** What a name means to HTTP/2; found once, when the field is made. */
export const FIELD = {
  REGULAR: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  STATUS: 5,
  /** The last of the pseudo header fields. */
  PROTOCOL: 6,
  HOST: 7,
  CONTENT_LENGTH: 8,
  /** Set by proxies for the next hop: `forwarded`, `x-forwarded-for`, `-proto`, `-host`, `-port`, `x-real-ip`. */
  FORWARDED: 9,
  COOKIE: 10,
  VIA: 11,
  /** It makes a message malformed: a name or value with octets that are not allowed, or a connection-specific field. */
  INVALID: 12,
} as const;
export type FieldKind = (typeof FIELD)[keyof typeof FIELD];

/** What each entry of a table counts beside its octets (RFC 7541 section 4.1). */
export const ENTRY_OVERHEAD = 32;

/** A field whose meaning and validity are known. What the decoder gives, and `field` makes. */
export class KnownField implements Field {
  readonly name: string;
  readonly value: string;
  readonly sensitive: boolean;
  readonly kind: FieldKind;
  /** As tables and header lists count it. */
  readonly size: number;

  constructor(name: string, value: string, sensitive: boolean) {
    this.name = name;
    this.value = value;
    this.sensitive = sensitive;
    this.kind = kindOf(name, value);
    this.size = name.length + value.length + ENTRY_OVERHEAD;
  }
}

/** Makes a field to send; keep it where it is sent often, since encoders find what they know by object. */
export function field(name: string, value: string, options?: { sensitive?: boolean }): KnownField {
  return new KnownField(name, value, options?.sensitive ?? false);
}

const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  [":method", FIELD.METHOD],
  [":scheme", FIELD.SCHEME],
  [":authority", FIELD.AUTHORITY],
  [":path", FIELD.PATH],
  [":status", FIELD.STATUS],
  [":protocol", FIELD.PROTOCOL],
  ["host", FIELD.HOST],
  ["content-length", FIELD.CONTENT_LENGTH],
  ["forwarded", FIELD.FORWARDED],
  ["x-forwarded-for", FIELD.FORWARDED],
  ["x-forwarded-host", FIELD.FORWARDED],
  ["x-forwarded-port", FIELD.FORWARDED],
  ["x-forwarded-proto", FIELD.FORWARDED],
  ["x-real-ip", FIELD.FORWARDED],
  ["cookie", FIELD.COOKIE],
  ["via", FIELD.VIA],
  // RFC 9113 section 8.2.2
  ["connection", FIELD.INVALID],
  ["keep-alive", FIELD.INVALID],
  ["proxy-connection", FIELD.INVALID],
  ["transfer-encoding", FIELD.INVALID],
  ["upgrade", FIELD.INVALID],
]);

function kindOf(name: string, value: string): FieldKind {
  if (!isFieldValue(value)) return FIELD.INVALID;
  const kind = KINDS.get(name);
  if (kind !== undefined) return isValueOf(kind, value) ? kind : FIELD.INVALID;
  if (!isLowerToken(name)) return FIELD.INVALID;
  return name === "te" && value !== "trailers" ? FIELD.INVALID : FIELD.REGULAR;
}

/** What RFC 9113 section 8.3 asks of single pseudo header fields, and of those that say the same. */
function isValueOf(kind: FieldKind, value: string): boolean {
  switch (kind) {
    case FIELD.METHOD:
      return isToken(value);
    case FIELD.SCHEME:
      return value === "http" || value === "https";
    case FIELD.PATH:
      return value === "*" || (value.startsWith("/") && isVisible(value, "#"));
    case FIELD.AUTHORITY:
    case FIELD.HOST:
      return isVisible(value, "@/?#\\,");
    case FIELD.STATUS:
      return value.length === 3 && value >= "100" && value <= "999" && isDecimal(value);
    case FIELD.CONTENT_LENGTH:
      return value !== "" && value.length <= MAX_LENGTH_DIGITS && isDecimal(value);
    default:
      return true;
  }
}

/** So many digits are a safe integer. */
const MAX_LENGTH_DIGITS = 15;

function isDecimal(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** Neither space, control nor one of `not`. */
function isVisible(text: string, not: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code === 127 || not.includes(text[i]!)) return false;
  }
  return true;
}

/** RFC 9113 section 8.2.1: no NUL, CR or LF, and no space or tab at either end. */
function isFieldValue(value: string): boolean {
  const last = value.length - 1;
  if (last < 0) return true;
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(last))) return false;
  for (let i = 0; i <= last; i++) {
    const code = value.charCodeAt(i);
    if (code <= 13 && (code === 0 || code === 10 || code === 13)) return false;
    if (code > 0xff) return false;
  }
  return true;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Characters of a token (RFC 9110 section 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  TOKEN[char.charCodeAt(0)] = 1;
}

/** A token (RFC 9110 section 5.6.2), as methods are. */
function isToken(text: string): boolean {
  if (text === "") return false;
  for (let i = 0; i < text.length; i++) {
    if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

function isLowerToken(name: string): boolean {
  if (!isToken(name)) return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code >= 65 && code <= 90) return false;
  }
  return true;
}
