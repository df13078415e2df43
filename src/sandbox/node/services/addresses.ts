/** The address plan of cluster n: 127.n.0.0/16 (Linux answers on all of 127/8 without any set-up). */
export interface AddressPlan {
  readonly index: number;
  /** API server and NodePorts. */
  readonly node: string;
  /** ClusterIP of the Service `kubernetes`. */
  readonly kubernetes: string;
  /** ClusterIP of the Service `kube-dns`. */
  readonly dns: string;
}

export function addressPlan(index: number): AddressPlan {
  return { index, node: `127.${index}.0.1`, kubernetes: `127.${index}.128.1`, dns: `127.${index}.128.10` };
}

/** ClusterIPs: 127.n.128.2 to 127.n.239.254. */
export function clusterIps(index: number): AddressRange {
  return { prefix: `127.${index}.`, from: 128 * 256 + 2, to: 239 * 256 + 254 };
}

/** LoadBalancer addresses: 127.n.240.0/20 without its first. */
export function loadBalancerIps(index: number): AddressRange {
  return { prefix: `127.${index}.`, from: 240 * 256 + 1, to: 255 * 256 + 254 };
}

/** Pod addresses: 127.n.1.1 to 127.n.127.254. */
export function podIps(index: number): AddressRange {
  return { prefix: `127.${index}.`, from: 256 + 1, to: 127 * 256 + 254 };
}

export interface AddressRange {
  readonly prefix: string;
  /** Low 16 bits of the first address. */
  readonly from: number;
  readonly to: number;
}

/**
 * Hands out the addresses of a range in turn, so that one that was given back is not used again at once. Addresses
 * that end in .0 or .255 are left out.
 */
export class AddressPool {
  readonly #range: AddressRange;
  readonly #used = new Set<string>();
  #next: number;

  constructor(range: AddressRange) {
    this.#range = range;
    this.#next = range.from;
  }

  /** Undefined when all are in use. */
  take(): string | undefined {
    const { prefix, from, to } = this.#range;
    for (let tried = from; tried <= to; tried++) {
      const low = this.#next;
      this.#next = low === to ? from : low + 1;
      const last = low & 255;
      const address = `${prefix}${low >> 8}.${last}`;
      if (last === 0 || last === 255 || this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    return undefined;
  }

  /** Marks an address as used; false when it is used already. The next one taken comes after it. */
  reserve(address: string): boolean {
    if (this.#used.has(address)) return false;
    this.#used.add(address);
    const low = this.#lowBits(address);
    if (low !== undefined && low >= this.#next)
      this.#next = low === this.#range.to ? this.#range.from : low + 1;
    return true;
  }

  contains(address: string): boolean {
    return this.#lowBits(address) !== undefined;
  }

  release(address: string): void {
    this.#used.delete(address);
  }

  #lowBits(address: string): number | undefined {
    const { prefix, from, to } = this.#range;
    const match = address.startsWith(prefix) ? /^(\d+)\.(\d+)$/.exec(address.slice(prefix.length)) : null;
    if (match === null) return undefined;
    const low = Number(match[1]) * 256 + Number(match[2]);
    return low >= from && low <= to ? low : undefined;
  }
}
