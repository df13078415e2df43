import type { Caches } from "../caches.ts";
import type { ServiceListener } from "./listener-book.ts";
import { ROUTER } from "../names.ts";
import type { Servers } from "../servers.ts";
import type { RouterSummary } from "../status.ts";

/** What the routers of this site, taken together, have done with their configuration. */
export class RouterFleet {
  readonly #servers: Pick<Servers, "routers" | "generation">;
  readonly #caches: Caches;

  constructor(options: {
    readonly servers: Pick<Servers, "routers" | "generation">;
    readonly caches: Caches;
  }) {
    this.#servers = options.servers;
    this.#caches = options.caches;
  }

  /** Generation that one router, or all that have a configuration, work by; 0 when none does. */
  applied(whose: "any" | "all"): number {
    const applied = this.#servers
      .routers()
      .map((router) => router.applied)
      .filter((generation) => generation > 0);
    if (applied.length === 0) return 0;
    return whose === "any" ? Math.max(...applied) : Math.min(...applied);
  }

  /** Whether clients may be sent to the routers: each that is ready is connected here and has these ports open. */
  listening(listeners: readonly ServiceListener[]): boolean {
    const routers = this.#servers.routers();
    const status = this.#caches.routerDeployment.get(this.#caches.namespace, ROUTER)?.status;
    const ready = status === undefined ? 1 : (status.readyReplicas ?? 0);
    if (ready === 0 || routers.length < ready) return false;
    return routers.every(({ state }) =>
      listeners.every(({ service, port, listenerPort }) =>
        state?.listeners.some(
          (one) =>
            one.service === service &&
            one.port === port &&
            one.state === "open" &&
            one.listen.endsWith(`:${listenerPort}`),
        ),
      ),
    );
  }

  summary(wanted: number): RouterSummary {
    const routers = this.#servers.routers();
    const newest = this.#servers.generation;
    return {
      wanted,
      connected: routers.length,
      configured: routers.filter(({ applied }) => applied > 0 && applied <= newest).length,
      problem: routers.find(({ problem }) => problem !== undefined)?.problem,
    };
  }
}
