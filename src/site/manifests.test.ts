import { describe, expect, test } from "bun:test";
import type { Deployment, Service } from "#api/builtin.ts";
import { validate } from "#api/registry.ts";
import { type Exposure, exposureOf } from "./link-access.ts";
import { ListenerPorts } from "./routers/listener-ports.ts";
import { installObjects, siteObject } from "./manifests.ts";
import { controllerRules } from "./rbac.ts";
import { accessServices, routerDeployment } from "./routers/router-workload.ts";

const OPTIONS = {
  namespace: "shop",
  siteName: "c1",
  image: "isthmus/isthmus:1",
  linkAccess: "LoadBalancer",
} as const;
const OWNER = { apiVersion: "isthmus.dev/v1alpha1", kind: "Site", name: "c1", uid: "u" };

describe("the rights of the controller", () => {
  const grants = controllerRules().flatMap(({ apiGroups = [], resources = [], resourceNames, verbs }) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => ({ group: apiGroups[0], resource, verb, names: resourceNames })),
    ),
  );
  test("hold no wildcard, no pods, no RBAC, and no list or watch of Secrets", () => {
    for (const { group, resource, verb } of grants) {
      expect([group, resource, verb]).not.toContain("*");
      expect(resource).not.toStartWith("pods");
      expect(group).not.toBe("rbac.authorization.k8s.io");
      if (resource === "secrets") expect(["list", "watch", "patch", "deletecollection"]).not.toContain(verb);
    }
  });
  test("change only Secrets, Leases and Deployments that are its own", () => {
    for (const { resource, verb, names } of grants) {
      if (!["secrets", "deployments", "leases"].includes(resource) || !["update", "patch"].includes(verb))
        continue;
      expect(names?.every((name) => name.startsWith("isthmus-"))).toBe(true);
    }
  });
});

describe("what is installed", () => {
  test("is namespaced, of one namespace, and holds no cluster role", () => {
    const objects = installObjects(OPTIONS);
    expect(objects.map(({ kind }) => kind)).toEqual([
      "ServiceAccount",
      "ServiceAccount",
      "Role",
      "RoleBinding",
      "ServiceAccount",
      "Role",
      "RoleBinding",
      "Service",
      "Deployment",
      "Site",
    ]);
    for (const { metadata } of objects) expect(metadata.namespace).toBe("shop");
  });
  test("has a Site that its own schema takes", () => {
    expect(validate("Site", siteObject(OPTIONS))).toEqual([]);
  });
  test("keeps the restricted Pod Security Standard, and no secret in arguments", () => {
    const controller = installObjects(OPTIONS).find(({ kind }) => kind === "Deployment") as Deployment;
    const router = routerDeployment({
      namespace: "shop",
      owner: OWNER,
      image: "i",
      replicas: 2,
      controlHost: "fd00::1",
      controlMark: "m",
    });
    for (const { spec } of [controller, router]) {
      const pod = spec.template.spec;
      expect(pod.securityContext?.runAsNonRoot).toBe(true);
      for (const { securityContext } of pod.containers) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
        });
      }
    }
    expect(router.spec.template.spec.containers[0]?.args).toContain("wss://[fd00::1]:7445");
    expect(router.spec.template.spec.automountServiceAccountToken).toBe(false);
  });
});

function of(spec: Service["spec"], status: Service["status"] = {}, nodeHost?: string): Exposure {
  const metadata = { name: "isthmus-router" };
  return exposureOf(
    { apiVersion: "v1", kind: "Service", metadata, spec, status },
    { port: "link", nodeHost },
  );
}

describe("access from other sites", () => {
  const ports = [{ name: "link", port: 7443, nodePort: 30_001 }];

  test("needs no Service when there is none wanted", () => {
    expect(accessServices({ namespace: "shop", owner: OWNER, linkAccess: "None" })).toEqual([]);
  });
  test("is by each address of a load balancer", () => {
    const ingress = [{ ip: "203.0.113.7" }, { hostname: "lb.example" }];
    expect(of({ type: "LoadBalancer", ports }, { loadBalancer: { ingress } })).toEqual({
      state: "assigned",
      addresses: [
        { host: "203.0.113.7", port: 7443 },
        { host: "lb.example", port: 7443 },
      ],
    });
    expect(of({ type: "LoadBalancer", ports })).toMatchObject({ state: "pending" });
  });
  test("is by the node's address and port", () => {
    expect(of({ type: "NodePort", ports }, {}, "192.0.2.1")).toEqual({
      state: "assigned",
      addresses: [{ host: "192.0.2.1", port: 30_001 }],
    });
    expect(of({ type: "NodePort", ports })).toMatchObject({ state: "pending" });
  });
  test("is by the cluster IP once there is one", () => {
    expect(of({ type: "ClusterIP", clusterIP: "10.0.0.1", ports })).toMatchObject({ state: "assigned" });
    expect(of({ type: "ClusterIP", ports })).toMatchObject({ state: "pending" });
  });
});

test("a listener port that was given back is not the next one given", () => {
  const ports = new ListenerPorts({ first: 10, last: 13 });
  const used = new Set<number>();
  for (const expected of [10, 11]) {
    const port = ports.allocate(used);
    expect(port).toBe(expected);
    used.add(expected);
  }
  used.delete(10);
  expect(ports.allocate(used)).toBe(12);
  ports.continueAfter(12);
  expect(ports.allocate(new Set([11, 12]))).toBe(13);
  expect(ports.allocate(new Set([11, 12, 13]))).toBe(10);
  expect(ports.allocate(new Set([10, 11, 12, 13]))).toBeUndefined();
});
