import { type Case, check, same } from "./case.ts";
import { type Cluster, clustersetName, eventually, helloSpec, POD_PORT, PORT, tcpPort } from "./clusters.ts";

const OTHER_PORT = PORT + 42;
const TURNS = 10;
/** Without affinity, so that one client sees all pods that may answer it. */
const FREE = { sessionAffinity: "None", sessionAffinityConfig: {} } as const;
/** Of pods that are named one by one: the port is theirs everywhere. */
const HEADLESS = { clusterIP: "None", ports: [tcpPort("tcp", POD_PORT)] } as const;

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
  await eventually(async () => (await cluster.askService(service, { port }))[0], {
    what: `an answer to ${service}:${port} for a client of ${cluster.name}`,
    forMs: 20_000,
  });
  same(
    await cluster.askService(service, { port, times: TURNS }),
    Array.from({ length: TURNS }, () => from),
    `who answers a client of ${cluster.name} on ${port}`,
  );
}

interface Endpoint {
  readonly hostname: string;
  readonly address: string;
}

/** The two ready endpoints of a Service as Kubernetes lists them in its cluster; without a hostname it is the address with dashes. */
function endpointsOf(cluster: Cluster, service: string): Promise<Endpoint[]> {
  return eventually(
    async () => {
      const found = (await cluster.ownSlices(service)).flatMap(({ endpoints }) =>
        (endpoints ?? []).flatMap(({ addresses: [address = ""], hostname, conditions }) =>
          conditions?.ready === false ? [] : { address, hostname: hostname ?? address.replaceAll(".", "-") },
        ),
      );
      return found.length === 2 && found;
    },
    { what: `two ready endpoints of ${service}`, forMs: 20_000 },
  );
}

/**
 * The addresses of a name once there are two. In the cluster of the pods they are the pods' own; elsewhere pods have none, and each address
 * stands for another of them.
 */
async function standForPods(
  cluster: Cluster,
  { name, pods }: { name: string; pods: readonly Endpoint[] },
): Promise<void> {
  const own = pods.map(({ address }) => address).toSorted();
  const found = await eventually(
    async () => {
      const addresses = await cluster.resolve(name);
      return addresses.length === 2 && addresses;
    },
    { what: `two addresses of ${name} in ${cluster.name}`, forMs: 20_000 },
  );
  const answers = new Set<string | undefined>();
  for (const address of found) {
    const [pod, ...again] = await eventually(
      async () => {
        const asked = await cluster.ask(address, { port: POD_PORT, times: 3 });
        return asked[0] !== undefined && asked;
      },
      { what: `an answer of ${address} in ${cluster.name}` },
    );
    same(again, [pod, pod], `who answers at ${address}`);
    answers.add(pod);
  }
  same(answers.size, 2, `pods behind ${found.join()} in ${cluster.name}`);
  if (cluster.name === "c1") same(found, own, `addresses of ${name} where its pods are`);
}

/**
 * Names and connections: cases 17 to 27 of the upstream suite. All of it is done in a pod: `nslookup` with that pod's own resolv.conf,
 * and `curl` by name.
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
        const target = { port: PORT, name: clustersetName(service) };
        same(await cluster.srv(service), [target], `SRV in ${cluster.name}`);
      }
    },
  },
  {
    name: "the cluster.local name of an exported Service stays as it was",
    required: false,
    section: "dns",
    run: async (service, [first]) => {
      await first.deploy(service, helloSpec(FREE));
      const local = `${service}.default.svc.cluster.local`;
      const { clusterIP = "" } = (await first.service(service)).spec;
      await eventually(async () => (await first.resolve(local)).length > 0, { what: local });
      same(await first.resolve(local), [clusterIP], "before it is exported");
      await first.export(service);
      await first.untilImport(service, ({ spec }) => (spec.ips ?? []).length > 0);
      same(await first.resolve(local), [clusterIP], "after it is exported");
    },
  },
  {
    name: "the name of a Headless import has the addresses of all ready pods",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service, HEADLESS);
      const pods = await endpointsOf(clusters[0], service);
      for (const cluster of clusters) await standForPods(cluster, { name: clustersetName(service), pods });
    },
  },
  {
    name: "a pod of a StatefulSet has a name of its own with its cluster, by the hostname of its EndpointSlice",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service, { ...HEADLESS, selector: { stateful: service } });
      await clusters[0].startStatefulSet(service);
      for (const cluster of clusters) {
        const endpoints = await eventually(
          async () => {
            const found = (await cluster.slices(service)).flatMap((slice) => slice.endpoints ?? []);
            return (
              found.length === 2 && found.every(({ conditions }) => conditions?.ready !== false) && found
            );
          },
          { what: `an EndpointSlice with two ready pods in ${cluster.name}`, forMs: 20_000 },
        );
        for (const { hostname = "", addresses } of endpoints) {
          check(/-[01]$/.test(hostname), `hostname "${hostname}" in ${cluster.name}`);
          const name = `${hostname}.${clusters[0].name}.${clustersetName(service)}`;
          await eventually(async () => (await cluster.resolve(name)).length > 0, { what: name });
          same(await cluster.resolve(name), addresses, `addresses of ${name} in ${cluster.name}`);
          same(
            await cluster.ask(name, { port: POD_PORT }),
            [`${clusters[0].name}/${hostname}`],
            `who answers as ${name} in ${cluster.name}`,
          );
        }
      }
    },
  },
  {
    name: "the name of a Headless import has an SRV record of each pod",
    required: false,
    section: "dns",
    run: async (service, clusters) => {
      await exportFrom(clusters[0], service, HEADLESS);
      const pods = await endpointsOf(clusters[0], service);
      const wanted = pods
        .map(({ hostname }) => `${hostname}.${clusters[0].name}.${clustersetName(service)}:${POD_PORT}`)
        .toSorted();
      for (const cluster of clusters) {
        await eventually(async () => (await cluster.srv(service)).length === 2, {
          forMs: 20_000,
          what: `SRV records of two pods in ${cluster.name}`,
        });
        const found = (await cluster.srv(service)).map(({ name, port }) => `${name}:${port}`).toSorted();
        same(found, wanted, `SRV in ${cluster.name}`);
      }
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
        const said = await cluster.exec(
          `for n in $(seq 20); do nslookup -type=A ${clustersetName(service)}; done`,
        );
        same([...said.matchAll(/NXDOMAIN/g)].length, 20, `answers of no such name in ${cluster.name}`);
        const answers = await cluster.askService(service, { times: 20 });
        check(
          answers.every((one) => one === undefined),
          `somebody answers in ${cluster.name}`,
        );
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
      await exportFrom(clusters[0], service);
      await clusters[1].untilImport(service);
      await clusters[1].deploy(service, helloSpec(FREE));
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
  await exportFrom(first, service, { ports: [tcpPort("tcp", PORT)] });
  for (const cluster of [first, second]) await cluster.untilImport(service);
  await Bun.sleep(1100);
  await second.deploy(service, helloSpec({ ...FREE, ports: [other] }));
  await second.export(service);
  await first.untilCondition(service, { type: "Conflict", status: "True", reason: "PortConflict" });
  check((await second.import(service)) !== undefined, "the import is gone");
}
