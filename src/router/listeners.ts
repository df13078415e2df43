import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { resolveAddress, type ListenerConfig, type RouterConfig } from "./config.ts";
import type { Problem } from "./config.ts";
import { ServiceStats } from "./counters.ts";
import type { Flow } from "./flow.ts";
import type { OpeningContext, Route } from "./opening.ts";
import type { ServiceTable } from "./service-table.ts";
import type { ListenerState } from "./state.ts";
import { TcpListener } from "./tcp-listener.ts";

/** An address that could not be had is tried again this often, ms. */
const RETRY_MS = 1000;

export interface ListenersOptions {
  readonly context: OpeningContext;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly admit: (flow: Flow) => boolean;
  readonly onChange: () => void;
}

interface Held {
  readonly config: ListenerConfig;
  readonly index: number;
  readonly route: Route;
  listener: TcpListener | undefined;
  error: string | undefined;
}

/** The listening sockets as configured. A change closes and opens only what changed and never takes a connection down. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #held = new Map<string, Held>();
  readonly #stats = new Map<string, ServiceStats>();
  #stopRetry: (() => void) | undefined;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Counts per service and port, also of listeners that are gone. */
  get stats(): Iterable<ServiceStats> {
    return this.#stats.values();
  }

  /** Returns what could not be opened (it is tried again each second); with `strict` throws it instead. */
  configure(
    config: RouterConfig,
    { services, strict }: { readonly services: ServiceTable; readonly strict: boolean },
  ): Problem[] {
    const wanted = new Map<string, { config: ListenerConfig; index: number }>();
    for (const [index, listener] of (config.listeners ?? []).entries()) {
      wanted.set(`${listener.listen} ${listener.service}:${listener.port}`, { config: listener, index });
    }
    const inUse = new Set([...wanted.values()].map(({ config: { service, port } }) => `${service}:${port}`));
    for (const [key, held] of this.#held) {
      if (wanted.has(key)) continue;
      held.listener?.stop();
      this.#held.delete(key);
      const { service, port } = held.config;
      if (!inUse.has(`${service}:${port}`)) services.release(service, port);
    }
    const nowMs = this.#options.clock.monotonicMs();
    for (const [key, { config: one, index }] of wanted) {
      const balancer = services.balancer(one.service, { port: one.port, nowMs });
      const policy = services.connectPolicy(one.service);
      const known = this.#held.get(key);
      if (known !== undefined) {
        known.route.balancer = balancer;
        known.route.policy = policy;
        continue;
      }
      const { service, port } = one;
      const route: Route = { service, port, balancer, policy, stats: this.#statsOf(service, port) };
      const held: Held = { config: one, index, route, listener: undefined, error: undefined };
      this.#open(held, strict);
      this.#held.set(key, held);
    }
    return this.#problems();
  }

  /** Takes no more connections. */
  stop(): void {
    this.#stopRetry?.();
    this.#stopRetry = undefined;
    for (const { listener } of this.#held.values()) listener?.stop();
    this.#held.clear();
  }

  state(): ListenerState[] {
    return [...this.#held.values()].map(({ config, listener, error }) => {
      const { service, port } = config;
      const at = resolveAddress(config.listen, this.#options.env);
      if (listener === undefined || at === undefined) {
        return { service, port, listen: config.listen, state: "error", error: error ?? "Not open" };
      }
      const host = at.hostname.includes(":") ? `[${at.hostname}]` : at.hostname;
      return { service, port, listen: `${host}:${listener.port}`, state: "open" };
    });
  }

  #statsOf(service: string, port: number): ServiceStats {
    const key = `${service}:${port}`;
    let stats = this.#stats.get(key);
    if (stats === undefined) {
      stats = new ServiceStats(service, port);
      this.#stats.set(key, stats);
    }
    return stats;
  }

  #open(held: Held, strict: boolean): void {
    try {
      const at = resolveAddress(held.config.listen, this.#options.env);
      if (at === undefined) throw new Error(`Cannot listen on "${held.config.listen}": POD_IP is not set`);
      const { context, admit } = this.#options;
      held.listener = new TcpListener(at, { route: held.route, context, admit });
      held.error = undefined;
    } catch (error) {
      if (strict) throw error;
      held.error = messageOf(error);
      this.#stopRetry ??= this.#options.clock.every(RETRY_MS, () => this.#retry());
    }
  }

  #retry(): void {
    let left = 0;
    let opened = 0;
    for (const held of this.#held.values()) {
      if (held.listener !== undefined) continue;
      this.#open(held, false);
      if (held.listener === undefined) left++;
      else opened++;
    }
    if (left === 0) {
      this.#stopRetry?.();
      this.#stopRetry = undefined;
    }
    if (opened > 0) this.#options.onChange();
  }

  #problems(): Problem[] {
    return [...this.#held.values()].flatMap(({ index, error }) =>
      error === undefined ? [] : [{ field: `listeners[${index}].listen`, message: error }],
    );
  }
}
