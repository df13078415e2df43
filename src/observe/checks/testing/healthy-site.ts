import type { KubeObject } from "#api/object.ts";
import { crds } from "#api/registry.ts";
import { RESOURCES } from "#api/resources.ts";
import { VERSION } from "#core/version.ts";
import { createServerCertificate } from "#pki/tls-server.ts";
import { type MemoryKube, memoryKube } from "./memory-kube.ts";

const AT = "2026-01-01T00:00:00Z";
/** The wall clock of the tests, ms. */
export const NOW_MS = Date.parse("2026-01-02T00:00:00Z");
const DAYS = 30;
const made = createServerCertificate({ hosts: ["site"], now: Date.parse(AT), days: DAYS });

export function condition(type: string, status: "True" | "False", message = ""): object {
  return { type, status, reason: type, message, lastTransitionTime: AT };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Site "east" of namespace "shop", linked to "west", with an export, an import and a policy; all is well. */
export async function healthySite(): Promise<MemoryKube> {
  const kube = memoryKube();
  const { certificate, key, ca } = await made;
  kube.put(RESOURCES.namespaces, { metadata: { name: "shop" } });
  for (const crd of crds())
    kube.put(RESOURCES.customResourceDefinitions, { ...crd, metadata: { ...crd.metadata } });
  kube.put(RESOURCES.sites, siteObject());
  for (const name of ["isthmus-controller", "isthmus-router"]) {
    kube.put(RESOURCES.deployments, {
      metadata: { name, labels: { "app.kubernetes.io/name": name } },
      spec: { replicas: 1 },
      status: { readyReplicas: 1, updatedReplicas: 1 },
    });
  }
  kube.put(RESOURCES.pods, {
    metadata: { name: "isthmus-controller-0", labels: { "app.kubernetes.io/name": "isthmus-controller" } },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
  kube.pods.set("isthmus-controller-0 /v1/state", { version: VERSION, leader: "isthmus-controller-0_abc" });
  kube.put(RESOURCES.secrets, {
    metadata: { name: "isthmus-site" },
    data: {
      "client.crt": base64(certificate),
      "client.key": base64(key),
      "server.crt": base64(certificate),
      "server.key": base64(key),
      trust: base64(ca),
    },
  });
  kube.put(RESOURCES.secrets, {
    metadata: { name: "isthmus-control" },
    data: { "tls.crt": base64(certificate), "join-tls.crt": base64(certificate) },
  });
  kube.put(RESOURCES.links, linkObject("True", "Linked"));
  kube.put(RESOURCES.serviceExports, {
    metadata: { name: "web" },
    status: {
      conditions: [condition("Valid", "True"), condition("Ready", "True"), condition("Conflict", "False")],
    },
  });
  kube.put(RESOURCES.endpointSlices, {
    metadata: { name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: true } }],
  });
  kube.put(RESOURCES.serviceImports, {
    metadata: { name: "db" },
    spec: { type: "ClusterSetIP", ips: ["10.1.0.1"], ports: [] },
    status: { clusters: [{ cluster: "west" }], conditions: [condition("Ready", "True")] },
  });
  kube.put(RESOURCES.endpointSlices, {
    metadata: { name: "db-west", labels: { "multicluster.kubernetes.io/service-name": "db" } },
    endpoints: [{ addresses: ["10.1.0.1"], conditions: { ready: true } }],
  });
  kube.put(RESOURCES.trafficPolicies, {
    metadata: { name: "db" },
    spec: {},
    status: { conditions: [condition("Ready", "True"), condition("TargetsFound", "True")] },
  });
  return kube;
}

export function siteObject(options: { ready?: "True" | "False"; reachable?: boolean } = {}): KubeObject &
  Record<string, unknown> & {
    metadata: { name: string } & Record<string, unknown>;
  } {
  const { ready = "True", reachable = true } = options;
  return {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "Site",
    metadata: { name: "east", creationTimestamp: AT },
    spec: { linkAccess: "LoadBalancer", router: { replicas: 1 } },
    status: {
      id: "e",
      network: "n",
      sitesInNetwork: 2,
      sites: [
        { id: "e", name: "east", version: VERSION, reachable: true, links: [{ site: "w", cost: 1 }] },
        { id: "w", name: "west", version: VERSION, reachable, links: [{ site: "e", cost: 1 }] },
      ],
      links: { incoming: [{ site: "w", name: "west" }] },
      conditions: [
        condition("Configured", "True", "The routers have the present configuration"),
        condition("Ready", ready, ready === "True" ? "" : "0 of 1 routers are connected"),
      ],
    },
  };
}

export function linkObject(
  operational: "True" | "False",
  message: string,
): { metadata: { name: string } } & Record<string, unknown> {
  return {
    metadata: { name: "west" },
    spec: { endpoints: [{ host: "10.0.0.9", port: 7443 }], cost: 4, lanes: 2 },
    status: {
      remoteSite: "west",
      remoteSiteId: "w",
      rttMs: 0.4,
      conditions: [condition("Operational", operational, message)],
    },
  };
}
