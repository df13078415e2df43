import type { Service } from "#api/builtin.ts";
import { listenerProtocol } from "../app-protocol.ts";
import type { Caches } from "../caches.ts";
import { clustersetOf } from "../imports/clusterset-service.ts";
import { isImportService, listenersOf } from "../imports/imports.ts";
import { pinOf } from "../imports/pin-services.ts";
import {
  keyOf,
  type ListenerOf,
  type ServiceListener,
  uniqueListeners,
  type WrittenListeners,
} from "./listener-book.ts";
import { FIRST_LISTENER_PORT, LAST_LISTENER_PORT, ORIGINAL_ANNOTATION, SHADOW_LABEL } from "../names.ts";
import { isShadowOf, listenersOfShadow } from "../policy/take-over.ts";

/** Read once for each change of a Service: thousands of imports ask for their port. */
export class ServiceListeners implements WrittenListeners {
  readonly #caches: Caches;
  #list: readonly ServiceListener[] | undefined;
  #byKey: ReadonlyMap<string, number> = new Map();

  /** To be made before all others that follow the Services: they find it up to date then. */
  constructor(caches: Caches) {
    this.#caches = caches;
    caches.services.onChange(() => {
      this.#list = undefined;
    });
  }

  list(): readonly ServiceListener[] {
    if (this.#list === undefined) {
      this.#list = uniqueListeners(writtenListeners(this.#caches));
      this.#byKey = new Map(this.#list.map((one) => [keyOf(one), one.listenerPort]));
    }
    return this.#list;
  }

  portOf(of: ListenerOf): number | undefined {
    this.list();
    return this.#byKey.get(keyOf(of));
  }
}

/**
 * `targetPort` of imported Services, of those that have a clusterset address or lead to one cluster or pod, and what the shadows of Services of the user remember (the Service's own `targetPort` where somebody
 * has deleted the shadow).
 */
function writtenListeners(caches: Caches): ServiceListener[] {
  const services = caches.services.list();
  const listeners = listenersOf(services);
  for (const service of services) {
    const pin = pinOf(service);
    if (pin !== undefined) {
      const to = leadingTo(service, `${caches.namespace}/${pin.of}`);
      listeners.push(...to.map((one) => ({ ...one, only: pin.only })));
      continue;
    }
    const importOf = clustersetOf(service);
    if (importOf !== undefined) {
      listeners.push(...leadingTo(service, `${caches.namespace}/${importOf}`));
      continue;
    }
    const shadowOf = service.metadata.labels?.[SHADOW_LABEL];
    if (shadowOf !== undefined && isShadowOf(service, shadowOf)) {
      listeners.push(...ofShadow(service, { name: shadowOf, caches }));
    } else if (service.metadata.annotations?.[ORIGINAL_ANNOTATION] !== undefined) {
      if (!isImportService(service) && caches.shadowOf(service.metadata.name) === undefined)
        listeners.push(...leadingTo(service, `${caches.namespace}/${service.metadata.name}`));
    }
  }
  return listeners;
}

function ofShadow(
  shadow: Service,
  of: { readonly name: string; readonly caches: Caches },
): ServiceListener[] {
  const { name, caches } = of;
  const ports = caches.service(name)?.spec.ports ?? shadow.spec.ports ?? [];
  return [...listenersOfShadow(shadow)].map(([port, listenerPort]) => ({
    service: `${caches.namespace}/${name}`,
    port,
    listenerPort,
    protocol: listenerProtocol(ports.find((one) => one.port === port) ?? {}),
  }));
}

/** Of the service that this Service leads to. */
function leadingTo(service: Service, of: string): ServiceListener[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const { targetPort } = port;
    if (typeof targetPort !== "number") return [];
    if (targetPort < FIRST_LISTENER_PORT || targetPort > LAST_LISTENER_PORT) return [];
    return {
      service: of,
      port: port.port,
      listenerPort: targetPort,
      protocol: listenerProtocol(port),
    };
  });
}
