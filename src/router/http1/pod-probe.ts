import type { ResetCode } from "#link/reset-code.ts";
import type { Http1Upstream, UpstreamUser } from "./upstream.ts";

/** How the system says it; the far router of a link says it in the words of its reset. */
const REFUSED = "ECONNREFUSED";

/** Hears what became of a probe, once. */
export interface ProbeOwner {
  /** The pod is there; the connection can be used. */
  probeAnswered(upstream: Http1Upstream): void;
  /** The pod's machine is there, and takes no more connections: what it has may go on. */
  probeRefused(upstream: Http1Upstream): void;
  probeFailed(upstream: Http1Upstream): void;
}

/**
 * A connection that is made to see whether a silent pod is still there: packets to a pod whose machine is gone are lost
 * without a word, and the kernel goes on trying for minutes. A TCP connection to a pod of this site answers by being
 * made. A stream to another site is open at once; it answers when it has not been refused for as long as a connect may
 * take there. A pod that ends listens no more and answers what it has: a connect that is refused says that its
 * machine is there, and had its process died, the connections that it had would have been reset.
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
    if (this.#open && nowMs >= this.#untilMs) this.#end("answered");
  }

  onUpstreamOpen(): void {
    this.#open = true;
    if (this.#upstream.host !== undefined) this.#end("answered");
  }

  onUpstreamFailed(reason: string): void {
    this.#end(reason.includes(REFUSED) ? "refused" : "failed");
  }

  onUpstreamReset(code: ResetCode, reason: string): void {
    this.#end(code === "REFUSED" && reason.includes(REFUSED) ? "refused" : "failed");
  }

  /** It speaks unasked: it is there, but this connection is of no use. */
  onUpstreamData(chunk: Uint8Array): number {
    this.onUpstreamFin();
    return chunk.length;
  }

  onUpstreamFin(): void {
    this.#end("answered");
    this.#upstream.close();
  }

  onUpstreamTaken(): void {
    // Nothing is sent.
  }

  #end(outcome: "answered" | "refused" | "failed"): void {
    if (this.#over) return;
    this.#over = true;
    if (outcome === "answered") this.#owner.probeAnswered(this.#upstream);
    else if (outcome === "refused") this.#owner.probeRefused(this.#upstream);
    else this.#owner.probeFailed(this.#upstream);
  }
}
