import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { ListenerProtocol, Only } from "#router/config.ts";
import { ListenerPorts } from "./listener-ports.ts";

/** What a listener is for: a port of a service, or, with `only`, of one of its clusters or endpoints alone. */
export interface ListenerOf {
  /** namespace/name */
  readonly service: string;
  readonly port: number;
  readonly only?: Only | undefined;
}

/** A port that clients of this cluster reach through the routers, and the router port that stands behind it. */
export interface ServiceListener extends ListenerOf {
  readonly listenerPort: number;
  readonly protocol: ListenerProtocol;
}

export type WantedListener = Omit<ServiceListener, "listenerPort">;

const log = logFor("site", "listeners");

/** Listeners that are written in the cluster, each router port once. */
export interface WrittenListeners {
  list(): readonly ServiceListener[];
  portOf(of: ListenerOf): number | undefined;
}

export interface ListenerBookOptions {
  readonly written: WrittenListeners;
  readonly clock: Clock;
  /** Whether clients may still come by what was written: there is still a Service of that name (namespace/name). */
  readonly isThere: (service: string) => boolean;
  /** How long the routers go on for a Service that leads elsewhere now, ms. */
  readonly lingerMs: number;
  /** One that went on is over. */
  readonly onOver: () => void;
}

interface Lingering {
  readonly listener: ServiceListener;
  readonly cancel: () => void;
}

/**
 * Which router port serves which port of which service. What is written in the cluster is what counts; for those that are not
 * written yet the book remembers what it has given. A Service that does not lead to the routers any more (its user gave
 * it pods of its own) keeps its listeners for a while: nodes need a moment to learn of it.
 */
export class ListenerBook {
  readonly #options: ListenerBookOptions;
  readonly #ports = new ListenerPorts();
  readonly #pending = new Map<string, ServiceListener>();
  readonly #lingering = new Map<string, Lingering>();
  #before: readonly ServiceListener[] = [];

  constructor(options: ListenerBookOptions) {
    this.#options = options;
  }

  /** Gives each wanted listener a router port, and takes back those that are wanted no more and were never written. */
  allocate(wanted: Iterable<WantedListener>): void {
    const { written } = this.#options;
    this.#noteVanished();
    const lingering = [...this.#lingering.values()].map(({ listener }) => listener);
    const used = new Set(
      [...written.list(), ...this.#pending.values(), ...lingering].map(({ listenerPort }) => listenerPort),
    );
    for (const port of used) this.#ports.continueAfter(port);
    const keys = new Set<string>();
    for (const one of wanted) {
      const key = keyOf(one);
      keys.add(key);
      if (written.portOf(one) !== undefined) {
        this.#pending.delete(key);
        continue;
      }
      const known = this.#pending.get(key) ?? this.#lingering.get(key)?.listener;
      const listenerPort = known?.listenerPort ?? this.#ports.allocate(used);
      if (listenerPort === undefined) {
        log.error("No listener port is left", { service: one.service, port: one.port, only: one.only });
        continue;
      }
      used.add(listenerPort);
      this.#lingering.get(key)?.cancel();
      this.#lingering.delete(key);
      this.#pending.set(key, { ...one, listenerPort });
    }
    for (const key of this.#pending.keys()) if (!keys.has(key)) this.#pending.delete(key);
  }

  /**
   * The router port of a service's port: as written, else as given, else the one that goes on. So a Service that takes the
   * place of one that has just gone leads to the same port, and never to none.
   */
  portOf(of: ListenerOf): number | undefined {
    this.#noteVanished();
    return this.#given(of) ?? this.#lingering.get(keyOf(of))?.listener.listenerPort;
  }

  /** All listeners that the routers shall have. */
  all(): ServiceListener[] {
    const { written } = this.#options;
    // One that has just gone from the cluster goes on, also before ports are given anew.
    this.#noteVanished();
    const listeners = [...written.list()];
    for (const one of this.#pending.values()) if (written.portOf(one) === undefined) listeners.push(one);
    for (const { listener } of this.#lingering.values())
      if (this.#given(listener) === undefined) listeners.push(listener);
    return listeners;
  }

  /** These have drained: what was written for the service may go at once. */
  drained(service: string): void {
    this.#before = this.#before.filter((one) => one.service !== service);
  }

  /** Forgets what is not written. */
  clear(): void {
    this.#pending.clear();
    for (const { cancel } of this.#lingering.values()) cancel();
    this.#lingering.clear();
    this.#before = [];
  }

  #given(of: ListenerOf): number | undefined {
    return this.#options.written.portOf(of) ?? this.#pending.get(keyOf(of))?.listenerPort;
  }

  #noteVanished(): void {
    const { written, clock, isThere, lingerMs, onOver } = this.#options;
    const before = this.#before;
    const now = written.list();
    if (now === before) return;
    this.#before = now;
    for (const listener of before) {
      if (written.portOf(listener) !== undefined || !isThere(listener.service)) continue;
      const key = keyOf(listener);
      this.#lingering.get(key)?.cancel();
      const cancel = clock.after(lingerMs, () => {
        this.#lingering.delete(key);
        onOver();
      });
      this.#lingering.set(key, { listener, cancel });
    }
  }
}

/** Two Services that point to one router port cannot both be right: the first by name keeps it. */
export function uniqueListeners(listeners: readonly ServiceListener[]): ServiceListener[] {
  const byPort = new Map<number, ServiceListener>();
  const sorted = listeners.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  for (const listener of sorted)
    if (!byPort.has(listener.listenerPort)) byPort.set(listener.listenerPort, listener);
  return [...byPort.values()];
}

export function keyOf({ service, port, only }: ListenerOf): string {
  const { site = "", endpoint = "" } = only ?? {};
  return only === undefined ? `${service}:${port}` : `${service}:${port} ${site} ${endpoint}`;
}
