import type { Pod, Service } from "#api/builtin.ts";
import type { Link } from "#api/kinds/link.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { Site } from "#api/kinds/site.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { conditionOf, isTrue } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import { NAME_LABEL, ORIGINAL_ANNOTATION, ROUTER } from "#site/names.ts";
import type { Target } from "../http-client.ts";
import { contextOf } from "../places.ts";
import { until } from "../until.ts";
import { APP, HOME, type Member, MEMBERS, NAMESPACE, PORT, type TrafficCluster } from "./places.ts";

/** Looks into the clusters of the story, and waits for what has to become so before it goes on. */
export class ClusterView {
  readonly #clients: ReadonlyMap<TrafficCluster, KubeClient>;
  readonly #signal: AbortSignal;

  constructor(clients: ReadonlyMap<TrafficCluster, KubeClient>, signal: AbortSignal) {
    this.#clients = clients;
    this.#signal = signal;
  }

  client(cluster: TrafficCluster): KubeClient {
    const client = this.#clients.get(cluster);
    if (client === undefined) throw new IsthmusError("INTERNAL", `No client of ${cluster}`);
    return client;
  }

  /** Address of the service where the clients are. */
  async service(): Promise<Target> {
    return this.#until(HOME, `the service "${APP}" to have an address`, async () => {
      const found = await this.client(HOME).find<Service>(RESOURCES.services, {
        namespace: NAMESPACE,
        name: APP,
      });
      const host = found?.spec.clusterIP;
      return host === undefined || host === "" ? undefined : { host, port: PORT };
    });
  }

  /** Waits until clients of the service pass the routers: one that the user applies leads to his own pods at first. */
  async leadsToRouters(): Promise<void> {
    await this.#until(HOME, `the service "${APP}" to lead to the routers`, async () => {
      const service = await this.client(HOME).get<Service>(RESOURCES.services, {
        namespace: NAMESPACE,
        name: APP,
      });
      const taken = service.metadata.annotations?.[ORIGINAL_ANNOTATION] !== undefined;
      return taken && service.spec.selector?.[NAME_LABEL] === ROUTER ? true : undefined;
    });
  }

  /** Where a site answers to the outside, or lets itself be linked to. */
  async address(cluster: Member, name: "entry" | "link"): Promise<Target> {
    return this.#until(cluster, `${cluster} to have an address for its ${name}`, async () => {
      const { items } = await this.client(cluster).list<Site>(RESOURCES.sites, { namespace: NAMESPACE });
      const found = items[0]?.status?.endpoints?.find((endpoint) => endpoint.name === name);
      return found === undefined ? undefined : { host: found.host, port: found.port };
    });
  }

  async imports(names: readonly string[]): Promise<void> {
    await this.#until(HOME, `the imports ${names.join(", ")}`, async () => {
      const { items } = await this.client(HOME).list<ServiceImport>(RESOURCES.serviceImports, {
        namespace: NAMESPACE,
      });
      const there = items.map(({ metadata }) => metadata.name);
      return names.every((name) => there.includes(name)) ? true : undefined;
    });
  }

  async linksUp(names: readonly string[]): Promise<void> {
    await this.#until(HOME, `the links ${names.join(", ")} to be up`, async () => {
      const { items } = await this.client(HOME).list<Link>(RESOURCES.links, { namespace: NAMESPACE });
      const up = items.filter(({ status }) => isTrue(status?.conditions, "Operational"));
      return names.every((name) => up.some(({ metadata }) => metadata.name === name)) ? true : undefined;
    });
  }

  /** Waits until the routers where the clients are work by the policy as it stands. */
  async policyInForce(): Promise<void> {
    await this.#until(HOME, "the policy to be in force", async () => {
      const policy = await this.client(HOME).get<TrafficPolicy>(RESOURCES.trafficPolicies, {
        namespace: NAMESPACE,
        name: APP,
      });
      const ready = conditionOf(policy.status?.conditions, "Ready");
      const current = ready?.observedGeneration === policy.metadata.generation;
      return current && ready?.status === "True" ? true : undefined;
    });
  }

  /** Waits until this many pods of the app are ready. */
  async podsReady(cluster: Member, count: number): Promise<void> {
    await this.#until(cluster, `${count} ready pods of ${APP} in ${cluster}`, async () => {
      const pods = await this.#pods(cluster);
      return pods.length === count && pods.every(isReady) ? true : undefined;
    });
  }

  /** In which cluster each pod of the app is, as the clusters say, not the app. */
  async clusterOfPods(): Promise<Map<string, Member>> {
    const lists = await Promise.all(MEMBERS.map((cluster) => this.#pods(cluster)));
    return new Map(
      lists.flatMap((pods, index) => {
        const cluster = MEMBERS[index];
        return cluster === undefined ? [] : pods.map(({ metadata }) => [metadata.name, cluster] as const);
      }),
    );
  }

  async #pods(cluster: Member): Promise<Pod[]> {
    const { items } = await this.client(cluster).list<Pod>(RESOURCES.pods, {
      namespace: NAMESPACE,
      labelSelector: `app=${APP}`,
    });
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  #until<T>(cluster: TrafficCluster, what: string, look: () => Promise<T | undefined>): Promise<T> {
    const hint = `isthmus network status --context ${contextOf(cluster)} -n ${NAMESPACE}`;
    return until(what, { look, hint, signal: this.#signal });
  }
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}
