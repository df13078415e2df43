/** Where a connection may go: one pod or address of one service, in this site or in another, as this router sees it. */
export interface EndpointFacts {
  readonly name: string;
  readonly ready: boolean;
  readonly weight: number;
  /** Service port -> port of the pod (in another site: to itself). */
  readonly ports: ReadonlyMap<number, number>;
  /** Address of a local endpoint; undefined in another site. */
  readonly host: string | undefined;
}

/** Failures in a row until an endpoint is put aside. */
const FAILURES_TO_EJECT = 5;
const EJECT_BASE_MS = 1000;
const EJECT_CAP_MS = 60_000;

/**
 * State of an endpoint that outlives configurations: the same object as long as the endpoint is known, so that counts
 * and turns survive a reload.
 *
 * Passive health: five connects that failed in a row put it aside for 1 s, doubling to 60 s with each further time, with
 * up to 20 % jitter; a connect that works forgives everything.
 */
export class Endpoint {
  readonly siteId: string;
  readonly id: string;
  /** `site/endpoint`: unique in the network, and its name in OPEN. */
  readonly wireId: string;
  facts: EndpointFacts;
  /** Connections from here that are being made or are open. */
  inFlight = 0;
  /** All connections ever given to it from here. */
  picked = 0;
  failures = 0;
  #ejections = 0;
  #ejectedUntilMs = 0;

  constructor(siteId: string, id: string, facts: EndpointFacts) {
    this.siteId = siteId;
    this.id = id;
    this.wireId = `${siteId}/${id}`;
    this.facts = facts;
  }

  get ejectedUntilMs(): number {
    return this.#ejectedUntilMs;
  }

  ejected(nowMs: number): boolean {
    return nowMs < this.#ejectedUntilMs;
  }

  /** A connect worked. True when it had been put aside. */
  succeeded(nowMs: number): boolean {
    const was = this.ejected(nowMs);
    this.failures = 0;
    this.#ejections = 0;
    this.#ejectedUntilMs = 0;
    return was;
  }

  /** A connect failed. Returns for how long the endpoint is now put aside, ms; 0 when it is not. `chance` in [0, 1). */
  failed(nowMs: number, chance: number): number {
    this.failures++;
    if (this.failures < FAILURES_TO_EJECT) return 0;
    // Back from being aside, one more failure is enough.
    this.failures = FAILURES_TO_EJECT - 1;
    const base = Math.min(EJECT_CAP_MS, EJECT_BASE_MS * 2 ** Math.min(this.#ejections, 16));
    this.#ejections++;
    const delayMs = base * (1 + 0.2 * chance);
    this.#ejectedUntilMs = nowMs + delayMs;
    return delayMs;
  }
}
