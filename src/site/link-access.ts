import type { Service } from "#api/builtin.ts";

/** An address at which other sites reach this one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export type Exposure =
  | { readonly state: "assigned"; readonly addresses: readonly Address[] }
  | { readonly state: "pending"; readonly message: string };

/**
 * Where a port of a Service is reached from outside: the LoadBalancer's address, the node's for a NodePort, else the cluster IP.
 * Pending until the cluster has assigned it. `nodeHost`: an address of the node that this controller runs on; any node
 * answers a NodePort.
 */
export function exposureOf(
  service: Service | undefined,
  options: { port: string; nodeHost?: string | undefined },
): Exposure {
  if (service === undefined) return { state: "pending", message: "The Service is not made yet" };
  const name = service.metadata.name;
  const port = service.spec?.ports?.find((candidate) => candidate.name === options.port);
  if (port === undefined)
    return { state: "pending", message: `Service "${name}" has no port "${options.port}" yet` };
  switch (service.spec?.type) {
    case "LoadBalancer": {
      const hosts = (service.status?.loadBalancer?.ingress ?? []).flatMap(
        (entry) => entry.ip ?? entry.hostname ?? [],
      );
      if (hosts.length > 0)
        return { state: "assigned", addresses: hosts.map((host) => ({ host, port: port.port })) };
      return { state: "pending", message: `The load balancer of Service "${name}" has no address yet` };
    }
    case "NodePort": {
      if (options.nodeHost === undefined || options.nodeHost === "") {
        return { state: "pending", message: "The address of the node is not known (HOST_IP is not set)" };
      }
      if (port.nodePort === undefined)
        return { state: "pending", message: `Service "${name}" has no node port yet` };
      return { state: "assigned", addresses: [{ host: options.nodeHost, port: port.nodePort }] };
    }
    default: {
      const host = service.spec?.clusterIP;
      if (host !== undefined && host !== "" && host !== "None") {
        return { state: "assigned", addresses: [{ host, port: port.port }] };
      }
      return { state: "pending", message: `Service "${name}" has no cluster IP yet` };
    }
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(address: Address): string {
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
