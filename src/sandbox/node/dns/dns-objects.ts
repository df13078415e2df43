import type { Stores } from "../stores.ts";

export const DNS_NAMESPACE = "kube-system";
export const COREFILE_NAME = "coredns";
const SERVICE = "kube-dns";
const SERVICE_NAME = "kubernetes.io/service-name";
const LABELS = {
  "k8s-app": "kube-dns",
  "kubernetes.io/cluster-service": "true",
  "kubernetes.io/name": "CoreDNS",
};

/** As clusters have it. Of its plugins the sandbox follows `forward`. */
export const DEFAULT_COREFILE = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods disabled
       fallthrough in-addr.arpa ip6.arpa
       ttl 5
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}
`;

const PORTS = [
  { name: "dns", port: 53, protocol: "UDP", targetPort: 53 },
  { name: "dns-tcp", port: 53, protocol: "TCP", targetPort: 53 },
];

/**
 * Makes Service kube-dns, its EndpointSlice and the ConfigMap coredns where they are missing, and answers the address of the Service.
 * It is its own endpoint: the cluster's DNS listens there itself.
 */
export function publishDns(stores: Stores, wanted: string): string {
  if (stores.namespaces.get("", DNS_NAMESPACE) === undefined)
    stores.namespaces.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: DNS_NAMESPACE } });
  if (stores.configMaps.get(DNS_NAMESPACE, COREFILE_NAME) === undefined) {
    stores.configMaps.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: COREFILE_NAME, namespace: DNS_NAMESPACE },
      data: { Corefile: DEFAULT_COREFILE },
    });
  }
  const address = stores.services.get(DNS_NAMESPACE, SERVICE)?.spec.clusterIP ?? makeService(stores, wanted);
  if (stores.slices.get(DNS_NAMESPACE, SERVICE) === undefined) {
    stores.slices.create({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: SERVICE, namespace: DNS_NAMESPACE, labels: { ...LABELS, [SERVICE_NAME]: SERVICE } },
      addressType: "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
      ports: PORTS.map(({ name, port, protocol }) => ({ name, port, protocol })),
    });
  }
  return address;
}

function makeService(stores: Stores, wanted: string): string {
  const service = (address?: string) =>
    stores.services.create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: SERVICE, namespace: DNS_NAMESPACE, labels: LABELS },
      spec: { type: "ClusterIP", ports: PORTS, ...(address === undefined ? {} : { clusterIP: address }) },
    }).spec.clusterIP ?? "";
  try {
    return service(wanted);
  } catch {
    // A cluster that was made without DNS may have given the address away.
    return service();
  }
}
