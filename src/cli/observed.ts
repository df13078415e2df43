import { systemClock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { Observer } from "#observe/observer.ts";
import { podProxySource } from "#observe/sources/pod-proxy.ts";
import type { Session } from "./session.ts";
import { requireSite } from "./site.ts";

const STORE_BYTES = 64 * 1024 * 1024;
const READY_MS = 10_000;
/** A question that any router answers with a few bytes: it decides nothing for a service of no name. */
const SMALL = "/v1/explain?service=&port=0";

/**
 * An observer of this command's own, in memory, that asks the routers of the site through the API server; heard once when it is
 * given. `stop` it. Throws NOT_FOUND where there is no site, and why no router answers.
 */
export async function openObserver(session: Session): Promise<Observer> {
  const { client, namespace, progress } = session;
  await requireSite(session);
  const source = podProxySource({ client, namespace });
  const observer = new Observer({
    source,
    clock: systemClock,
    store: { path: ":memory:", maxBytes: STORE_BYTES },
  });
  progress.say("Asking the routers");
  // The observer's clock lets the process end; a command that waits must not.
  const hold = setInterval(() => {}, 1 << 30);
  try {
    // That none is there, or may be asked, is known at once; the observer would go on trying.
    await source.routers(AbortSignal.timeout(READY_MS));
    await source.get(SMALL, { signal: AbortSignal.timeout(READY_MS) });
    observer.start();
    await observer.ready({ timeoutMs: READY_MS });
    return observer;
  } catch (error) {
    observer.stop();
    if (!(error instanceof IsthmusError)) throw error;
    const hint = error.code === "DENIED" ? error.hint : session.command("check");
    throw new IsthmusError(error.code, error.message, {
      hint: hint ?? session.command("check"),
      cause: error,
    });
  } finally {
    clearInterval(hold);
    progress.end();
  }
}

/** `web` is of this namespace; `shop/web` as it is. */
export function serviceKey(text: string, { namespace }: Session): string {
  return text.includes("/") ? text : `${namespace}/${text}`;
}
