import { TYPE, type Transport } from "./constants.ts";

/** Types below this have a counter of their own; the few above share that of type 0, which no query has. */
const TYPES = 256;

/** Why a query of a readable name is turned away. */
export type RefusedReason = "zone" | "class" | "transfer";
/** Why a datagram or message has no answer: less than a header, or an answer itself. */
export type DroppedReason = "short" | "answer";

/** Plain integers, read when someone asks. */
export class DnsCounters {
  truncated = 0;
  readonly refused: Record<RefusedReason, number> = { zone: 0, class: 0, transfer: 0 };
  readonly dropped: Record<DroppedReason, number> = { short: 0, answer: 0 };
  /** Answers by RCODE. */
  readonly rcodes: number[] = Array.from({ length: 17 }, () => 0);
  /** Queries by type; those whose type could not be read, or is 256 or more, under 0. */
  readonly types: Record<Transport, Float64Array> = {
    udp: new Float64Array(TYPES),
    tcp: new Float64Array(TYPES),
  };

  /** Queries that were looked at. */
  get queries(): number {
    return sum(this.types.udp) + sum(this.types.tcp);
  }

  /** What was never answered. */
  get ignored(): number {
    return this.dropped.short + this.dropped.answer;
  }

  asked(transport: Transport, type: number): void {
    this.types[transport][type < TYPES ? type : 0]!++;
  }

  answered(rcode: number): void {
    this.rcodes[rcode] = (this.rcodes[rcode] ?? 0) + 1;
  }
}

/** `other` for types that nobody here has a name for, so that labels stay few. */
export function typeName(type: number): string {
  return NAMES.get(type) ?? "other";
}

const NAMES = new Map<number, string>([
  ...Object.entries(TYPE).map(([name, type]) => [type, name] as const),
  [5, "CNAME"],
  [12, "PTR"],
  [15, "MX"],
  [64, "SVCB"],
  [65, "HTTPS"],
]);

function sum(counts: Float64Array): number {
  return counts.reduce((all, count) => all + count, 0);
}
