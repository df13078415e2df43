import { createHash } from "node:crypto";
import type { EndpointSlice, Service, ServicePort } from "#api/builtin.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { equals } from "#controller/compare.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import { isImportService, RESERVED } from "../imports/imports.ts";
import {
  FIRST_LISTENER_PORT,
  LAST_LISTENER_PORT,
  LISTENERS_ANNOTATION,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NAME_LABEL,
  ORIGINAL_ANNOTATION,
  ROUTER,
  SHADOW_LABEL,
} from "../names.ts";

/** What a Service of the user says by itself, while it points to the routers. */
export interface Original {
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePort[];
}

/** Whether a Service of the user shall point to the routers. */
export type TakeOver =
  | { readonly kind: "none" }
  | { readonly kind: "refused"; readonly reason: string; readonly message: string }
  | { readonly kind: "wanted"; readonly original: Original };

export interface TakeOverInput {
  readonly service: Service | undefined;
  /** What stands under `shadowName`, ours or not. */
  readonly shadow: Service | undefined;
  /** Absent also when this cluster takes part in nothing any more. */
  readonly policy: TrafficPolicy | undefined;
}

const NONE: TakeOver = { kind: "none" };
const SUFFIX = "-isthmus";
const MAX_NAME = 63;

/**
 * Whether the Service of that name has to lead to the routers: when a TrafficPolicy with another mode than Local names it. A Service
 * for which that is not safe stays as it is, and the policy says why.
 */
export function judgeTakeOver({ service, shadow, policy }: TakeOverInput): TakeOver {
  if (policy === undefined || policy.metadata.deletionTimestamp !== undefined || policy.spec.mode === "Local")
    return NONE;
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) return NONE;
  if (isImportService(service)) return NONE;
  const { name } = service.metadata;
  const { spec } = service;
  const refused = (reason: string, message: string): TakeOver => ({
    kind: "refused",
    reason,
    message: `Service "${name}" ${message}`,
  });
  if (RESERVED.has(name) || isShadow(service)) return refused("OwnService", "belongs to Isthmus itself");
  if (spec.type === "ExternalName")
    return refused(
      "ExternalName",
      "has the type ExternalName: its clients are led away by DNS, past the routers",
    );
  if (spec.clusterIP === "None")
    return refused("Headless", "is headless: its clients ask DNS for the pods, past the routers");
  if (spec.externalTrafficPolicy === "Local" || spec.internalTrafficPolicy === "Local")
    return refused(
      "NodeLocal",
      "keeps traffic on the node that it arrives at (internalTrafficPolicy or externalTrafficPolicy Local), and not each node has a router",
    );
  if (spec.publishNotReadyAddresses === true)
    return refused(
      "NotReadyAddresses",
      "publishes addresses that are not ready: clients would meet routers that do not listen yet",
    );
  const udp = (spec.ports ?? []).find(({ protocol = "TCP" }) => protocol !== "TCP");
  if (udp !== undefined)
    return refused(
      "NotTcp",
      `has port ${udp.port}/${udp.protocol ?? ""}, which the routers cannot carry: only TCP`,
    );
  if (shadow !== undefined && !isShadowOf(shadow, name))
    return refused(
      "NameTaken",
      `needs the name "${shadow.metadata.name}", under which there is another Service`,
    );
  const original = originalOf(service, shadow);
  if (original === undefined)
    return refused(
      "OriginalLost",
      "points to the routers, and what it said before is not known: apply it again",
    );
  if (Object.keys(original.selector).length === 0 || original.ports.length === 0)
    return refused("NoSelector", "has no selector or no ports: its endpoints are not pods that can be found");
  return { kind: "wanted", original };
}

/**
 * What the user wants the Service to say: what it says now, but for what we wrote. A Service that was applied again while it pointed to the
 * routers has his new selector (alone, or mixed with ours by a merge) and his new ports. Undefined when it is lost.
 */
export function originalOf(service: Service, shadow: Service | undefined): Original | undefined {
  const { selector: live = {}, ports = [] } = service.spec;
  const own = shadow !== undefined && isShadowOf(shadow, service.metadata.name) ? shadow : undefined;
  const base = readOriginal(service) ?? shadowOriginal(own);
  if (base === undefined) return isRouterSelector(live) ? undefined : { selector: live, ports };
  const listeners = own === undefined ? undefined : listenersOfShadow(own);
  const { [NAME_LABEL]: routerOrNot, ...others } = live;
  return {
    selector: isRouterSelector(live) ? base.selector : routerOrNot === ROUTER ? others : live,
    ports: ports.map((port) => {
      if (!isListener(port, listeners)) return port;
      const known = base.ports.find((one) => samePort(one, port));
      const { targetPort: _, ...rest } = port;
      // The place of targetPort among the fields stays, so that nothing differs from what it was.
      const restored = known?.targetPort === undefined ? rest : { ...port, targetPort: known.targetPort };
      return equals(restored, known) && known !== undefined ? known : restored;
    }),
  };
}

/** Whether the Service leads to the routers by our doing. */
export function isTaken(service: Service, shadow: Service | undefined): boolean {
  if (service.metadata.annotations?.[ORIGINAL_ANNOTATION] !== undefined) return true;
  const own = shadow !== undefined && isShadowOf(shadow, service.metadata.name);
  return own && isRouterSelector(service.spec.selector ?? {});
}

/** The Service as it leads to the routers; what the user wants it to say is in the same object, so that no crash can part them. */
export function pointed(
  service: Service,
  options: { readonly original: Original; readonly listenerPort: (port: number) => number },
): Service {
  const { original, listenerPort } = options;
  return {
    ...service,
    metadata: {
      ...service.metadata,
      annotations: { ...service.metadata.annotations, [ORIGINAL_ANNOTATION]: JSON.stringify(original) },
    },
    spec: {
      ...service.spec,
      selector: { [NAME_LABEL]: ROUTER },
      ports: original.ports.map((port) => ({ ...port, targetPort: listenerPort(port.port) })),
    },
  };
}

/** The Service as its user wants it, without a trace of us. */
export function putBack(service: Service, original: Original): Service {
  const { annotations = {}, ...metadata } = service.metadata;
  const { [ORIGINAL_ANNOTATION]: _, ...others } = annotations;
  return {
    ...service,
    metadata: { ...metadata, ...(Object.keys(others).length === 0 ? {} : { annotations: others }) },
    spec: { ...service.spec, selector: { ...original.selector }, ports: [...original.ports] },
  };
}

/** A headless Service with the user's selector: Kubernetes itself lists his pods under its name. */
export function shadowService(
  service: Service,
  options: { readonly original: Original; readonly listeners: Readonly<Record<string, number>> },
): Service {
  const { name, namespace = "" } = service.metadata;
  const { original, listeners } = options;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: shadowName(name),
      namespace,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [SHADOW_LABEL]: name },
      annotations: { [LISTENERS_ANNOTATION]: JSON.stringify(listeners) },
      ownerReferences: [ownerReference(service, { controller: false })],
    },
    spec: {
      type: "ClusterIP",
      clusterIP: "None",
      selector: { ...original.selector },
      ports: original.ports.map(withoutNodePort),
    },
  };
}

/** `<name>-isthmus`; a longer name than fits is cut, and told apart by a hash. */
export function shadowName(name: string): string {
  return nameWithSuffix(name, SUFFIX);
}

/** A Service's name made of another's; a long one is cut, and stays unique by a hash. */
export function nameWithSuffix(name: string, suffix: string): string {
  if (name.length + suffix.length <= MAX_NAME) return `${name}${suffix}`;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `${name.slice(0, MAX_NAME - suffix.length - hash.length - 1)}-${hash}${suffix}`;
}

export function isShadow(service: Service): boolean {
  return service.metadata.labels?.[SHADOW_LABEL] !== undefined;
}

export function isShadowOf(shadow: Service, name: string): boolean {
  return shadow.metadata.labels?.[SHADOW_LABEL] === name;
}

/** Router ports by port of the Service, as its shadow remembers them. */
export function listenersOfShadow(shadow: Service): Map<number, number> {
  const listeners = new Map<number, number>();
  for (const [port, listenerPort] of Object.entries(parsed(shadow, LISTENERS_ANNOTATION) ?? {}))
    if (typeof listenerPort === "number") listeners.set(Number(port), listenerPort);
  return listeners;
}

/** Whether `of` lists every ready address that `all` lists. */
export function covers(of: readonly EndpointSlice[], all: readonly EndpointSlice[]): boolean {
  const known = readyAddresses(of);
  return [...readyAddresses(all)].every((address) => known.has(address));
}

function readyAddresses(slices: readonly EndpointSlice[]): Set<string> {
  const addresses = new Set<string>();
  for (const { endpoints } of slices)
    for (const { addresses: own, conditions } of endpoints ?? [])
      if (conditions?.ready !== false && conditions?.terminating !== true)
        for (const address of own) addresses.add(address);
  return addresses;
}

function withoutNodePort(port: ServicePort): ServicePort {
  const { nodePort: _, ...rest } = port;
  return rest;
}

function isRouterSelector(selector: Readonly<Record<string, string>>): boolean {
  return Object.keys(selector).length === 1 && selector[NAME_LABEL] === ROUTER;
}

function isListener(
  { port, targetPort }: ServicePort,
  listeners: ReadonlyMap<number, number> | undefined,
): boolean {
  if (typeof targetPort !== "number") return false;
  if (listeners !== undefined) return listeners.get(port) === targetPort;
  return targetPort >= FIRST_LISTENER_PORT && targetPort <= LAST_LISTENER_PORT;
}

function samePort(a: ServicePort, b: ServicePort): boolean {
  return a.port === b.port && (a.protocol ?? "TCP") === (b.protocol ?? "TCP");
}

function shadowOriginal(shadow: Service | undefined): Original | undefined {
  if (shadow === undefined) return undefined;
  return { selector: shadow.spec.selector ?? {}, ports: shadow.spec.ports ?? [] };
}

function readOriginal(service: Service): Original | undefined {
  const value = parsed(service, ORIGINAL_ANNOTATION);
  if (value === undefined) return undefined;
  const { selector, ports } = value as Partial<Original>;
  if (typeof selector !== "object" || selector === null || !Array.isArray(ports)) return undefined;
  return { selector, ports };
}

function parsed(service: Service, annotation: string): Record<string, unknown> | undefined {
  const text = service.metadata.annotations?.[annotation];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
