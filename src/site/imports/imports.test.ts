import { describe, expect, test } from "bun:test";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { clusterLabel } from "./cluster-id.ts";
import { listenersOf, planImports } from "./imports.ts";
import { EXPORTERS_ANNOTATION, IMPORT_LABEL } from "../names.ts";
import type { SiteState } from "../network-view.ts";

const PORT = { name: "http", port: 8080, protocol: "TCP" as const };

function site(
  name: string,
  services: string[],
  options: { reachable?: boolean; ports?: (typeof PORT)[] } = {},
): SiteState {
  const { reachable = true, ports = [PORT] } = options;
  return {
    id: `id-${name}`,
    name,
    namespace: "shop",
    version: "1",
    reachable,
    links: [],
    services: services.map((service) => ({ service, ports, endpoints: [] })),
  };
}

function imported(
  name: string,
  options: { clusters?: string[]; annotation?: string; ports?: (typeof PORT)[] } = {},
): ServiceImport {
  const { clusters, annotation, ports = [PORT] } = options;
  return {
    apiVersion: "multicluster.x-k8s.io/v1beta1",
    kind: "ServiceImport",
    metadata: {
      name,
      namespace: "shop",
      labels: { [IMPORT_LABEL]: "true" },
      ...(annotation === undefined ? {} : { annotations: { [EXPORTERS_ANNOTATION]: annotation } }),
    },
    spec: { type: "ClusterSetIP", ports },
    ...(clusters === undefined ? {} : { status: { clusters: clusters.map((cluster) => ({ cluster })) } }),
  };
}

describe("planImports", () => {
  const cases: {
    name: string;
    sites: SiteState[] | undefined;
    imports?: ServiceImport[];
    desired: Record<string, string[]>;
    gone?: string[];
  }[] = [
    {
      name: "imports what a reachable site exports",
      sites: [site("c2", ["shop/a"])],
      desired: { a: ["c2"] },
    },
    {
      name: "names all exporters, this site too",
      sites: [site("c1", ["shop/a"]), site("c2", ["shop/a"])],
      desired: { a: ["c1", "c2"] },
    },
    { name: "ignores services of other namespaces", sites: [site("c2", ["other/a"])], desired: {} },
    {
      name: "makes nothing new of what an unreachable site said",
      sites: [site("c2", ["shop/a"], { reachable: false })],
      desired: {},
    },
    {
      name: "keeps an import while its exporter is unreachable, although that says nothing of it",
      sites: [site("c2", [], { reachable: false })],
      imports: [imported("a", { clusters: ["c2"] })],
      desired: { a: ["c2"] },
    },
    {
      name: "keeps an import whose exporter is not known at all",
      sites: [site("c1", [])],
      imports: [imported("a", { clusters: ["c9"] })],
      desired: { a: ["c9"] },
    },
    {
      name: "keeps all while no router has spoken",
      sites: undefined,
      imports: [imported("a", { clusters: ["c2"] })],
      desired: { a: ["c2"] },
    },
    {
      name: "drops one exporter of two that is reachable and exports no more",
      sites: [site("c2", []), site("c3", ["shop/a"])],
      imports: [imported("a", { clusters: ["c2", "c3"] })],
      desired: { a: ["c3"] },
    },
    {
      name: "is gone when every exporter is reachable and exports no more",
      sites: [site("c2", []), site("c3", [])],
      imports: [imported("a", { clusters: ["c2", "c3"] })],
      desired: {},
      gone: ["a"],
    },
    {
      name: "stays when one exporter withdrew and the other is silent",
      sites: [site("c2", []), site("c3", ["shop/a"], { reachable: false })],
      imports: [imported("a", { clusters: ["c2", "c3"] })],
      desired: { a: ["c3"] },
    },
    {
      name: "stays when one of two sites of the same name is silent",
      sites: [site("c2", []), { ...site("c2", [], { reachable: false }), id: "old" }],
      imports: [imported("a", { clusters: ["c2"] })],
      desired: { a: ["c2"] },
    },
    {
      name: "knows the exporters of an import whose status was never written",
      sites: [site("c1", [])],
      imports: [imported("a", { annotation: "c2" })],
      desired: { a: ["c2"] },
    },
    {
      name: "takes no service with the name of one of ours, nor with one that no Service can have",
      sites: [
        site("c2", [
          "shop/isthmus-controller",
          "shop/isthmus-router",
          "shop/isthmus-join",
          "shop/a.b",
          "shop/A",
        ]),
      ],
      desired: {},
    },
  ];
  for (const { name, sites, imports = [], desired, gone = [] } of cases) {
    test(name, () => {
      const plan = planImports({ namespace: "shop", sites, imports });
      expect(Object.fromEntries(plan.desired.map((one) => [one.name, [...one.exporters]]))).toEqual(desired);
      expect([...plan.gone]).toEqual(gone);
    });
  }

  test("keeps the ports of an import while nobody who offers it is known", () => {
    const imports = [imported("a", { clusters: ["c2"] })];
    const [kept] = planImports({ namespace: "shop", sites: [], imports }).desired;
    expect(kept?.ports).toEqual([{ name: "http", port: 8080 }]);
    expect(kept?.conflicts).toBeUndefined();
  });

  test("stops at 5,000 services, so that a site that offers without end does not fill the cluster", () => {
    const many = site(
      "c2",
      Array.from({ length: 5010 }, (_, index) => `shop/s${index}`),
    );
    expect(planImports({ namespace: "shop", sites: [many], imports: [] }).desired).toHaveLength(5000);
  });
});

test("several ports of a Service have names, those of the import stay as they are", () => {
  const ports = [
    { name: "http", port: 80, protocol: "TCP" as const },
    { port: 82, protocol: "TCP" as const },
  ];
  const sites = [{ ...site("c2", []), services: [{ service: "shop/a", ports, endpoints: [] }] }];
  const [desired] = planImports({ namespace: "shop", sites, imports: [] }).desired;
  expect(desired?.spec.ports).toEqual([
    { name: "http", protocol: "TCP", port: 80 },
    { protocol: "TCP", port: 82 },
  ]);
  expect(desired?.ports).toEqual([
    { name: "http", port: 80 },
    { name: "port-82", port: 82 },
  ]);
});

function exporting(name: string, terms: object): SiteState {
  return { ...site(name, []), services: [{ service: "shop/a", ports: [PORT], terms, endpoints: [] }] };
}

describe("what another cluster says of a service", () => {
  const headless = { type: "Headless", createdMs: 5, ipFamilies: ["IPv4", "IPv6"] };
  test("is merged: the oldest export wins, wherever it is", () => {
    const sites = [exporting("c1", { type: "ClusterSetIP", createdMs: 9 }), exporting("c2", headless)];
    const [desired] = planImports({ namespace: "shop", sites, imports: [] }).desired;
    expect(desired?.spec.type).toBe("Headless");
    expect(desired?.ports).toEqual([]);
    expect(desired?.ipFamilies).toEqual(["IPv4", "IPv6"]);
    expect(desired?.conflicts?.map(({ reason }) => reason)).toEqual(["TypeConflict"]);
  });

  test("stays as it was while that cluster is silent", () => {
    const sites = [
      { ...exporting("c2", headless), reachable: false },
      exporting("c1", { type: "ClusterSetIP", createdMs: 9 }),
    ];
    const imports = [imported("a", { clusters: ["c1", "c2"] })];
    const [desired] = planImports({ namespace: "shop", sites, imports }).desired;
    expect(desired?.spec.type).toBe("Headless");
    expect(desired?.sources).toMatchObject([
      { cluster: "c2", heard: false, ports: [{ name: "http", port: 8080 }], ready: false },
      { cluster: "c1", heard: true, ports: [{ name: "http", port: 8080 }], ready: false },
    ]);
  });

  test("of an exporter that nobody has heard of yet, what the import says stays, and nothing is judged", () => {
    const imports = [imported("a", { clusters: ["c1", "c9"], ports: [{ ...PORT, port: 9 }] })];
    const sites = [exporting("c1", headless)];
    const [desired] = planImports({ namespace: "shop", sites, imports }).desired;
    expect(desired?.spec.type).toBe("ClusterSetIP");
    expect(desired?.spec.ports).toEqual([{ name: "http", port: 9, protocol: "TCP" }]);
    expect(desired?.conflicts).toBeUndefined();
  });

  test("gives no label or annotation that means something to Isthmus or Kubernetes, or that an API server refuses", () => {
    const labels = {
      ok: "1",
      "a.b/c": "x",
      "isthmus.dev/import": "x",
      "app.kubernetes.io/name": "x",
      "not a key": "x",
      bad: "a b",
    };
    const annotations = { note: "any text: ü", "kubectl.kubernetes.io/last-applied-configuration": "{}" };
    const sites = [exporting("c2", { labels, annotations })];
    const [desired] = planImports({ namespace: "shop", sites, imports: [] }).desired;
    expect(desired?.labels).toEqual({ ok: "1", "a.b/c": "x" });
    expect(desired?.annotations).toEqual({ note: "any text: ü" });
  });
});

test("a cluster's name becomes a DNS label", () => {
  expect(clusterLabel("East.Prod_1")).toBe("east-prod-1");
  expect(clusterLabel("--")).toBe("unnamed");
  expect(clusterLabel("x".repeat(80))).toHaveLength(63);
});

test("only Services with our label give listeners", () => {
  const [ours, theirs] = [{ [IMPORT_LABEL]: "true" }, {}].map((labels, index) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: index === 0 ? "a" : "b", namespace: "shop", labels },
    spec: { ports: [{ port: 8080, targetPort: 10_003 }] },
  }));
  if (ours === undefined || theirs === undefined) throw new Error("unreachable");
  expect(listenersOf([ours, theirs])).toEqual([
    { service: "shop/a", port: 8080, listenerPort: 10_003, protocol: "auto" },
  ]);
});
