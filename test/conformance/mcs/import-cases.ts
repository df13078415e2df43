import type { ServiceSpec } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { type Case, check, same, stays } from "./case.ts";
import { type Cluster, eventually, helloSpec, PORT, tcpPort } from "./clusters.ts";

type Both = readonly [Cluster, Cluster];
const HEADLESS = { clusterIP: "None" } as const;
/** Creation times count in seconds: the second export has to be younger for certain. */
const YOUNGER_MS = 1100;

/** The first cluster exports its Service; a while later the second makes one of that name, and exports it too. */
async function exportBoth(
  service: string,
  clusters: Both,
  options: {
    specs: readonly [object, object];
    exports?: readonly [object, object];
  },
): Promise<void> {
  const { specs, exports = [{}, {}] } = options;
  await clusters[0].deploy(service, helloSpec(specs[0]));
  await clusters[0].export(service, exports[0]);
  for (const cluster of clusters) await cluster.untilImport(service);
  await Bun.sleep(YOUNGER_MS);
  await clusters[1].deploy(service, helloSpec(specs[1]));
  await clusters[1].export(service, exports[1]);
}

async function untilConflict(service: string, clusters: Both, reason: string): Promise<void> {
  for (const cluster of clusters)
    await cluster.untilCondition(service, { type: "Conflict", status: "True", reason });
}

async function exported(service: string, cluster: Cluster, spec: object = {}): Promise<void> {
  await cluster.deploy(service, helloSpec(spec));
  await cluster.export(service);
}

/** The ServiceImport of each cluster once the first exports the Service. */
async function importsOf(service: string, clusters: Both, spec: object = {}): Promise<ServiceImport[]> {
  await exported(service, clusters[0], spec);
  return await Promise.all(clusters.map((cluster) => cluster.untilImport(service)));
}

async function comesAndGoes(
  service: string,
  clusters: Both,
  options: { spec: object; type: string },
): Promise<void> {
  const imports = await importsOf(service, clusters, options.spec);
  for (const [index, cluster] of clusters.entries())
    same(imports[index]?.spec.type, options.type, `type in ${cluster.name}`);
  await clusters[0].untilCondition(service, { type: "Valid", status: "True" });
  await clusters[0].unexport(service);
  for (const cluster of clusters) await cluster.untilNoImport(service);
}

/** Everywhere, of the first cluster's Service. */
async function copies(
  service: string,
  clusters: Both,
  options: { spec?: object; as: (found: ServiceImport["spec"], service: ServiceSpec) => boolean },
): Promise<void> {
  await exported(service, clusters[0], options.spec);
  const { spec } = await clusters[0].service(service);
  for (const cluster of clusters) await cluster.untilImport(service, (found) => options.as(found.spec, spec));
}

function portsText(ports: readonly object[] = []): string {
  return ports
    .map((port) => {
      const { name, protocol, port: number, appProtocol } = port as ServiceImport["spec"]["ports"][number];
      return JSON.stringify([name, protocol, number, appProtocol]);
    })
    .toSorted()
    .join();
}

function has(map: Readonly<Record<string, string>> | undefined, key: string): boolean {
  return map?.[key] !== undefined;
}

/** Of the API objects: cases 1 to 16 of the upstream suite. */
export const importCases: readonly Case[] = [
  {
    name: "an import is there as long as one cluster exports the service",
    required: true,
    section: "importing-services",
    run: async (service, clusters) => {
      await exportBoth(service, clusters, { specs: [{}, {}] });
      const isThere = async (): Promise<boolean> => (await clusters[0].import(service)) !== undefined;
      await stays(isThere, "the import is gone although two clusters export the service", 2000);
      await clusters[0].unexport(service);
      await stays(isThere, "the import is gone with the first export");
      await clusters[1].unexport(service);
      for (const cluster of clusters) await cluster.untilNoImport(service);
    },
  },
  {
    name: "exported labels and annotations are on the import, those of the Service are not",
    required: false,
    section: "labels-and-annotations",
    run: async (service, clusters) => {
      const own = { labels: { own: "1" }, annotations: { own: "1" } };
      await clusters[0].deploy(service, helloSpec(), own);
      await clusters[0].export(service, {
        exportedLabels: { tier: "front" },
        exportedAnnotations: { note: "hello there" },
      });
      for (const cluster of clusters) {
        const { metadata } = await cluster.untilImport(service);
        same(metadata.labels?.["tier"], "front", `label in ${cluster.name}`);
        same(metadata.annotations?.["note"], "hello there", `annotation in ${cluster.name}`);
        check(!has(metadata.labels, "own"), "a label of the Service is on the import");
        check(!has(metadata.annotations, "own"), "an annotation of the Service is on the import");
      }
    },
  },
  {
    name: "of different exported labels and annotations the older export's count, and both exports say Conflict",
    required: false,
    section: "labels-and-annotations",
    run: async (service, clusters) => {
      const exports = ["one", "two"].map((key) => ({
        exportedLabels: { [key]: "1" },
        exportedAnnotations: { [key]: "1" },
      })) as [object, object];
      await exportBoth(service, clusters, { specs: [{}, {}], exports });
      await untilConflict(service, clusters, "LabelsConflict");
      await untilConflict(service, clusters, "AnnotationsConflict");
      for (const cluster of clusters) {
        const { labels, annotations } = (await cluster.untilImport(service)).metadata;
        check(has(labels, "one") && has(annotations, "one"), "what the older export says is missing");
        check(!has(labels, "two") && !has(annotations, "two"), "what the younger export says is there");
      }
    },
  },
  {
    name: "a ClusterIP Service becomes a ClusterSetIP import everywhere, and goes with its export",
    required: true,
    section: "importing-services",
    run: (service, clusters) => comesAndGoes(service, clusters, { spec: {}, type: "ClusterSetIP" }),
  },
  {
    name: "session affinity and its configuration are the Service's",
    required: true,
    section: "session-affinity",
    run: (service, clusters) =>
      copies(service, clusters, {
        as: (found, { sessionAffinity, sessionAffinityConfig }) =>
          found.sessionAffinity === "ClientIP" &&
          found.sessionAffinity === sessionAffinity &&
          Bun.deepEquals(found.sessionAffinityConfig, sessionAffinityConfig),
      }),
  },
  {
    name: "internalTrafficPolicy is the Service's",
    required: true,
    section: "internal-traffic-policy",
    run: (service, clusters) =>
      copies(service, clusters, {
        spec: { internalTrafficPolicy: "Local" },
        as: (found) => found.internalTrafficPolicy === "Local",
      }),
  },
  {
    name: "trafficDistribution is the Service's",
    required: true,
    section: "traffic-distribution",
    run: (service, clusters) =>
      copies(service, clusters, {
        spec: { trafficDistribution: "PreferClose" },
        as: (found) => found.trafficDistribution === "PreferClose",
      }),
  },
  {
    name: "a ClusterSetIP import has an address of each of its families, in their order",
    required: true,
    section: "clustersetip",
    run: async (service, clusters) => {
      await exported(service, clusters[0], { ipFamilyPolicy: "PreferDualStack" });
      for (const cluster of clusters) {
        const { ips = [], ipFamilies = [] } = (
          await cluster.untilImport(service, ({ spec }) => (spec.ips ?? []).length > 0)
        ).spec;
        const families = ips.map((ip) =>
          /^\d+(\.\d+){3}$/.test(ip) ? "IPv4" : /^[0-9a-f:]+$/.test(ip) ? "IPv6" : ip,
        );
        same(families, ipFamilies, `families in ${cluster.name}`);
      }
    },
  },
  {
    name: "the ports are the Service's, with their application protocols",
    required: true,
    section: "service-port",
    run: (service, clusters) =>
      copies(service, clusters, {
        as: (found, { ports }) => portsText(found.ports) === portsText(ports),
      }),
  },
  {
    name: "of two exporters' ports the union is imported, and both exports say Conflict",
    required: true,
    section: "service-port",
    run: async (service, clusters) => {
      const [tcp] = helloSpec().ports ?? [];
      const more = { name: "sctp", port: 142, targetPort: 142, protocol: "SCTP" };
      await exportBoth(service, clusters, { specs: [{}, { ports: [tcp, more] }] });
      await untilConflict(service, clusters, "PortConflict");
      const union = portsText([...(helloSpec().ports ?? []), more]);
      for (const cluster of clusters)
        await cluster.untilImport(service, ({ spec }) => portsText(spec.ports) === union);
    },
  },
  {
    name: "of two numbers for one port name the older export's counts, and both exports say Conflict",
    required: true,
    section: "service-port",
    run: async (service, clusters) => {
      const spec = { ports: [tcpPort("tcp", PORT + 1)] };
      await exportBoth(service, clusters, { specs: [{}, spec] });
      await untilConflict(service, clusters, "PortConflict");
      const first = portsText(helloSpec().ports);
      for (const cluster of clusters)
        await cluster.untilImport(service, (found) => portsText(found.spec.ports) === first);
    },
  },
  {
    name: "a headless Service becomes a Headless import everywhere, and goes with its export",
    required: true,
    section: "service-types",
    run: (service, clusters) => comesAndGoes(service, clusters, { spec: HEADLESS, type: "Headless" }),
  },
  {
    name: "a Headless import has no address as long as it is there",
    required: true,
    section: "clustersetip",
    run: async (service, clusters) => {
      await importsOf(service, clusters, HEADLESS);
      const none = async (cluster: Cluster): Promise<boolean> =>
        ((await cluster.import(service))?.spec.ips ?? []).length === 0;
      await stays(
        async () => (await none(clusters[0])) && (await none(clusters[1])),
        "a Headless import has an address",
      );
    },
  },
  {
    name: "an ExternalName Service is no valid export, and is imported nowhere",
    required: true,
    section: "service-types",
    run: async (service, clusters) => {
      await clusters[0].deploy(service, { type: "ExternalName", externalName: "example.com" });
      await clusters[0].export(service);
      const refused = { type: "Valid", status: "False", reason: "InvalidServiceType" };
      await clusters[0].untilCondition(service, refused);
      for (const cluster of clusters)
        await stays(
          async () => (await cluster.import(service)) === undefined,
          `it is imported in ${cluster.name}`,
          3000,
        );
    },
  },
  {
    name: "of a headless and another Service the older export's type counts, and both exports say Conflict",
    required: true,
    section: "headlessness",
    run: async (service, clusters) => {
      await exportBoth(service, clusters, { specs: [{}, HEADLESS] });
      await untilConflict(service, clusters, "TypeConflict");
      for (const cluster of clusters)
        await cluster.untilImport(service, ({ spec }) => spec.type === "ClusterSetIP");
    },
  },
  {
    name: "each cluster has EndpointSlices with the labels of the API and an endpoint of each family; they go with the export",
    required: false,
    section: "using-endpointslice-objects-to-track-endpoints",
    run: async (service, clusters) => {
      await exported(service, clusters[0]);
      for (const cluster of clusters) {
        await eventually(async () => (await cluster.slices(service)).length > 0, {
          what: `EndpointSlices of ${service} in ${cluster.name}`,
        });
        const slices = await cluster.slices(service);
        for (const { metadata } of slices) {
          same(metadata.labels?.["multicluster.kubernetes.io/source-cluster"], clusters[0].name, "source");
          const manager = metadata.labels?.["endpointslice.kubernetes.io/managed-by"] ?? "";
          check(manager !== "" && manager !== "endpointslice-controller.k8s.io", `managed by "${manager}"`);
        }
        const { ipFamilies = [] } = (await cluster.untilImport(service)).spec;
        check(ipFamilies.length > 0, "the import has no address family");
        for (const family of ipFamilies)
          check(
            slices.some((one) => one.addressType === family && (one.endpoints ?? []).length > 0),
            `no endpoint of ${family} in ${cluster.name}`,
          );
      }
      await clusters[0].unexport(service);
      for (const cluster of clusters)
        await eventually(async () => (await cluster.slices(service)).length === 0, {
          what: `no EndpointSlice of ${service} in ${cluster.name}`,
        });
    },
  },
];
