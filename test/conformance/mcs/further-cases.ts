import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { type Case, check, same } from "./case.ts";
import { type Cluster, clustersetName, eventually, helloSpec, POD_PORT, tcpPort } from "./clusters.ts";

/** KEP-1645: answers may be kept for so long, s. */
const TTL = 5;

interface Dug {
  readonly status: string;
  /** Name, TTL, class, type, data. */
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
}

async function dig(cluster: Cluster, question: string): Promise<Dug> {
  const said = await cluster.exec(`dig +noall +comments +answer +authority ${question}`);
  const section = (name: string): string[] => {
    const from = said.indexOf(`;; ${name} SECTION:`);
    const lines = from < 0 ? [] : said.slice(from).split("\n").slice(1);
    const end = lines.findIndex((line) => line === "" || line.startsWith(";"));
    return lines.slice(0, end < 0 ? undefined : end).map((line) => line.replace(/\s+/g, " "));
  };
  return {
    status: /status: (\w+)/.exec(said)?.[1] ?? said,
    answers: section("ANSWER"),
    authorities: section("AUTHORITY"),
  };
}

/** No answer, and an SOA that says for how long that may be kept. */
function isEmpty({ status, answers, authorities }: Dug, as: "NXDOMAIN" | "NOERROR", what: string): void {
  same(status, as, `status of ${what}`);
  same(answers, [], `answers of ${what}`);
  const ttl = / (\d+) IN SOA /.exec(authorities[0] ?? "")?.[1];
  check(ttl !== undefined && Number(ttl) <= TTL, `SOA of ${what}: ${authorities.join() || "none"}`);
}

async function exportFrom(cluster: Cluster, service: string, spec: object = {}): Promise<void> {
  await cluster.deploy(service, helloSpec(spec));
  await cluster.export(service);
}

async function untilThere(cluster: Cluster, name: string): Promise<void> {
  await eventually(async () => (await cluster.resolve(name)).length > 0, {
    what: `${name} in ${cluster.name}`,
    forMs: 20_000,
  });
}

async function setStrict(cluster: Cluster, strict: boolean): Promise<void> {
  await cluster.client.patch<Site>(RESOURCES.sites, {
    namespace: "default",
    name: cluster.name,
    type: "merge",
    body: { spec: { discovery: { strict } } },
  });
}

/** What KEP-1645 and DNS ask for, and the upstream suite does not look at. All of it is asked for in a pod. */
export const furtherCases: readonly Case[] = [
  {
    name: "a name that is not there is NXDOMAIN for every type, with an SOA",
    required: true,
    section: "dns",
    run: async (service, clusters) => {
      for (const cluster of clusters)
        for (const type of ["A", "AAAA", "SRV"]) {
          const question = `${clustersetName(`${service}-none`)} ${type}`;
          isEmpty(await dig(cluster, question), "NXDOMAIN", question);
        }
    },
  },
  {
    name: "a type that a name has not, and a name on the way to others, are no data, with an SOA",
    required: true,
    section: "dns",
    run: async (service, [first, second]) => {
      await exportFrom(first, service);
      await untilThere(second, clustersetName(service));
      const name = clustersetName(service);
      for (const question of [
        `${name} AAAA`,
        `${name} MX`,
        "default.svc.clusterset.local A",
        "svc.clusterset.local A",
      ])
        isEmpty(await dig(second, question), "NOERROR", question);
    },
  },
  {
    name: "answers may be kept for 5 s; they are the same over TCP and in any case of letters",
    required: true,
    section: "dns",
    run: async (service, [first, second]) => {
      await exportFrom(first, service);
      const name = clustersetName(service);
      await untilThere(second, name);
      const [address] = await second.resolve(name);
      for (const question of [name, `+tcp ${name}`, name.toUpperCase()]) {
        const { answers } = await dig(second, question);
        const [, ttl = "", , , data] = answers[0]?.split(" ") ?? [];
        same([answers.length, data], [1, address], question);
        check(Number(ttl) <= TTL, `TTL of ${question}: ${ttl}`);
      }
    },
  },
  {
    name: "the zone says which version of the rules it follows",
    required: true,
    section: "dns",
    run: async (_service, clusters) => {
      for (const cluster of clusters) {
        const { answers } = await dig(cluster, "dns-version.clusterset.local TXT");
        check(
          / TXT "1\.\d+\.\d+"$/.test(answers[0] ?? ""),
          `dns-version in ${cluster.name}: ${answers.join()}`,
        );
      }
    },
  },
  {
    name: "a Headless import without a ready endpoint is NXDOMAIN, and its pods' names with it",
    required: true,
    section: "dns",
    run: async (service, [first, second]) => {
      const spec = { clusterIP: "None", ports: [tcpPort("tcp", POD_PORT)], selector: { app: "nobody" } };
      await exportFrom(first, service, spec);
      await second.untilImport(service, (found) => found.spec.type === "Headless");
      for (const name of [service, `pod.${first.name}.${service}`])
        isEmpty(await dig(second, clustersetName(name)), "NXDOMAIN", name);
    },
  },
  {
    name: "strictly no name leads to one cluster of a service; otherwise that name leads there alone",
    required: true,
    section: "dns",
    run: async (service, [first, second]) => {
      for (const cluster of [first, second]) await exportFrom(cluster, service);
      const name = `${first.name}.${clustersetName(service)}`;
      await untilThere(second, name);
      const answers = await eventually(
        async () => {
          const asked = await second.ask(name, { times: 6 });
          return asked[0] !== undefined && asked;
        },
        { what: `an answer of ${name}` },
      );
      check(
        answers.every((pod) => pod?.startsWith(`${first.name}/`)),
        `who answers as ${name}: ${answers.join()}`,
      );
      await setStrict(second, true);
      await eventually(async () => (await dig(second, name)).status === "NXDOMAIN", { what: `no ${name}` });
      isEmpty(await dig(second, name), "NXDOMAIN", name);
      check((await second.addresses(service)).length === 1, "the service itself is gone");
      await setStrict(second, false);
    },
  },
];
