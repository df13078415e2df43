import { describe, expect, test } from "bun:test";
import type { ConsoleSpec } from "#api/kinds/site.ts";
import { validate } from "#api/registry.ts";
import { siteObject } from "../manifests.ts";
import { consoleRbac } from "./console-rbac.ts";
import { consoleDeployment, consoleServices } from "./console-workload.ts";

const PLACE = {
  namespace: "shop",
  owner: { apiVersion: "isthmus.dev/v1alpha1", kind: "Site", name: "c1", uid: "u" },
};
const SPEC: ConsoleSpec = { enabled: true, auth: "Password", expose: "NodePort", hosts: ["console.example"] };
const SITE = siteObject({ namespace: "shop", siteName: "c1", linkAccess: "None" });

function podOf(spec: ConsoleSpec) {
  const made = consoleDeployment(PLACE, { spec, image: "isthmus/isthmus:1", network: "n1", mark: "m" });
  const { spec: pod } = made.spec.template;
  return { pod, container: pod?.containers[0] };
}

describe("the console of a Site", () => {
  test("keeps the restricted Pod Security Standard, writes to a volume only, and has no secret in its arguments", () => {
    const { pod, container } = podOf(SPEC);
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container?.args).toEqual([
      "console",
      "run",
      "--data",
      "/var/lib/isthmus",
      "--network",
      "n1",
      "--host",
      "isthmus-console",
      "--host",
      "isthmus-console.shop",
      "--host",
      "isthmus-console.shop.svc",
      "--host",
      "console.example",
    ]);
    const secrets = container?.env?.filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined) ?? [];
    expect(secrets.map(({ name }) => name)).toEqual([
      "ISTHMUS_CONSOLE_PASSWORD",
      "ISTHMUS_CONSOLE_CERTIFICATE",
      "ISTHMUS_CONSOLE_KEY",
    ]);
  });

  test("believes a proxy as the Site says", () => {
    const proxy = { header: "x-forwarded-user", addresses: ["10.0.0.1", "10.1.0.0/16"] };
    const { container } = podOf({ ...SPEC, auth: "ProxyHeader", proxy });
    expect(container?.args?.slice(-6)).toEqual([
      "--proxy-header",
      "x-forwarded-user",
      "--proxy-address",
      "10.0.0.1",
      "--proxy-address",
      "10.1.0.0/16",
    ]);
  });

  test("is reached by the type of Service that the Site says, and finds routers by a headless one", () => {
    const [own, routers] = consoleServices(PLACE, SPEC);
    expect([own?.spec.type, own?.spec.ports?.[0]?.port]).toEqual(["NodePort", 8460]);
    expect([routers?.spec.clusterIP, routers?.spec.ports?.[0]?.port]).toEqual(["None", 9901]);
  });

  test("may list EndpointSlices of its namespace, and nothing else", () => {
    const role = consoleRbac("shop", {}).find(({ kind }) => kind === "Role");
    expect(role).toMatchObject({
      metadata: { namespace: "shop" },
      rules: [{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"] }],
    });
  });

  test("is refused when the Site asks for a proxy without saying which", () => {
    const good = { ...SITE, spec: { ...SITE.spec, console: SPEC } };
    expect(validate("Site", good)).toEqual([]);
    const bad = { ...SITE, spec: { ...SITE.spec, console: { ...SPEC, auth: "ProxyHeader" } } };
    expect(
      validate("Site", bad)
        .map(({ message }) => message)
        .join(),
    ).toContain("ProxyHeader needs proxy.header and proxy.addresses");
  });
});
