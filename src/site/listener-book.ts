import { logFor } from "#core/log.ts";
import type { ListenerProtocol } from "#router/config.ts";
import { ListenerPorts } from "./listener-ports.ts";

/** A port of a service that clients of this cluster reach through the routers, and the router port that stands behind it. */
export interface ServiceListener {
  /** namespace/name */
  readonly service: string;
  readonly port: number;
  readonly listenerPort: number;
  readonly protocol: ListenerProtocol;
}

export type WantedListener = Omit<ServiceListener, "listenerPort">;

const log = logFor("site", "listeners");

/** Listeners that are written in the cluster, each router port once. */
export interface WrittenListeners {
  list(): readonly ServiceListener[];
  portOf(of: { readonly service: string; readonly port: number }): number | undefined;
}

/**
 * Which router port serves which port of which service. What is written in the cluster is what counts; for those that are not
 * written yet the book remembers what it has given.
 */
export class ListenerBook {
  readonly #written: WrittenListeners;
  readonly #ports = new ListenerPorts();
  readonly #pending = new Map<string, ServiceListener>();

  constructor(written: WrittenListeners) {
    this.#written = written;
  }

  /** Gives each wanted listener a router port, and takes back those that are wanted no more and were never written. */
  allocate(wanted: Iterable<WantedListener>): void {
    const used = new Set(
      [...this.#written.list(), ...this.#pending.values()].map(({ listenerPort }) => listenerPort),
    );
    for (const port of used) this.#ports.continueAfter(port);
    const keys = new Set<string>();
    for (const one of wanted) {
      const key = keyOf(one);
      keys.add(key);
      if (this.#written.portOf(one) !== undefined) {
        this.#pending.delete(key);
        continue;
      }
      const listenerPort = this.#pending.get(key)?.listenerPort ?? this.#ports.allocate(used);
      if (listenerPort === undefined) {
        log.error("No listener port is left", { service: one.service, port: one.port });
        continue;
      }
      used.add(listenerPort);
      this.#pending.set(key, { ...one, listenerPort });
    }
    for (const key of this.#pending.keys()) if (!keys.has(key)) this.#pending.delete(key);
  }

  /** The router port of a service's port: as written, else as given. */
  portOf(of: { readonly service: string; readonly port: number }): number | undefined {
    return this.#written.portOf(of) ?? this.#pending.get(keyOf(of))?.listenerPort;
  }

  /** All listeners that the routers shall have. */
  all(): ServiceListener[] {
    const listeners = [...this.#written.list()];
    for (const one of this.#pending.values())
      if (this.#written.portOf(one) === undefined) listeners.push(one);
    return listeners;
  }

  /** Forgets what is not written. */
  clear(): void {
    this.#pending.clear();
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

export function keyOf({ service, port }: { readonly service: string; readonly port: number }): string {
  return `${service}:${port}`;
}
