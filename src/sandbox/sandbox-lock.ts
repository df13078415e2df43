import { createHash } from "node:crypto";
import { IsthmusError } from "#core/errors.ts";

const WAIT_MS = 60_000;
const RETRY_MS = 20;

/**
 * One `up` or `down` per home at a time. The lock is a name in the kernel (an abstract Unix socket), so that it goes
 * with the process that holds it, however that ends. Throws TIMEOUT, or the reason of `signal` when it waits no longer.
 */
export async function withSandboxLock<T>(
  home: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const release = await take(home, signal);
  return await work().finally(release);
}

async function take(home: string, signal: AbortSignal | undefined): Promise<() => void> {
  const name = `\0isthmus-sandbox-${createHash("sha256").update(home).digest("hex").slice(0, 32)}`;
  const until = performance.now() + WAIT_MS;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const socket = Bun.listen({ unix: name, socket: { data: () => undefined } });
      socket.unref();
      return () => socket.stop(true);
    } catch (error) {
      if (performance.now() > until) {
        throw new IsthmusError(
          "TIMEOUT",
          `Another command has been working on the sandbox in "${home}" for a minute`,
          {
            hint: "Wait for it, or end it, and try again",
            cause: error,
          },
        );
      }
      await Bun.sleep(RETRY_MS);
    }
  }
}
