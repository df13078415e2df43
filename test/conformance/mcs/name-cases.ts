import { type Case, check, same } from "./case.ts";
import { type Cluster, eventually, helloSpec, PORT, tcpPort } from "./clusters.ts";

const OTHER_PORT = PORT + 42;
const TURNS = 10;
/** Without affinity, so that one client sees all pods that may answer it. */
const FREE = { sessionAffinity: "None", sessionAffinityConfig: {} } as const;

async function exportFrom(cluster: Cluster, service: string, spec: object = {}): Promise<void> {
  await cluster.deploy(service, helloSpec({ ...FREE, ...spec }));
  await cluster.export(service);
}

/** Asks until somebody answers, then that all answers are from that cluster. */
async function answersFrom(
  cluster: Cluster,
  options: { service: string; from: string; port?: number },
): Promise<void> {
  const { service, from, port = PORT } = options;
  await eventually(async () => (await cluster.ask(service, port)) !== undefined, {
    what: `an answer to ${service}:${port} for a client of ${cluster.name}`,
  });
  for (let turn = 0; turn < TURNS; turn++)
    same(await cluster.ask(service, port), from, `who answers a client of ${cluster.name} on ${port}`);
}

function headlessAddresses(cluster: Cluster, name: string): Promise<unknown> {
  return eventually(async () => (await cluster.addresses(name)).length === 2, {
    forMs: 3000,
    what: `an address of each of the two pods behind ${name} in ${cluster.name}`,
  });
}

/**
 * Names and connections: cases 17 to 27 of the upstream suite. DNS is asked where it answers in that cluster (`isthmus dns run`), and
 * requests go from this host to cluster addresses, which stands for a client there: sandbox pods do not resolve the zone by themselves yet.
 */
export const nameCases: readonly Case[] = [
  {
    name: "the name of a ClusterSetIP import has all of its addresses in every cluster",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service);
      for (const cluster of clusters) {
        const found = await cluster.untilImport(service, ({ spec }) => (spec.ips ?? []).length > 0);
        await eventually(async () => (await cluster.addresses(service)).length > 0, { what: "an address" });
        same(await cluster.addresses(service), found.spec.ips, `addresses in ${cluster.name}`);
      }
    },
  },
  {
    name: "the name of a ClusterSetIP import has one SRV record of its port",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service);
      for (const cluster of clusters) {
        await eventually(async () => (await cluster.srv(service)).length > 0, { what: "an SRV record" });
        const [record, ...more] = await cluster.srv(service);
        same(more, [], "further records");
        same(record?.port, PORT, "port");
        same(record?.name, `${service}.default.svc.clusterset.local`, "target");
      }
    },
  },
  {
    name: "the cluster.local name of an exported Service stays as it was",
    required: false,
    section: "dns",
    run: async (service, [first]) => {
      await exportFrom(first, service);
      const { clusterIP } = (await first.service(service)).spec;
      same(
        await first.resolve(`${service}.default.svc.cluster.local`),
        [clusterIP],
        "cluster.local (nothing answers for it in a sandbox cluster)",
      );
    },
  },
  {
    name: "the name of a Headless import has the addresses of all ready pods",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service, { clusterIP: "None" });
      for (const cluster of clusters) await headlessAddresses(cluster, service);
    },
  },
  {
    name: "a pod of a Headless import has a name of its own with its cluster",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service, { clusterIP: "None" });
      for (const cluster of clusters) {
        const name = `hello-0.${clusters[0].name}.${service}.default.svc.clusterset.local`;
        await eventually(async () => (await cluster.resolve(name)).length === 1, { forMs: 3000, what: name });
      }
    },
  },
  {
    name: "the name of a Headless import has an SRV record of each pod",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service, { clusterIP: "None" });
      for (const cluster of clusters)
        await eventually(async () => (await cluster.srv(service)).length === 2, {
          forMs: 3000,
          what: `SRV records of two pods in ${cluster.name}`,
        });
    },
  },
  {
    name: "a Service that is not exported is reached by no clusterset name",
    required: true,
    section: "exporting-services",
    run: async (service, clusters) => {
      await clusters[0].deploy(service, helloSpec());
      // The same way does lead to a service that is exported, so that silence says something.
      await exportFrom(clusters[0], `${service}-exported`);
      for (const cluster of clusters)
        await answersFrom(cluster, { service: `${service}-exported`, from: clusters[0].name });
      for (const cluster of clusters) {
        for (let turn = 0; turn < 20; turn++) {
          same(await cluster.addresses(service), [], `addresses in ${cluster.name}`);
          same(await cluster.ask(service), undefined, `who answers in ${cluster.name}`);
        }
      }
    },
  },
  {
    name: "an exported Service is reached by its clusterset name from every cluster",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service);
      for (const cluster of clusters) await answersFrom(cluster, { service, from: clusters[0].name });
    },
  },
  {
    name: "of two clusters that have the Service only the one that exports it is reached",
    required: false,
    section: "exporting-services",
    run: async (service, clusters) => {
      await clusters[1].deploy(service, helloSpec(FREE));
      await exportFrom(clusters[0], service);
      for (const cluster of clusters) await answersFrom(cluster, { service, from: clusters[0].name });
    },
  },
  {
    name: "a port that two exporters give different numbers is served by the older one only",
    required: false,
    section: "service-port",
    run: async (service, clusters) => {
      await bothExport(service, clusters, tcpPort("tcp", OTHER_PORT));
      for (const cluster of clusters) await answersFrom(cluster, { service, from: clusters[0].name });
    },
  },
  {
    name: "ports that only one exporter has are served by that one only",
    required: false,
    section: "service-port",
    run: async (service, clusters) => {
      await bothExport(service, clusters, tcpPort("other", OTHER_PORT));
      for (const cluster of clusters) {
        await answersFrom(cluster, { service, from: clusters[0].name });
        await answersFrom(cluster, { service, from: clusters[1].name, port: OTHER_PORT });
      }
    },
  },
];

/** The first cluster exports port `tcp`, a while later the second another one. */
async function bothExport(
  service: string,
  [first, second]: readonly [Cluster, Cluster],
  other: ReturnType<typeof tcpPort>,
): Promise<void> {
  await second.deploy(service, helloSpec({ ...FREE, ports: [other] }));
  await exportFrom(first, service, { ports: [tcpPort("tcp", PORT)] });
  await first.untilImport(service);
  await Bun.sleep(1100);
  await second.export(service);
  await first.untilCondition(service, { type: "Conflict", status: "True", reason: "PortConflict" });
  check((await second.import(service)) !== undefined, "the import is gone");
}
