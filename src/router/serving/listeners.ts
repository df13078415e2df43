import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import {
  resolveAddress,
  type EntryConfig,
  type KeyPairConfig,
  type ListenerConfig,
  type Only,
  type Problem,
  type RouterConfig,
} from "../config.ts";
import { ServiceStats } from "../counters.ts";
import type { Flow } from "../flow/flow.ts";
import type { Routes } from "../http/context.ts";
import type { Route } from "../flow/opening.ts";
import type { TrafficLedger } from "../observe/traffic-ledger.ts";
import { PathRoutes } from "./path-routes.ts";
import { onlyText } from "../selection/narrowed.ts";
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
  readonly ledger: TrafficLedger;
}

/** A listening socket that is wanted. */
interface Held {
  readonly listen: string;
  readonly tls: KeyPairConfig | undefined;
  readonly only: Only | undefined;
  /** Where the configuration asks for it; changes with each. */
  field: string;
  readonly served: Served;
  listener: TcpListener | undefined;
  error: string | undefined;
}

/** Where the work of listeners goes. `only` is set where it is narrowed: such a route is nobody else's. */
interface HeldRoute {
  readonly route: Route;
  readonly only: Only | undefined;
}

/** The listening sockets as configured. A change closes and opens only what changed and never takes a connection down. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #held = new Map<string, Held>();
  readonly #routes = new Map<string, HeldRoute>();
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
    for (const { served, only: narrowed } of this.#held.values()) {
      const { only } = served.routes;
      if (narrowed === undefined && only?.service === service && only.port === port) return served.protocol;
    }
    return this.#routes.has(routeKey(service, port)) ? "http" : undefined;
  }

  /** Services and ports that someone can ask for here, without regard to what a listener is narrowed to. */
  get routes(): Iterable<Route> {
    return this.#routes
      .values()
      .filter(({ only }) => only === undefined)
      .map(({ route }) => route);
  }

  /** Takes no more connections. */
  stop(): void {
    this.#stopRetry?.();
    this.#stopRetry = undefined;
    for (const { listener } of this.#held.values()) listener?.stop();
    this.#held.clear();
  }

  state(): ListenerState[] {
    return [...this.#held.values()].flatMap(({ listen, listener, error, served, only }): ListenerState[] => {
      // The entry is no service's; the state tells of services.
      if (served.routes.only === undefined) return [];
      const { service, port } = served.routes.only;
      const of = { service, port, ...(only === undefined ? {} : { only }) };
      const at = resolveAddress(listen, this.#options.env);
      if (listener === undefined || at === undefined)
        return [{ ...of, listen, state: "error", error: error ?? "Not open" }];
      const host = at.hostname.includes(":") ? `[${at.hostname}]` : at.hostname;
      return [{ ...of, listen: `${host}:${listener.port}`, state: "open" }];
    });
  }

  /** One route for each service and port that someone can ask for here, and for what a listener of it is narrowed to. */
  #configureRoutes({ listeners = [], entry }: RouterConfig, services: ServiceTable): void {
    const wanted = new Map<
      string,
      { service: string; port: number; http: boolean; only?: Only | undefined }
    >();
    for (const { service, port } of entry?.routes ?? [])
      wanted.set(routeKey(service, port), { service, port, http: true });
    for (const { service, port, protocol, only } of listeners) {
      const http = protocol !== undefined && protocol !== "tcp";
      wanted.set(routeKey(service, port, only), { service, port, http, only });
    }
    for (const [key, { route, only }] of this.#routes) {
      if (wanted.has(key)) continue;
      this.#routes.delete(key);
      services.release(route.service, { port: route.port, only });
    }
    for (const [key, { service, port, http, only }] of wanted) {
      const balancer = services.balancer(service, { port, http, only });
      const policy = services.connectPolicy(service);
      const known = this.#routes.get(key)?.route;
      if (known === undefined) {
        const route = { service, port, balancer, policy, stats: this.#statsOf(service, port) };
        this.#routes.set(key, { route, only });
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
    const { service, port, protocol = "tcp", tls, listen, only } = config;
    const route = this.#routeOf(service, port, only);
    const match = { route, stripBytes: 0 };
    const routes: Routes = { only: route, find: () => match };
    const scheme = tls === undefined ? "http" : "https";
    const served: Served = { protocol, scheme, routes, firstWord: "unknown" };
    const field = `listeners[${index}].listen`;
    const held: Held = { listen, tls, only, field, served, listener: undefined, error: undefined };
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
      only: undefined,
      field: "entry.listen",
      served,
      listener: undefined,
      error: undefined,
    };
    this.#open(held, strict);
    this.#held.set(key, held);
  }

  #routeOf(service: string, port: number, only?: Only): Route {
    return (this.#routes.get(routeKey(service, port, only)) as HeldRoute).route;
  }

  #statsOf(service: string, port: number): ServiceStats {
    const key = `${service}:${port}`;
    let stats = this.#stats.get(key);
    if (stats === undefined) {
      stats = new ServiceStats(service, port, this.#options.ledger);
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
function keyOf({ listen, service, port, protocol, tls, only }: ListenerConfig): string {
  return `${listen} ${routeKey(service, port, only)} ${protocol ?? "tcp"} ${tls === undefined ? "" : hashOf(tls)}`;
}

function routeKey(service: string, port: number, only?: Only): string {
  return `${service}:${port}${only === undefined ? "" : ` ${onlyText(only)}`}`;
}

function keyOfEntry({ listen, tls }: EntryConfig): string {
  return `${listen} entry ${tls === undefined ? "" : hashOf(tls)}`;
}

function hashOf(tls: KeyPairConfig): string {
  return Bun.hash(JSON.stringify(tls)).toString(36);
}
