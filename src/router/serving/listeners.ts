import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import {
  resolveAddress,
  type EntryConfig,
  type KeyPairConfig,
  type ListenerConfig,
  type Problem,
  type RouterConfig,
} from "../config.ts";
import { ServiceStats } from "../counters.ts";
import type { Flow } from "../flow/flow.ts";
import type { Routes } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";
import { PathRoutes } from "./path-routes.ts";
import type { ServiceTable } from "../service-table.ts";
import type { Served, Serving } from "./serving.ts";
import type { ListenerState } from "../state.ts";
import { TcpListener } from "./tcp-listener.ts";

/** An address that could not be had is tried again this often, ms. */
const RETRY_MS = 1000;

export interface ListenersOptions {
  readonly serving: Serving;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly admit: (flow: Flow) => boolean;
  readonly onChange: () => void;
}

/** A listening socket that is wanted. */
interface Held {
  readonly listen: string;
  readonly tls: KeyPairConfig | undefined;
  /** Where the configuration asks for it; changes with each. */
  field: string;
  readonly served: Served;
  listener: TcpListener | undefined;
  error: string | undefined;
}

/** The listening sockets as configured. A change closes and opens only what changed and never takes a connection down. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #held = new Map<string, Held>();
  readonly #routes = new Map<string, Route>();
  readonly #stats = new Map<string, ServiceStats>();
  readonly #paths = new PathRoutes();
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
    const { listeners = [], entry } = config;
    this.#configureRoutes(config, services);
    const wanted = new Set<string>();
    for (const [index, listener] of listeners.entries()) {
      const key = keyOf(listener);
      wanted.add(key);
      const known = this.#held.get(key);
      if (known !== undefined) known.field = `listeners[${index}].listen`;
    }
    if (entry !== undefined) wanted.add(keyOfEntry(entry));
    for (const [key, held] of this.#held) {
      if (wanted.has(key)) continue;
      held.listener?.stop();
      this.#held.delete(key);
    }
    for (const [index, listener] of listeners.entries()) {
      if (!this.#held.has(keyOf(listener))) this.#addListener(listener, { index, strict });
    }
    if (entry !== undefined) this.#configureEntry(entry, strict);
    return this.#problems();
  }

  /** What is spoken for a service's port; undefined where nobody listens for it. */
  protocolOf(service: string, port: number): string | undefined {
    for (const { served } of this.#held.values()) {
      const { only } = served.routes;
      if (only?.service === service && only.port === port) return served.protocol;
    }
    return this.#routes.has(`${service}:${port}`) ? "http" : undefined;
  }

  /** Services and ports that someone can ask for here. */
  get routes(): Iterable<Route> {
    return this.#routes.values();
  }

  /** Takes no more connections. */
  stop(): void {
    this.#stopRetry?.();
    this.#stopRetry = undefined;
    for (const { listener } of this.#held.values()) listener?.stop();
    this.#held.clear();
  }

  state(): ListenerState[] {
    return [...this.#held.values()].flatMap(({ listen, listener, error, served }): ListenerState[] => {
      // The entry is no service's; the state tells of services.
      if (served.routes.only === undefined) return [];
      const { service, port } = served.routes.only;
      const at = resolveAddress(listen, this.#options.env);
      if (listener === undefined || at === undefined)
        return [{ service, port, listen, state: "error", error: error ?? "Not open" }];
      const host = at.hostname.includes(":") ? `[${at.hostname}]` : at.hostname;
      return [{ service, port, listen: `${host}:${listener.port}`, state: "open" }];
    });
  }

  /** One route for each service and port that someone can ask for here. */
  #configureRoutes({ listeners = [], entry }: RouterConfig, services: ServiceTable): void {
    const wanted = new Map<string, { service: string; port: number; http: boolean }>();
    for (const { service, port } of entry?.routes ?? [])
      wanted.set(`${service}:${port}`, { service, port, http: true });
    for (const { service, port, protocol } of listeners) {
      const http = protocol !== undefined && protocol !== "tcp";
      wanted.set(`${service}:${port}`, { service, port, http });
    }
    for (const [key, { service, port }] of this.#routes) {
      if (wanted.has(key)) continue;
      this.#routes.delete(key);
      services.release(service, port);
    }
    for (const [key, { service, port, http }] of wanted) {
      const balancer = services.balancer(service, { port, http });
      const policy = services.connectPolicy(service);
      const known = this.#routes.get(key);
      if (known === undefined) {
        this.#routes.set(key, { service, port, balancer, policy, stats: this.#statsOf(service, port) });
      } else {
        known.balancer = balancer;
        known.policy = policy;
      }
    }
  }

  #addListener(
    config: ListenerConfig,
    { index, strict }: { readonly index: number; readonly strict: boolean },
  ): void {
    const { service, port, protocol = "tcp", tls, listen } = config;
    const route = this.#routeOf(service, port);
    const match = { route, stripBytes: 0 };
    const routes: Routes = { only: route, find: () => match };
    const scheme = tls === undefined ? "http" : "https";
    const served: Served = { protocol, scheme, routes, firstWord: "unknown" };
    const field = `listeners[${index}].listen`;
    const held: Held = { listen, tls, field, served, listener: undefined, error: undefined };
    this.#open(held, strict);
    this.#held.set(keyOf(config), held);
  }

  #configureEntry(entry: EntryConfig, strict: boolean): void {
    this.#paths.configure(entry.routes, (service, port) => this.#routeOf(service, port));
    const key = keyOfEntry(entry);
    if (this.#held.has(key)) return;
    const { listen, tls } = entry;
    const scheme = tls === undefined ? "http" : "https";
    const served: Served = { protocol: "http", scheme, routes: this.#paths, firstWord: "client" };
    const held: Held = {
      listen,
      tls,
      field: "entry.listen",
      served,
      listener: undefined,
      error: undefined,
    };
    this.#open(held, strict);
    this.#held.set(key, held);
  }

  #routeOf(service: string, port: number): Route {
    return this.#routes.get(`${service}:${port}`) as Route;
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
      const at = resolveAddress(held.listen, this.#options.env);
      if (at === undefined) throw new Error(`Cannot listen on "${held.listen}": POD_IP is not set`);
      const { serving, admit, clock } = this.#options;
      held.listener = new TcpListener(at, { served: held.served, tls: held.tls, serving, admit, clock });
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
    return [...this.#held.values()].flatMap(({ field, error }) =>
      error === undefined ? [] : [{ field, message: error }],
    );
  }
}

/** Another key is another socket. */
function keyOf({ listen, service, port, protocol, tls }: ListenerConfig): string {
  return `${listen} ${service}:${port} ${protocol ?? "tcp"} ${tls === undefined ? "" : hashOf(tls)}`;
}

function keyOfEntry({ listen, tls }: EntryConfig): string {
  return `${listen} entry ${tls === undefined ? "" : hashOf(tls)}`;
}

function hashOf(tls: KeyPairConfig): string {
  return Bun.hash(JSON.stringify(tls)).toString(36);
}
