import type { Clock } from "#core/clock.ts";

/** Resolves after `ms`, or as soon as `signal` is aborted. Never rejects. */
export function wait(
  ms: number,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, signal } = options;
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}

/**
 * Keeps the process alive until the returned function is called: the timers of the clock do not, and a controller
 * that waits for an absent API server has nothing else open.
 */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, 1 << 30);
  return () => clearInterval(timer);
}
