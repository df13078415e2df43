import type { ResetCode } from "#link/reset-code.ts";
import type { Http1Upstream, UpstreamUser } from "./upstream.ts";

/** Hears what became of a probe, once. */
export interface ProbeOwner {
  /** The pod is there; the connection can be used. */
  probeAnswered(upstream: Http1Upstream): void;
  probeFailed(upstream: Http1Upstream): void;
}

/**
 * A connection that is made to see whether a silent pod is still there: packets to a pod whose machine is gone are lost
 * without a word, and the kernel goes on trying for minutes. A TCP connection to a pod of this site answers by being
 * made. A stream to another site is open at once; it answers when it has not been refused for as long as a connect may
 * take there.
 */
export class PodProbe implements UpstreamUser {
  readonly #owner: ProbeOwner;
  readonly #upstream: Http1Upstream;
  readonly #untilMs: number;
  #open = false;
  #over = false;

  /** `untilMs`: when a stream counts as taken. */
  constructor(owner: ProbeOwner, options: { readonly upstream: Http1Upstream; readonly untilMs: number }) {
    this.#owner = owner;
    this.#upstream = options.upstream;
    this.#untilMs = options.untilMs;
  }

  get over(): boolean {
    return this.#over;
  }

  look(nowMs: number): void {
    if (this.#open && nowMs >= this.#untilMs) this.#end(true);
  }

  onUpstreamOpen(): void {
    this.#open = true;
    if (this.#upstream.host !== undefined) this.#end(true);
  }

  onUpstreamFailed(): void {
    this.#end(false);
  }

  onUpstreamReset(_code: ResetCode): void {
    this.#end(false);
  }

  /** It speaks unasked: it is there, but this connection is of no use. */
  onUpstreamData(chunk: Uint8Array): number {
    this.onUpstreamFin();
    return chunk.length;
  }

  onUpstreamFin(): void {
    this.#end(true);
    this.#upstream.close();
  }

  onUpstreamTaken(): void {
    // Nothing is sent.
  }

  #end(answered: boolean): void {
    if (this.#over) return;
    this.#over = true;
    if (answered) this.#owner.probeAnswered(this.#upstream);
    else this.#owner.probeFailed(this.#upstream);
  }
}
