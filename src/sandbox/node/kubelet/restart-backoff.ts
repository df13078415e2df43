const BASE_MS = 10_000;
const CAP_MS = 300_000;
/** A container that ran this long begins anew. */
const RESET_MS = 600_000;

/** CrashLoopBackOff: the first restart is at once, then 10 s, 20 s ... 5 min; as the kubelet's. */
export class RestartBackoff {
  #nextMs = 0;

  /** How long to wait before the next start, given how long the last run was. */
  next(ranMs: number): number {
    if (ranMs >= RESET_MS) this.#nextMs = 0;
    const delayMs = this.#nextMs;
    this.#nextMs = delayMs === 0 ? BASE_MS : Math.min(CAP_MS, delayMs * 2);
    return delayMs;
  }
}
