import { messageOf } from "#core/errors.ts";
import type { ControllerContext } from "../controllers/context.ts";
import { KeyedQueue } from "../keyed-queue.ts";
import { keyOf, splitKey } from "../store.ts";
import type { EndpointSlice, Service, ServicePort } from "../types.ts";
import { Backends, Forwarder, type Target } from "./forwarder.ts";
import { loadBalancerIp } from "./service-admission.ts";
import { UdpForwarder } from "./udp-forwarder.ts";

const SERVICE_NAME = "kubernetes.io/service-name";
const LISTEN_RETRY_MS = 5000;

interface PortState {
  readonly backends: Backends;
  /** By `host:port`. */
  readonly forwarders: Map<string, Listening>;
}

interface Listening {
  stop(): void;
}

type Protocol = "TCP" | "UDP";

/**
 * kube-proxy of the sandbox: a forwarder, TCP or UDP, on every ClusterIP, node port and LoadBalancer address. An address with no
 * endpoint behind it is not listened on, so that clients are refused, as kube-proxy does; nor one that is its own endpoint.
 */
export class ServiceProxy {
  readonly #context: ControllerContext;
  readonly #nodeIp: string;
  readonly #queue: KeyedQueue;
  /** By service key, then by port name and number. */
  readonly #services = new Map<string, Map<string, PortState>>();
  readonly #complained = new Set<string>();
  #stopped = false;

  constructor(context: ControllerContext, options: { nodeIp: string }) {
    this.#context = context;
    this.#nodeIp = options.nodeIp;
    const { stores, clock } = context;
    this.#queue = new KeyedQueue({ name: "service-proxy", clock, handle: (key) => this.#reconcile(key) });
    stores.services.onChange((_type, service) => this.#queue.add(keyOf(service)));
    stores.slices.onChange((_type, slice) => {
      const name = slice.metadata.labels?.[SERVICE_NAME];
      if (name !== undefined) this.#queue.add(`${slice.metadata.namespace ?? ""}/${name}`);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#queue.stop();
    for (const ports of this.#services.values()) for (const port of ports.values()) stopPort(port);
    this.#services.clear();
  }

  #reconcile(key: string): void {
    if (this.#stopped) return;
    const { namespace, name } = splitKey(key);
    const { stores } = this.#context;
    const service = stores.services.get(namespace, name);
    const slices = stores.slices
      .list(namespace)
      .filter((slice) => slice.metadata.labels?.[SERVICE_NAME] === name && slice.addressType === "IPv4");
    const present = this.#services.get(key) ?? new Map<string, PortState>();
    const wanted = new Set<string>();
    if (service !== undefined) {
      for (const port of service.spec.ports ?? []) {
        const protocol = protocolOf(port);
        if (protocol === undefined) continue;
        const id = `${protocol}:${port.name ?? ""}:${port.port}`;
        wanted.add(id);
        let state = present.get(id);
        if (state === undefined)
          present.set(id, (state = { backends: new Backends(), forwarders: new Map() }));
        state.backends.targets = targetsOf(slices, { port, protocol });
        this.#listen(state, { service, port, protocol });
      }
    }
    for (const [id, state] of present) {
      if (wanted.has(id)) continue;
      stopPort(state);
      present.delete(id);
    }
    if (present.size === 0) this.#services.delete(key);
    else this.#services.set(key, present);
  }

  #listen(
    state: PortState,
    { service, port, protocol }: { service: Service; port: ServicePort; protocol: Protocol },
  ): void {
    const { backends, forwarders } = state;
    const isSelf = (own: Target): boolean =>
      backends.targets.some((target) => target.host === own.host && target.port === own.port);
    const addresses =
      backends.targets.length === 0
        ? []
        : this.#addressesOf(service, port).filter((address) => !isSelf(address));
    const wanted = new Set(addresses.map(({ host, port: number }) => `${host}:${number}`));
    for (const [address, forwarder] of forwarders) {
      if (wanted.has(address)) continue;
      forwarder.stop();
      forwarders.delete(address);
    }
    for (const { host, port: number } of addresses) {
      const address = `${host}:${number}`;
      if (forwarders.has(address)) continue;
      const failed = (error: unknown): void => {
        forwarders.delete(address);
        if (this.#stopped) return;
        this.#complain(service, { address: `${address}${protocol === "UDP" ? "/udp" : ""}`, error });
        this.#queue.addAfter(keyOf(service), LISTEN_RETRY_MS);
      };
      try {
        const forwarder =
          protocol === "TCP"
            ? new Forwarder({ host, port: number, backends })
            : new UdpForwarder({ host, port: number, backends, clock: this.#context.clock, failed });
        forwarders.set(address, forwarder);
        this.#complained.delete(address);
      } catch (error) {
        failed(error);
      }
    }
  }

  #addressesOf(service: Service, port: ServicePort): Target[] {
    const { clusterIP, type } = service.spec;
    if (type === "ExternalName" || clusterIP === undefined || clusterIP === "" || clusterIP === "None")
      return [];
    const addresses = [{ host: clusterIP, port: port.port }];
    const balancer = loadBalancerIp(service);
    if (balancer !== undefined) addresses.push({ host: balancer, port: port.port });
    if (port.nodePort !== undefined) addresses.push({ host: this.#nodeIp, port: port.nodePort });
    return addresses;
  }

  #complain(service: Service, { address, error }: { address: string; error: unknown }): void {
    if (this.#complained.has(address)) return;
    this.#complained.add(address);
    const code = (error as { code?: string }).code;
    const why =
      code === "EACCES"
        ? "ports below 1024 need root here; give the Service a higher port"
        : code === "EADDRINUSE"
          ? "something else listens on that port on all addresses"
          : messageOf(error);
    const message = `Cannot listen on ${address}: ${why}`;
    this.#context.events.record(service, { type: "Warning", reason: "ListenFailed", message });
  }
}

function stopPort(state: PortState): void {
  for (const forwarder of state.forwarders.values()) forwarder.stop();
  state.forwarders.clear();
}

/** Undefined for SCTP. */
function protocolOf({ protocol = "TCP" }: ServicePort): Protocol | undefined {
  return protocol === "TCP" || protocol === "UDP" ? protocol : undefined;
}

/** Ready endpoints; when there is none, those that still serve while they end (KEP-1669). */
function targetsOf(
  slices: readonly EndpointSlice[],
  { port, protocol }: { port: ServicePort; protocol: Protocol },
): Target[] {
  const ready: Target[] = [];
  const leaving: Target[] = [];
  for (const slice of slices) {
    const found = slice.ports?.find((each) => each.name === (port.name ?? "") && each.protocol === protocol);
    if (found === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const list = conditions.ready !== false ? ready : conditions.serving === true ? leaving : undefined;
      for (const host of addresses) list?.push({ host, port: found.port });
    }
  }
  return ready.length > 0 ? ready : leaving;
}
