import {
  type AdmissionHook,
  type AdmissionRequest,
  ApiError,
  type KubeObject,
} from "../../apiserver/cluster-api.ts";
import type { Service, ServicePort, ServiceSpec } from "../types.ts";
import { AddressPool, clusterIps, loadBalancerIps } from "./addresses.ts";

const NODE_PORTS = { from: 30_000, to: 32_767 };

/**
 * Gives Services their ClusterIP, node ports and LoadBalancer address before they are stored, and refuses those that
 * are taken or out of range. `track` tells it what is stored.
 */
export class ServiceAdmission implements AdmissionHook {
  readonly #clusterIps: AddressPool;
  readonly #loadBalancerIps: AddressPool;
  readonly #nodePorts = new Set<number>();
  #nextNodePort = NODE_PORTS.from;

  constructor(index: number) {
    this.#clusterIps = new AddressPool(clusterIps(index));
    this.#loadBalancerIps = new AddressPool(loadBalancerIps(index));
  }

  /** Follows what is stored: called for every change, and for what is there at the start. */
  track(type: "ADDED" | "MODIFIED" | "DELETED", service: Service, old: Service | undefined): void {
    if (old !== undefined) this.#release(old);
    if (type !== "DELETED") this.#adopt(service);
  }

  /** Notes what a stored Service holds. */
  #adopt(service: Service): void {
    const { clusterIP } = service.spec;
    if (clusterIP !== undefined && clusterIP !== "None" && clusterIP !== "")
      this.#clusterIps.reserve(clusterIP);
    const ingress = loadBalancerIp(service);
    if (ingress !== undefined) this.#loadBalancerIps.reserve(ingress);
    for (const { nodePort } of service.spec.ports ?? [])
      if (nodePort !== undefined) this.#nodePorts.add(nodePort);
  }

  #release(service: Service): void {
    if (service.spec.clusterIP !== undefined) this.#clusterIps.release(service.spec.clusterIP);
    const ingress = loadBalancerIp(service);
    if (ingress !== undefined) this.#loadBalancerIps.release(ingress);
    for (const { nodePort } of service.spec.ports ?? [])
      if (nodePort !== undefined) this.#nodePorts.delete(nodePort);
  }

  admit(request: AdmissionRequest): KubeObject {
    const { resource, operation, subresource, object } = request;
    if (resource !== "services" || operation === "delete" || subresource !== undefined) return object;
    const service = object as Service;
    const old = request.old as Service | undefined;
    const taken: (() => void)[] = [];
    try {
      this.#fill(service, { old, taken });
    } catch (error) {
      for (const giveBack of taken) giveBack();
      throw error;
    }
    if (request.dryRun) for (const giveBack of taken) giveBack();
    return service;
  }

  #fill(service: Service, { old, taken }: { old: Service | undefined; taken: (() => void)[] }): void {
    const { spec } = service;
    spec.type ??= "ClusterIP";
    if (spec.type === "ExternalName") {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      return;
    }
    for (const port of spec.ports ?? []) {
      port.protocol ??= "TCP";
      if (port.targetPort === undefined || port.targetPort === "") port.targetPort = port.port;
    }
    this.#fillClusterIp(service, { old, taken });
    spec.ipFamilies ??= ["IPv4"];
    spec.ipFamilyPolicy ??= "SingleStack";
    spec.internalTrafficPolicy ??= "Cluster";
    if (spec.type === "NodePort" || spec.type === "LoadBalancer") {
      spec.externalTrafficPolicy ??= "Cluster";
      const skip = spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts === false;
      if (!skip) for (const port of spec.ports ?? []) this.#fillNodePort(port, { service, old, taken });
    } else {
      for (const port of spec.ports ?? []) delete port.nodePort;
      delete spec.externalTrafficPolicy;
    }
    this.#fillLoadBalancer(service, { old, taken });
  }

  #fillClusterIp(
    service: Service,
    { old, taken }: { old: Service | undefined; taken: (() => void)[] },
  ): void {
    const { spec } = service;
    const before = old?.spec.clusterIP;
    // `kubectl apply` and clients that do not know the address leave it out: that means "as it is".
    if ((spec.clusterIP ?? "") === "" && before !== undefined && before !== "") spec.clusterIP = before;
    if ((spec.clusterIP ?? "") === "") {
      const address = this.#clusterIps.take();
      if (address === undefined)
        throw new ApiError(500, "InternalError", "No free ClusterIP is left in this cluster");
      taken.push(() => this.#clusterIps.release(address));
      spec.clusterIP = address;
    } else if (spec.clusterIP !== before && spec.clusterIP !== "None") {
      const address = spec.clusterIP ?? "";
      if (before !== undefined && before !== "")
        refuse(service, {
          field: "spec.clusterIPs[0]",
          text: `Invalid value: "${address}": may not change once set`,
        });
      if (!this.#clusterIps.contains(address) && !/^127\.\d+\.128\.1$/.test(address)) {
        refuse(service, {
          field: "spec.clusterIPs",
          text: `Invalid value: "${address}": the provided IP is not in the valid range`,
        });
      }
      if (!this.#clusterIps.reserve(address)) {
        refuse(service, {
          field: "spec.clusterIPs",
          text: `Invalid value: "${address}": provided IP is already allocated`,
        });
      }
      taken.push(() => this.#clusterIps.release(address));
    }
    spec.clusterIPs = [spec.clusterIP ?? ""];
  }

  #fillNodePort(
    port: ServicePort,
    { service, old, taken }: { service: Service; old: Service | undefined; taken: (() => void)[] },
  ): void {
    const before = old?.spec.ports?.find(
      (each) => each.port === port.port && (each.name ?? "") === (port.name ?? ""),
    );
    const held = new Set(old?.spec.ports?.map((each) => each.nodePort));
    port.nodePort ??= before?.nodePort ?? this.#freeNodePort();
    if (held.has(port.nodePort)) return;
    const { nodePort } = port;
    if (nodePort < NODE_PORTS.from || nodePort > NODE_PORTS.to) {
      refuse(service, {
        field: "spec.ports.nodePort",
        text: `Invalid value: ${nodePort}: provided port is not in the valid range. The range of valid ports is 30000-32767`,
      });
    }
    if (this.#nodePorts.has(nodePort)) {
      refuse(service, {
        field: "spec.ports.nodePort",
        text: `Invalid value: ${nodePort}: provided port is already allocated`,
      });
    }
    this.#nodePorts.add(nodePort);
    taken.push(() => this.#nodePorts.delete(nodePort));
  }

  #freeNodePort(): number {
    for (let tried = NODE_PORTS.from; tried <= NODE_PORTS.to; tried++) {
      const port = this.#nextNodePort;
      this.#nextNodePort = port === NODE_PORTS.to ? NODE_PORTS.from : port + 1;
      if (!this.#nodePorts.has(port)) return port;
    }
    throw new ApiError(500, "InternalError", "No free node port is left in this cluster");
  }

  /** There is no cloud to wait for: the address is there at once. */
  #fillLoadBalancer(
    service: Service,
    { old, taken }: { old: Service | undefined; taken: (() => void)[] },
  ): void {
    const before = old === undefined ? undefined : loadBalancerIp(old);
    if (service.spec.type !== "LoadBalancer") {
      service.status = { loadBalancer: {} };
      if (before !== undefined) this.#loadBalancerIps.release(before);
      return;
    }
    const wanted = service.spec.loadBalancerIP;
    let ip = before;
    if (ip === undefined && wanted !== undefined && this.#loadBalancerIps.contains(wanted)) {
      if (this.#loadBalancerIps.reserve(wanted)) ip = wanted;
    }
    if (ip === undefined) {
      const address = this.#loadBalancerIps.take();
      if (address === undefined)
        throw new ApiError(500, "InternalError", "No free LoadBalancer address is left");
      taken.push(() => this.#loadBalancerIps.release(address));
      ip = address;
    }
    service.status = { loadBalancer: { ingress: [{ ip, ipMode: "VIP" }] } };
  }
}

/** The address that a LoadBalancer Service was given. */
export function loadBalancerIp(service: {
  spec: ServiceSpec;
  status?: Service["status"];
}): string | undefined {
  return service.status?.loadBalancer?.ingress?.[0]?.ip;
}

function refuse(service: Service, { field, text }: { field: string; text: string }): never {
  const message = `Service "${service.metadata.name}" is invalid: ${field}: ${text}`;
  throw new ApiError(422, "Invalid", message, {
    name: service.metadata.name,
    kind: "Service",
    causes: [{ reason: "FieldValueInvalid", message: text, field }],
  });
}
