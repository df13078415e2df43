import type { Pod } from "../types.ts";

/** As Linux resolvers and Kubernetes have them. */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const NDOTS = "5";

/**
 * The resolv.conf of a pod by its dnsPolicy and dnsConfig; undefined: the machine's own stays. `nameserver` is the cluster's DNS,
 * undefined where there is none. Unlike the kubelet, the machine's search domains are not appended.
 */
export function resolvConf(
  { spec, metadata }: Pod,
  { nameserver, machine }: { nameserver: string | undefined; machine: () => string },
): string | undefined {
  const { dnsPolicy = "ClusterFirst", dnsConfig } = spec;
  const own = dnsPolicy === "Default";
  if (own && dnsConfig === undefined) return undefined;
  if (!own && dnsPolicy !== "None" && nameserver === undefined) return undefined;
  const base = own
    ? parse(machine())
    : dnsPolicy === "None"
      ? EMPTY
      : clusterFirst(nameserver, metadata.namespace);
  const servers = unique([...base.nameservers, ...(dnsConfig?.nameservers ?? [])]).slice(0, MAX_NAMESERVERS);
  const searches = unique([...base.searches, ...(dnsConfig?.searches ?? [])]).slice(0, MAX_SEARCHES);
  const options = new Map(base.options);
  for (const { name = "", value } of dnsConfig?.options ?? []) if (name !== "") options.set(name, value);
  const words = [...options].map(([name, value]) => (value === undefined ? name : `${name}:${value}`));
  return [
    ...(searches.length > 0 ? [`search ${searches.join(" ")}`] : []),
    ...servers.map((server) => `nameserver ${server}`),
    ...(words.length > 0 ? [`options ${words.join(" ")}`] : []),
    "",
  ].join("\n");
}

interface Settings {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly (readonly [string, string | undefined])[];
}

const EMPTY: Settings = { nameservers: [], searches: [], options: [] };

function clusterFirst(nameserver: string | undefined, namespace = ""): Settings {
  return {
    nameservers: nameserver === undefined ? [] : [nameserver],
    searches: [`${namespace}.svc.cluster.local`, "svc.cluster.local", "cluster.local"],
    options: [["ndots", NDOTS]],
  };
}

function parse(text: string): Settings {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const of = (key: string): string[] =>
    lines.filter(([first]) => first === key).flatMap(([, ...rest]) => rest);
  return {
    nameservers: of("nameserver"),
    searches: of("search"),
    options: of("options").map((word) => {
      const [name = "", value] = word.split(":");
      return [name, value] as const;
    }),
  };
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}

/** The /etc/hosts of a pod: itself by its hostname and subdomain, and its `hostAliases`. */
export function hostsFile({ spec, metadata }: Pod, podIp: string): string {
  const name = spec.hostname ?? metadata.name;
  const full =
    spec.subdomain === undefined
      ? []
      : [`${name}.${spec.subdomain}.${metadata.namespace ?? ""}.svc.cluster.local`];
  const lines = [
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    [podIp, ...full, name].join("\t"),
    ...(spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => [ip, ...hostnames].join("\t")),
  ];
  return `${lines.join("\n")}\n`;
}

/** nsswitch.conf of a machine, with host names from /etc/hosts and DNS alone; undefined when that is what it says. */
export function plainHostLookup(nsswitch: string): string | undefined {
  const [line, words = ""] = /^hosts:(.*)$/m.exec(nsswitch) ?? [];
  if (line === undefined || words.trim().split(/\s+/).join(" ") === "files dns") return undefined;
  return nsswitch.replace(line, "hosts: files dns");
}
