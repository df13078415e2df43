/** Which bytes may stand where (RFC 9110 section 5.6, RFC 9112 sections 3 and 5, RFC 3986). */

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const HASH = 0x23;
export const COMMA = 0x2c;
export const SLASH = 0x2f;
export const ZERO = 0x30;
export const NINE = 0x39;
export const COLON = 0x3a;
export const QUESTION = 0x3f;

function table(holds: (octet: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => holds(octet));
}

const among = (characters: string) => (octet: number) =>
  characters.includes(String.fromCharCode(octet)) ? 1 : 0;
const isDigit = (octet: number) => octet >= ZERO && octet <= NINE;
export const isUpper = (octet: number) => octet >= 0x41 && octet <= 0x5a;
const isLower = (octet: number) => octet >= 0x61 && octet <= 0x7a;
const isSymbol = among("!#$%&'*+-.^_`|~");

/** tchar: 1 where the byte may be part of a token. */
export const TOKEN: Uint8Array = table((octet) =>
  isDigit(octet) || isUpper(octet) || isLower(octet) ? 1 : isSymbol(octet),
);

/** tchar without small letters: every registered method is in capitals, and a small "head" is a trap for somebody. */
export const METHOD_OCTET: Uint8Array = table((octet) => (isLower(octet) ? 0 : TOKEN[octet]!));

/** What a field value may hold: VCHAR, obs-text, SP and HTAB. */
export const VALUE: Uint8Array = table((octet) =>
  octet === HTAB || (octet >= SP && octet !== 0x7f) ? 1 : 0,
);

/** What a request target may hold: visible ASCII without "#". */
export const TARGET: Uint8Array = table((octet) => (octet > SP && octet < 0x7f && octet !== HASH ? 1 : 0));

/** reg-name and port: unreserved, "%", sub-delims without ",", ":". Without "," as that is how repeated lines look when they are joined. */
export const HOST: Uint8Array = table((octet) =>
  isDigit(octet) || isUpper(octet) || isLower(octet) ? 1 : among("-._~%!$&'()*+;=:")(octet),
);

/** The inside of an IP literal in brackets. */
export const IP_LITERAL: Uint8Array = table((octet) =>
  isDigit(octet) || isUpper(octet) || isLower(octet) ? 1 : among(":.-_~%")(octet),
);

/** Letters small, and "_" as "-": how a name is looked up. Bytes above 0x7f are left as they are. */
export const FOLDED: Uint8Array = table((octet) =>
  isUpper(octet) ? octet + 0x20 : octet === 0x5f ? 0x2d : octet,
);

/** Value of a hexadecimal digit; 255 for any other byte. */
export const HEX_VALUE: Uint8Array = table((octet) =>
  isDigit(octet)
    ? octet - ZERO
    : among("abcdef")(octet | 0x20) === 1 && (isUpper(octet) || isLower(octet))
      ? (octet | 0x20) - 0x57
      : 255,
);

const encoder = new TextEncoder();

/** Bytes of an ASCII constant. */
export function ascii(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Whether `word` (small letters) stands at `from`; letter case is ignored. There must be as many bytes. */
export function isWord(bytes: Uint8Array, from: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    const octet = bytes[from + i]!;
    if ((isUpper(octet) ? octet + 0x20 : octet) !== word[i]) return false;
  }
  return true;
}
