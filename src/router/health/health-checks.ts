import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { EndpointConfig, ServiceConfig } from "../config.ts";
import type { HealthConfig } from "./config.ts";
import type { Prober } from "./check.ts";
import { networkProber } from "./probe.ts";
import { WatchedEndpoint } from "./watched-endpoint.ts";

/** So many probes run at once; the others wait for their turn. */
const MAX_AT_ONCE = 64;
/** Part of an interval that is left to chance, up or down. */
const JITTER = 0.1;
/** Endpoints that are new are first probed within this, ms. */
const FIRST_WITHIN_MS = 1000;
/** Verdicts that come together are told together, ms. */
const SETTLE_MS = 10;

export interface HealthChecksOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Verdicts changed: take `apply` again. */
  readonly onChange: () => void;
  /** How to ask [over the network]. */
  readonly prober?: Prober;
}

/**
 * Active health checks of this site's own endpoints, for services that ask for them. Only endpoints that are ready by
 * configuration are probed; a new one counts as healthy until `fall` probes in a row have failed.
 *
 *     healthy --`fall` failures in a row--> unhealthy --`rise` passes in a row--> healthy
 */
export class HealthChecks {
  readonly #options: HealthChecksOptions;
  readonly #prober: Prober;
  readonly #watched = new Map<string, WatchedEndpoint>();
  readonly #waiting = new Set<WatchedEndpoint>();
  #running = 0;
  #telling: (() => void) | undefined;

  constructor(options: HealthChecksOptions) {
    this.#options = options;
    this.#prober = options.prober ?? networkProber(options.clock);
  }

  /** Endpoints that are probed. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Probes what these services ask for, and nothing else from now on. Returns them as they are to be used and advertised: an
   * unhealthy endpoint is not ready, with the reason. A service without such an endpoint is the same object.
   */
  apply(services: readonly ServiceConfig[]): ServiceConfig[] {
    const seen = new Set<string>();
    const judged = services.map((service) =>
      service.health === undefined ? service : this.#judge(service, { health: service.health, seen }),
    );
    for (const [key, one] of this.#watched) {
      if (seen.has(key)) continue;
      this.#watched.delete(key);
      this.#release(one);
    }
    return judged;
  }

  stop(): void {
    this.#telling?.();
    this.#telling = undefined;
    this.apply([]);
  }

  #judge(
    service: ServiceConfig,
    { health, seen }: { readonly health: HealthConfig; readonly seen: Set<string> },
  ): ServiceConfig {
    let unhealthy = false;
    const endpoints = service.endpoints.map((endpoint): EndpointConfig => {
      const port = endpoint.ports[String(health.port ?? service.ports[0]?.port ?? 0)];
      if (!endpoint.ready || port === undefined) return endpoint;
      // Another address is another endpoint, whatever its id.
      const key = `${service.service} ${endpoint.id} ${endpoint.host} ${port} ${health.type} ${health.path ?? ""}`;
      seen.add(key);
      const { failure } = this.#watch(key, { health, host: endpoint.host, port });
      if (failure === undefined) return endpoint;
      unhealthy = true;
      return { ...endpoint, ready: false, reason: `health check: ${failure}`.slice(0, 253) };
    });
    return unhealthy ? { ...service, endpoints } : service;
  }

  #watch(
    key: string,
    { health, host, port }: { readonly health: HealthConfig; readonly host: string; readonly port: number },
  ): WatchedEndpoint {
    const known = this.#watched.get(key);
    if (known !== undefined) {
      known.health = health;
      return known;
    }
    const { clock, random } = this.#options;
    const one = new WatchedEndpoint({ host, port, health, clock, onDue: () => this.#due(one) });
    this.#watched.set(key, one);
    one.wait(random.next() * Math.min(intervalOf(health), FIRST_WITHIN_MS));
    return one;
  }

  #due(one: WatchedEndpoint): void {
    if (this.#running < MAX_AT_ONCE) this.#run(one);
    else this.#waiting.add(one);
  }

  #release(one: WatchedEndpoint): void {
    this.#waiting.delete(one);
    if (one.stop()) this.#ended();
  }

  #run(one: WatchedEndpoint): void {
    this.#running++;
    const { host, port, health } = one;
    const startedMs = this.#options.clock.monotonicMs();
    const { type, path, timeoutMs = 1000 } = health;
    one.cancel = this.#prober({ type, host, port, path, timeoutMs }, (failure) => {
      one.cancel = undefined;
      if (one.heard(failure)) this.#tellSoon();
      const { clock, random } = this.#options;
      const jitter = 1 + JITTER * (2 * random.next() - 1);
      const tookMs = clock.monotonicMs() - startedMs;
      one.wait(Math.max(0, intervalOf(one.health) * jitter - tookMs));
      this.#ended();
    });
  }

  #ended(): void {
    this.#running--;
    for (const one of this.#waiting) {
      this.#waiting.delete(one);
      this.#run(one);
      return;
    }
  }

  #tellSoon(): void {
    this.#telling ??= this.#options.clock.after(SETTLE_MS, () => {
      this.#telling = undefined;
      this.#options.onChange();
    });
  }
}

function intervalOf({ intervalMs = 2000 }: HealthConfig): number {
  return intervalMs;
}
