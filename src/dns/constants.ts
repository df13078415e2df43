/** RFC 1035 section 3.2.2 and later ones; only the types that this server has or must know. */
export const TYPE = {
  A: 1,
  NS: 2,
  SOA: 6,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

/** RFC 1035 section 4.1.1, RFC 6895, RFC 6891 section 9. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

export const HEADER_BYTES = 12;
export const MAX_LABEL_BYTES = 63;
/** Of a name on the wire, with its length bytes and the root (RFC 1035 section 3.1). */
export const MAX_NAME_BYTES = 255;

/** Without EDNS (RFC 1035 section 4.2.1). */
export const CLASSIC_UDP_BYTES = 512;
/** What passes every usual path unfragmented; also what we say we take (DNS flag day 2020, RFC 9715). */
export const EDNS_UDP_BYTES = 1232;
export const MAX_TCP_BYTES = 65_535;
/** A name, a question and generous options; what is longer is no query. */
export const MAX_QUERY_BYTES = 4096;

/** Flags, in the 16 bits after the id. */
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, CD: 0x0010 } as const;
export const OPCODE_MASK = 0x7800;

export type Transport = "udp" | "tcp";
