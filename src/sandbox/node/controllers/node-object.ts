import { arch, cpus, release, totalmem } from "node:os";
import type { ClusterApi, KubeObject } from "../../apiserver/cluster-api.ts";
import { timestamp } from "../events.ts";
import type { AddressPlan } from "../services/addresses.ts";
import type { ControllerContext } from "./context.ts";

const MAX_PODS = 5000;

/** Writes the Node that stands for this machine. */
export function registerNode(
  context: ControllerContext,
  options: { plan: AddressPlan; version: string },
): void {
  const { stores, nodeName, clock } = context;
  const now = timestamp(clock.now());
  const labels = {
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": arch() === "x64" ? "amd64" : arch(),
    "node-role.kubernetes.io/control-plane": "",
  };
  if (stores.nodes.get("", nodeName) === undefined) {
    stores.nodes.create({ apiVersion: "v1", kind: "Node", metadata: { name: nodeName, labels }, spec: {} });
  }
  const amounts = {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(MAX_PODS),
  };
  const ready = {
    type: "Ready",
    status: "True",
    reason: "KubeletReady",
    message: "isthmus sandbox: pods are processes",
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  stores.nodes.mutateStatus({ namespace: "", name: nodeName }, (draft) => ({
    ...draft,
    status: {
      addresses: [
        { type: "InternalIP", address: options.plan.node },
        { type: "Hostname", address: nodeName },
      ],
      capacity: amounts,
      allocatable: amounts,
      conditions: [ready],
      nodeInfo: {
        machineID: "",
        systemUUID: "",
        bootID: "",
        kernelVersion: release(),
        osImage: "isthmus sandbox",
        containerRuntimeVersion: "process://1",
        kubeletVersion: options.version,
        kubeProxyVersion: options.version,
        operatingSystem: "linux",
        architecture: labels["kubernetes.io/arch"],
      },
    },
  }));
}

/** Writes the Service `kubernetes` with the API server's address behind it. */
export function publishApiServer(api: ClusterApi, options: { plan: AddressPlan; apiPort: number }): void {
  const { plan, apiPort } = options;
  const metadata = { name: "kubernetes", namespace: "default" };
  const labels = { component: "apiserver", provider: "kubernetes" };
  put(api, "services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata, labels },
    spec: {
      type: "ClusterIP",
      clusterIP: plan.kubernetes,
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: apiPort }],
    },
  });
  put(api, "endpoints", {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { ...metadata, labels },
    subsets: [{ addresses: [{ ip: plan.node }], ports: [{ name: "https", port: apiPort, protocol: "TCP" }] }],
  });
  put(api, "endpointslices.discovery.k8s.io", {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...metadata, labels: { ...labels, "kubernetes.io/service-name": "kubernetes" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [plan.node], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [{ name: "https", port: apiPort, protocol: "TCP" }],
  });
}

function put(api: ClusterApi, resource: string, object: KubeObject): void {
  const { name, namespace = "" } = object.metadata;
  if (api.get(resource, namespace, name) === undefined) api.create(resource, object);
  else {
    api.mutate(resource, namespace, name, (draft) => ({
      ...draft,
      ...object,
      metadata: { ...draft.metadata, labels: object.metadata.labels ?? {} },
    }));
  }
}
