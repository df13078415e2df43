/** Plain integers, read when someone asks. */
export class DnsCounters {
  queries = 0;
  /** Less than a header, or an answer: never answered. */
  ignored = 0;
  truncated = 0;
  /** Answers by RCODE. */
  readonly rcodes: number[] = Array.from({ length: 17 }, () => 0);

  answered(rcode: number): void {
    this.rcodes[rcode] = (this.rcodes[rcode] ?? 0) + 1;
  }
}
