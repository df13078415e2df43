import { TYPE } from "../constants.ts";
import { ask } from "./client.ts";

const SEEDS = [
  ask({ name: "web.default.svc.clusterset.local", type: TYPE.A }),
  ask({ name: "web.default.svc.clusterset.local", type: TYPE.A }, { payload: 4096 }),
  ask({ name: "many.default.svc.clusterset.local", type: TYPE.ANY }, { payload: 65_535 }),
  ask({ name: "many.default.svc.clusterset.local", type: TYPE.A }),
  ask({ name: "_http._tcp.web.default.svc.clusterset.local", type: TYPE.SRV }, { payload: 1232, version: 1 }),
  ask({ name: "none.svc.clusterset.local", type: TYPE.SRV }),
  ask({ name: "example.com", type: TYPE.A }),
  ask({ name: "clusterset.local", type: TYPE.SOA }),
  ask({ name: `${"x".repeat(63)}.`.repeat(3) + "y".repeat(30) + ".clusterset.local", type: TYPE.TXT }),
];

/** Random packets, and queries with some bytes changed, cut off or added; the same for the same seed. For tests. */
export class PacketMaker {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): Uint8Array {
    const kind = this.#below(8);
    if (kind === 0) return new Uint8Array(this.#below(80)).map(() => this.#below(256));
    const seed = SEEDS[this.#below(SEEDS.length)] ?? new Uint8Array();
    if (kind === 1) return seed.slice(0, this.#below(seed.length));
    const bytes = new Uint8Array(seed.length + (kind === 2 ? this.#below(40) : 0));
    bytes.set(seed);
    for (let at = seed.length; at < bytes.length; at++) bytes[at] = this.#below(256);
    for (let flips = this.#below(4); flips > 0; flips--) bytes[this.#below(bytes.length)] = this.#below(256);
    // Compression pointers and counts are where parsers break.
    if (kind === 3) bytes[12 + this.#below(bytes.length - 12)] = 0xc0;
    if (kind === 4) bytes[4 + this.#below(8)] = this.#below(3);
    return bytes;
  }

  /** Xorshift. */
  #below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }
}
