import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import { listenerProtocol } from "../app-protocol.ts";
import type { Caches } from "../caches.ts";
import { isTaken, shadowName } from "../policy/take-over.ts";
import type { ListenerBook, WantedListener } from "../routers/listener-book.ts";
import { isAsWanted, merged } from "./import-objects.ts";
import type { DesiredImport } from "./imports.ts";
import {
  addressesOf,
  type Pin,
  pinKey,
  pinName,
  pinOf,
  pinOnly,
  pinService,
  type PinTarget,
} from "./pin-services.ts";
import { PIN_LINGER_MS, type PinPlan, planPins } from "./pins.ts";

export interface PinWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly book: ListenerBook;
  /** [60,000] */
  readonly lingerMs?: number | undefined;
}

/** Pins of one import that are written at the same time: an import may have hundreds. */
const AT_ONCE = 8;
const NONE: PinPlan = { pins: new Map(), gone: new Set(), unwanted: new Set(), left: new Map() };
const log = logFor("site", "pins");

/**
 * Makes the Services that lead to one cluster of an import, or to one pod of it (pins.ts). They are made and deleted one import at a time, after
 * the routers were told of their listeners.
 */
export class PinWriter {
  readonly #options: PinWriterOptions;
  readonly #lingerMs: number;
  #plan = NONE;
  /** Since when what a pin leads to is gone; by key. */
  #goneSinceMs = new Map<string, number>();
  /** What was found written at the last look: the Services, and what they were compared with. */
  readonly #written = new Map<string, { readonly services: readonly Service[]; readonly text: string }>();

  constructor(options: PinWriterOptions) {
    this.#options = options;
    this.#lingerMs = options.lingerMs ?? PIN_LINGER_MS;
  }

  /** Plans anew. */
  plan(desired: ReadonlyMap<string, DesiredImport>, { strict }: { readonly strict: boolean }): void {
    const { caches, clock } = this.#options;
    const known = (name: string): PinTarget[] =>
      caches.pinsOf(name).flatMap((service) => pinOf(service) ?? []);
    const before = this.#plan;
    this.#plan = planPins({
      desired: desired.values(),
      known,
      strict,
      isLedAway: (name) => this.#isLedAway(name),
    });
    for (const [name, count] of this.#plan.left)
      if (before.left.get(name) !== count)
        log.warning("Not all clusters or pods of an import get an address", { name, left: count });
    const nowMs = clock.monotonicMs();
    const since = this.#goneSinceMs;
    this.#goneSinceMs = new Map([...this.#plan.gone].map((key) => [key, since.get(key) ?? nowMs]));
    for (const name of this.#written.keys()) if (!desired.has(name)) this.#written.delete(name);
  }

  /** Ports that the routers shall listen for. */
  wanted(): WantedListener[] {
    const { namespace } = this.#options.caches;
    return [...this.#plan.pins.values()].flat().flatMap((pin) =>
      pin.ports.map((port) => ({
        service: `${namespace}/${pin.of}`,
        port: port.port,
        protocol: listenerProtocol(port),
        only: pinOnly(pin),
      })),
    );
  }

  /** Names of imports whose pins may have to be written. */
  toWrite(): string[] {
    const names: string[] = [];
    const { caches } = this.#options;
    for (const [name, pins] of this.#plan.pins) {
      const services = caches.pinsOf(name);
      if (services.length === 0 && pins.length === 0) continue;
      const text = JSON.stringify([pins, caches.imports.get(caches.namespace, name)?.metadata.uid]);
      const last = this.#written.get(name);
      const same = last?.text === text && last.services.length === services.length;
      if (same && services.every((service, n) => service === last.services[n])) continue;
      if (this.#isWritten(name, services)) this.#written.set(name, { services, text });
      else names.push(name);
    }
    return names;
  }

  /** How many clusters and pods of an import have no address of their own for want of room. */
  left(name: string): number {
    return this.#plan.left.get(name) ?? 0;
  }

  /** Whether a pin of the import has no address yet. */
  waits(name: string): boolean {
    return (this.#plan.pins.get(name) ?? []).some((pin) => this.addresses(pin).length === 0);
  }

  /** The addresses of a pin, once it has any. */
  addresses(target: PinTarget): readonly string[] {
    const service = this.#options.caches.pin(target);
    return service === undefined ? [] : addressesOf(service);
  }

  /** Forgets all: another process writes now. */
  reset(): void {
    this.#plan = NONE;
    this.#goneSinceMs.clear();
    this.#written.clear();
  }

  /** Writes the pins of one import. Throws what is to be tried again with back-off. */
  async reconcile(name: string): Promise<ReconcileResult> {
    const { caches, clock } = this.#options;
    const object = caches.imports.get(caches.namespace, name);
    const isLive = object !== undefined && object.metadata.deletionTimestamp === undefined;
    // Not planned yet: nothing says that anything is to go.
    if (isLive && !this.#plan.pins.has(name)) return {};
    const wanted = new Map<string, Pin>(
      (isLive ? (this.#plan.pins.get(name) ?? []) : []).map((pin) => [pinName(pin), pin]),
    );
    const nowMs = clock.monotonicMs();
    let dueMs = Number.POSITIVE_INFINITY;
    for (const service of caches.pinsOf(name)) {
      if (wanted.has(service.metadata.name)) continue;
      const leftMs = isLive ? this.#leftMs(service, nowMs) : 0;
      if (leftMs > 0) dueMs = Math.min(dueMs, leftMs);
      else await this.#delete(service);
    }
    if (isLive) {
      const owner = ownerReference(object, { controller: false });
      const writes = wanted.entries();
      const worker = async (): Promise<void> => {
        for (const [service, pin] of writes) {
          const made = this.#service(pin, owner);
          if (made !== undefined) await this.#write(made, caches.service(service));
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
    return Number.isFinite(dueMs) ? { requeueAfterMs: dueMs } : {};
  }

  #service(pin: Pin, owner: ReturnType<typeof ownerReference>): Service | undefined {
    const { caches, book } = this.#options;
    const { namespace } = caches;
    const only = pinOnly(pin);
    const targets = new Map<number, number>();
    for (const { port } of pin.ports) {
      const target = book.portOf({ service: `${namespace}/${pin.of}`, port, only });
      // It comes with the next plan, or there is none left; without it the Service would lead nowhere.
      if (target === undefined) return undefined;
      targets.set(port, target);
    }
    return pinService(pin, { namespace, owner, targetPort: (port) => targets.get(port) ?? port });
  }

  async #write(wanted: Service, known: Service | undefined): Promise<void> {
    const { client } = this.#options;
    if (known === undefined) {
      await client.create<Service>(RESOURCES.services, wanted);
      return;
    }
    if (pinOf(known) === undefined) {
      log.warning("A Service of the user has the name of one that leads to a cluster", {
        name: known.metadata.name,
      });
      return;
    }
    if (isAsWanted(known, wanted)) return;
    await client.update<Service>(RESOURCES.services, {
      ...known,
      metadata: merged(known.metadata, wanted.metadata),
      spec: { ...known.spec, ...wanted.spec },
    });
  }

  async #delete({ metadata }: Service): Promise<void> {
    const { client, caches } = this.#options;
    await client.delete(RESOURCES.services, {
      namespace: caches.namespace,
      name: metadata.name,
      ...(metadata.uid === undefined ? {} : { preconditions: { uid: metadata.uid } }),
    });
  }

  /** How long a pin that is not wanted stays, ms. */
  #leftMs(service: Service, nowMs: number): number {
    const target = pinOf(service);
    if (target === undefined) return 0;
    const key = pinKey(target);
    if (this.#plan.unwanted.has(key)) return 0;
    const sinceMs = this.#goneSinceMs.get(key);
    return sinceMs === undefined ? Number.POSITIVE_INFINITY : sinceMs + this.#lingerMs - nowMs;
  }

  #isWritten(name: string, services: readonly Service[]): boolean {
    const { caches } = this.#options;
    const object = caches.imports.get(caches.namespace, name);
    if (object === undefined) return false;
    const pins = this.#plan.pins.get(name) ?? [];
    const owner = ownerReference(object, { controller: false });
    if (services.length !== pins.length) return false;
    return pins.every((pin) => {
      const known = caches.pin(pin);
      const wanted = this.#service(pin, owner);
      return known !== undefined && wanted !== undefined && isAsWanted(known, wanted);
    });
  }

  #isLedAway(name: string): boolean {
    const { caches } = this.#options;
    const service = caches.service(name);
    return service !== undefined && isTaken(service, caches.service(shadowName(name)));
  }
}
