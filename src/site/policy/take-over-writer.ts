import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { equals } from "#controller/compare.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import { listenerProtocol } from "../app-protocol.ts";
import type { Caches } from "../caches.ts";
import type { ListenerBook, ServiceListener, WantedListener } from "../routers/listener-book.ts";
import { LISTENERS_ANNOTATION, ORIGINAL_ANNOTATION, SHADOW_LABEL } from "../names.ts";
import {
  covers,
  isTaken,
  judgeTakeOver,
  type Original,
  originalOf,
  pointed,
  putBack,
  shadowName,
  shadowService,
  type TakeOver,
} from "./take-over.ts";

export interface TakeOverWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly book: ListenerBook;
  /** Whether every router that may get clients has these open. */
  readonly listening: (listeners: readonly ServiceListener[]) => boolean;
  /** How long the routers go on for a Service that was put back: nodes need a moment to learn of it, ms. */
  readonly drainMs: number;
}

/** What is waited for wakes the reconcile; this is for what was missed. */
const LOOK_AGAIN_MS = 1000;
const log = logFor("site", "take-over");

/**
 * Leads the clients of a Service of the user through the routers while a TrafficPolicy asks for it, and puts the Service back after.
 * Each arrow is one write; a controller that dies between any two goes on from what it finds.
 *
 *     own --(shadow made, with the listener ports)--> prepared
 *     prepared --(routers listen, shadow lists all pods: selector, ports and the original in one update)--> taken
 *     taken --(no policy, mode Local, no Site, not safe any more: original back in one update)--> draining
 *     draining --(drainMs, and the Service's own slices list the pods again: shadow deleted, listeners close)--> own
 *     draining --(policy again)--> prepared
 */
export class TakeOverWriter {
  readonly #options: TakeOverWriterOptions;
  readonly #drainingSinceMs = new Map<string, number>();

  constructor(options: TakeOverWriterOptions) {
    this.#options = options;
  }

  judge(name: string): TakeOver {
    const { caches } = this.#options;
    const policy = caches.site() === undefined ? undefined : caches.policy(name);
    return judgeTakeOver({ service: caches.service(name), shadow: caches.service(shadowName(name)), policy });
  }

  /** Whether the Service of that name leads to the routers as its policy wants it. */
  done(name: string): boolean {
    const judged = this.judge(name);
    return judged.kind === "wanted" && this.#isPointed(name, judged.original);
  }

  /** Ports that the routers shall listen for. */
  wanted(): WantedListener[] {
    const { caches } = this.#options;
    return caches.policies.list().flatMap(({ metadata: { name } }) => {
      const judged = this.judge(name);
      if (judged.kind !== "wanted") return [];
      const service = `${caches.namespace}/${name}`;
      return judged.original.ports.map((port) => ({
        service,
        port: port.port,
        protocol: listenerProtocol(port),
      }));
    });
  }

  /** Names of services that are not as they should be. */
  toWrite(): string[] {
    const { caches } = this.#options;
    const names = new Set(caches.policies.list().map(({ metadata }) => metadata.name));
    for (const { metadata } of caches.services.list()) {
      const { name, labels = {}, annotations = {} } = metadata;
      if (annotations[ORIGINAL_ANNOTATION] !== undefined) names.add(name);
      if (labels[SHADOW_LABEL] !== undefined) names.add(labels[SHADOW_LABEL]);
    }
    return [...names].filter((name) => !this.#isSettled(name));
  }

  /** Forgets what was measured: another process writes now. */
  reset(): void {
    this.#drainingSinceMs.clear();
  }

  /** The next step for one service. Throws what is to be tried again with back-off. */
  async reconcile(name: string): Promise<ReconcileResult> {
    const judged = this.judge(name);
    if (judged.kind !== "wanted") return await this.#release(name);
    this.#drainingSinceMs.delete(name);
    return await this.#take(name, judged.original);
  }

  async #take(name: string, original: Original): Promise<ReconcileResult> {
    const { client, caches, listening } = this.#options;
    const service = caches.service(name);
    const listeners = this.#listeners(name, original);
    if (service === undefined || listeners === undefined) return { requeueAfterMs: LOOK_AGAIN_MS };
    await this.#writeShadow(service, { original, listeners });
    if (this.#isPointed(name, original)) return {};
    // One that leads to the routers already is only corrected.
    if (!isTaken(service, caches.shadowOf(name))) {
      const listed = caches.slicesOf(shadowName(name));
      if (listed.length === 0 || !covers(listed, caches.slicesOf(name)) || !listening(listeners))
        return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    const ports = new Map(listeners.map(({ port, listenerPort }) => [port, listenerPort]));
    // With the resource version: a Service that changed meanwhile is judged anew.
    await client.update<Service>(
      RESOURCES.services,
      pointed(service, { original, listenerPort: (port) => ports.get(port) ?? port }),
    );
    log.info("Clients of a Service are led through the routers", { name });
    return {};
  }

  async #writeShadow(
    service: Service,
    options: { readonly original: Original; readonly listeners: readonly ServiceListener[] },
  ): Promise<void> {
    const { client, caches } = this.#options;
    const wanted = this.#wantedShadow(service, options);
    const known = caches.shadowOf(service.metadata.name);
    if (known === undefined) await client.create<Service>(RESOURCES.services, wanted);
    else if (!sameShadow(known, wanted)) {
      await client.update<Service>(RESOURCES.services, {
        ...known,
        metadata: { ...known.metadata, ...wanted.metadata },
        spec: { ...known.spec, selector: wanted.spec.selector ?? {}, ports: wanted.spec.ports ?? [] },
      });
    }
  }

  #wantedShadow(
    service: Service,
    options: { readonly original: Original; readonly listeners: readonly ServiceListener[] },
  ): Service {
    const { original, listeners } = options;
    const ports = listeners.map(({ port, listenerPort }) => [String(port), listenerPort] as const);
    return shadowService(service, { original, listeners: Object.fromEntries(ports) });
  }

  async #release(name: string): Promise<ReconcileResult> {
    const { client, caches, clock, book, drainMs } = this.#options;
    const service = caches.service(name);
    const shadow = caches.shadowOf(name);
    if (service !== undefined && isTaken(service, shadow)) {
      const original = originalOf(service, shadow);
      if (original === undefined) {
        log.error("A Service leads to the routers, and what it said before is lost: apply it again", {
          name,
        });
        return {};
      }
      await client.update<Service>(RESOURCES.services, putBack(service, original));
      log.info("A Service is as its user wrote it again", { name });
      return { requeueAfterMs: LOOK_AGAIN_MS };
    }
    if (shadow === undefined) {
      this.#drainingSinceMs.delete(name);
      return {};
    }
    const nowMs = clock.monotonicMs();
    const sinceMs = this.#drainingSinceMs.get(name) ?? nowMs;
    this.#drainingSinceMs.set(name, sinceMs);
    const leftMs = service === undefined ? 0 : sinceMs + drainMs - nowMs;
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    const listed = caches.slicesOf(shadow.metadata.name);
    if (service !== undefined && !covers(caches.slicesOf(name), listed))
      return { requeueAfterMs: LOOK_AGAIN_MS };
    const { namespace } = caches;
    const { uid } = shadow.metadata;
    const preconditions = uid === undefined ? {} : { uid };
    book.drained(`${namespace}/${name}`);
    await client.delete(RESOURCES.services, { namespace, name: shadow.metadata.name, preconditions });
    this.#drainingSinceMs.delete(name);
    return {};
  }

  #isSettled(name: string): boolean {
    const { caches } = this.#options;
    const judged = this.judge(name);
    const service = caches.service(name);
    const shadow = caches.shadowOf(name);
    if (judged.kind !== "wanted") return shadow === undefined && !(service && isTaken(service, shadow));
    const listeners = this.#listeners(name, judged.original);
    if (service === undefined || shadow === undefined || listeners === undefined) return false;
    const wanted = this.#wantedShadow(service, { original: judged.original, listeners });
    return this.#isPointed(name, judged.original) && sameShadow(shadow, wanted);
  }

  #isPointed(name: string, original: Original): boolean {
    const { caches } = this.#options;
    const service = caches.service(name);
    const listeners = this.#listeners(name, original);
    if (service === undefined || listeners === undefined) return false;
    const ports = new Map(listeners.map(({ port, listenerPort }) => [port, listenerPort]));
    const wanted = pointed(service, { original, listenerPort: (port) => ports.get(port) ?? port });
    return (
      equals(wanted.metadata.annotations, service.metadata.annotations) && equals(wanted.spec, service.spec)
    );
  }

  /** One for each port; undefined while one has no router port yet. */
  #listeners(name: string, original: Original): ServiceListener[] | undefined {
    const { caches, book } = this.#options;
    const service = `${caches.namespace}/${name}`;
    const listeners = original.ports.flatMap((port): ServiceListener[] => {
      const listenerPort = book.portOf({ service, port: port.port });
      if (listenerPort === undefined) return [];
      return [{ service, port: port.port, listenerPort, protocol: listenerProtocol(port) }];
    });
    return listeners.length === original.ports.length ? listeners : undefined;
  }
}

function sameShadow(known: Service, { metadata, spec }: Service): boolean {
  return (
    known.metadata.annotations?.[LISTENERS_ANNOTATION] === metadata.annotations?.[LISTENERS_ANNOTATION] &&
    equals(known.spec.selector, spec.selector) &&
    equals(known.spec.ports, spec.ports) &&
    (known.metadata.ownerReferences ?? []).some(({ uid }) => uid === metadata.ownerReferences?.[0]?.uid)
  );
}
