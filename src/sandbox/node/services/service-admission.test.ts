import { describe, expect, test } from "bun:test";
import { type AdmissionRequest, ApiError } from "../../apiserver/cluster-api.ts";
import type { Service, ServiceSpec } from "../types.ts";
import { ServiceAdmission } from "./service-admission.ts";

function service(spec: ServiceSpec): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "default" }, spec };
}

function admit(
  admission: ServiceAdmission,
  object: Service,
  more: { old?: Service; dryRun?: boolean } = {},
): Service {
  const request = {
    resource: "services",
    operation: more.old === undefined ? "create" : "update",
    namespace: "default",
    name: "web",
    object: structuredClone(object),
    user: { name: "test", groups: [] },
    dryRun: false,
    ...more,
  } as unknown as AdmissionRequest;
  return admission.admit(request) as Service;
}

const ports = [{ port: 80 }];

describe("service addresses", () => {
  test("are given once each, and kept through updates that do not name them", () => {
    const admission = new ServiceAdmission(9);
    const first = admit(admission, service({ ports }));
    const second = admit(admission, service({ ports }));
    expect([first.spec.clusterIP, second.spec.clusterIP]).toEqual(["127.9.128.2", "127.9.128.3"]);
    expect(admit(admission, service({ ports }), { old: first }).spec.clusterIP).toBe("127.9.128.2");
    expect(first.spec.ports?.[0]?.targetPort).toBe(80);
  });

  test("of LoadBalancers are there at once, and are given back when the type changes", () => {
    const admission = new ServiceAdmission(9);
    const balancer = admit(admission, service({ type: "LoadBalancer", ports }));
    expect(balancer.status?.loadBalancer?.ingress).toEqual([{ ip: "127.9.240.1", ipMode: "VIP" }]);
    expect(balancer.spec.ports?.[0]?.nodePort).toBe(30_000);
    const plain = admit(admission, service({ ...balancer.spec, type: "ClusterIP", ports }), {
      old: balancer,
    });
    admission.track("MODIFIED", plain, balancer);
    expect(plain.status).toEqual({ loadBalancer: {} });
    expect(plain.spec.ports?.[0]?.nodePort).toBeUndefined();
    expect(
      admit(admission, service({ type: "NodePort", ports: [{ port: 80, nodePort: 30_000 }] })).spec.type,
    ).toBe("NodePort");
  });

  test("that are taken, foreign or changed are refused, with nothing held", () => {
    const admission = new ServiceAdmission(9);
    const first = admit(admission, service({ ports }));
    const refused = (spec: ServiceSpec, old?: Service): string => {
      try {
        admit(admission, service(spec), old === undefined ? {} : { old });
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
        return (error as ApiError).message;
      }
      return "admitted";
    };
    expect(refused({ clusterIP: first.spec.clusterIP ?? "", ports })).toContain("already allocated");
    expect(refused({ clusterIP: "10.0.0.1", ports })).toContain("not in the valid range");
    expect(refused({ clusterIP: "127.9.130.1", ports }, first)).toContain("may not change once set");
    expect(refused({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] })).toContain("30000-32767");
    // The refusal above gave its ClusterIP back: a named one is free again.
    expect(admit(admission, service({ clusterIP: "127.9.128.3", ports })).spec.clusterIP).toBe("127.9.128.3");
  });

  test("are not held by a dry run, and are known again after a restart", () => {
    const admission = new ServiceAdmission(9);
    const asked = admit(admission, service({ ports }), { dryRun: true });
    expect(admit(admission, service({ clusterIP: asked.spec.clusterIP ?? "", ports })).spec.clusterIP).toBe(
      "127.9.128.2",
    );
    const later = new ServiceAdmission(9);
    later.track("ADDED", admit(new ServiceAdmission(9), service({ ports })), undefined);
    expect(admit(later, service({ ports })).spec.clusterIP).toBe("127.9.128.3");
  });
});
