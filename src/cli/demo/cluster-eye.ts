import type { Pod, Service } from "#api/builtin.ts";
import type { SeenSite, Site } from "#api/kinds/site.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Target } from "./http-client.ts";
import {
  APP,
  APP_CLUSTERS,
  type AppCluster,
  CLIENT_CLUSTER,
  contextOf,
  type DemoCluster,
  NAMESPACE,
  PORT,
} from "./places.ts";
import type { Situation } from "./scenarios.ts";
import { until, UNTIL_MS } from "./until.ts";

export interface AppPod {
  readonly cluster: AppCluster;
  readonly pod: string;
}

/** Looks into the clusters: where to send requests, which pods there are, what the routers of c1 know. */
export class ClusterEye {
  readonly #clients: ReadonlyMap<DemoCluster, KubeClient>;
  readonly #signal: AbortSignal;

  constructor(clients: ReadonlyMap<DemoCluster, KubeClient>, signal: AbortSignal) {
    this.#clients = clients;
    this.#signal = signal;
  }

  client(cluster: DemoCluster): KubeClient {
    const client = this.#clients.get(cluster);
    if (client === undefined) throw new IsthmusError("INTERNAL", `No client of ${cluster}`);
    return client;
  }

  /** Address of the service in c1 that appeared there by itself. */
  async target(): Promise<Target> {
    return this.#until(`the service "${APP}" to appear in ${CLIENT_CLUSTER}`, async () => {
      const service = await this.client(CLIENT_CLUSTER).find<Service>(RESOURCES.services, {
        namespace: NAMESPACE,
        name: APP,
      });
      const host = service?.spec.clusterIP;
      return host === undefined || host === "" ? undefined : { host, port: PORT };
    });
  }

  /** The pods of the app that are not about to end. */
  async pods(): Promise<AppPod[]> {
    const lists = await Promise.all(
      APP_CLUSTERS.map(async (cluster) => {
        const labelSelector = `app=${APP}`;
        const { items } = await this.client(cluster).list<Pod>(RESOURCES.pods, {
          namespace: NAMESPACE,
          labelSelector,
        });
        return items
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
          .map(({ metadata }) => ({ cluster, pod: metadata.name }));
      }),
    );
    return lists.flat();
  }

  /** Waits until the routers of c1 know the situation: every pod that is ready, and what each link costs. */
  async untilKnown(situation: Situation): Promise<void> {
    const pods = await this.#until("the pods to start and end", async () => {
      const now = await this.pods();
      return APP_CLUSTERS.every(
        (name) => now.filter((pod) => pod.cluster === name).length === situation.pods[name],
      )
        ? now
        : undefined;
    });
    await this.#until(`${CLIENT_CLUSTER} to know about it`, async () => {
      const { items } = await this.client(CLIENT_CLUSTER).list<Site>(RESOURCES.sites, {
        namespace: NAMESPACE,
      });
      const sites = items[0]?.status?.sites ?? [];
      const own = sites.find((site) => site.id === items[0]?.status?.id);
      const known = APP_CLUSTERS.every((name) => {
        const site = sites.find((candidate) => candidate.name === name);
        if (site === undefined) return false;
        const wanted = pods.filter((pod) => pod.cluster === name).map(({ pod }) => pod);
        const cost = own?.links?.find((link) => link.site === site.id)?.cost;
        return cost === situation.costs[name] && sameNames(readyPods(site), wanted);
      });
      return known ? true : undefined;
    });
  }

  /** Waits until the routers of c1 work by the policy that is there. */
  async untilPolicy(): Promise<void> {
    await this.#until("the policy to be in force", async () => {
      const policy = await this.client(CLIENT_CLUSTER).find<TrafficPolicy>(RESOURCES.trafficPolicies, {
        namespace: NAMESPACE,
        name: APP,
      });
      const ready = conditionOf(policy?.status?.conditions, "Ready");
      if (policy === undefined) return true;
      const current = ready?.observedGeneration === policy.metadata.generation;
      return current && ready?.status === "True" ? true : undefined;
    });
  }

  /**
   * When a new pod of the app was seen ready in its own cluster, monotonic ms. Undefined when none came or `signal` was
   * aborted. Watches rather than asks, so that the moment is known to a millisecond or two.
   */
  async untilReady(isNew: (pod: string) => boolean, clock: Clock): Promise<number | undefined> {
    const done = new AbortController();
    const timer = setTimeout(() => done.abort(), UNTIL_MS);
    const signal = AbortSignal.any([this.#signal, done.signal]);
    try {
      return await Promise.race(
        APP_CLUSTERS.map((cluster) => this.#readyIn(cluster, { isNew, clock, signal })),
      );
    } finally {
      clearTimeout(timer);
      done.abort();
    }
  }

  async #readyIn(
    cluster: AppCluster,
    options: { isNew: (pod: string) => boolean; clock: Clock; signal: AbortSignal },
  ): Promise<number | undefined> {
    const { isNew, clock, signal } = options;
    const selection = { namespace: NAMESPACE, labelSelector: `app=${APP}` };
    const { resourceVersion } = await this.client(cluster).list(RESOURCES.pods, selection);
    const events = this.client(cluster).watch<Pod>(RESOURCES.pods, { ...selection, resourceVersion, signal });
    for await (const { object } of events) {
      const ready =
        object.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
      if (ready && isNew(object.metadata.name)) return clock.monotonicMs();
    }
    return undefined;
  }

  #until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const hint = `isthmus network status --context ${contextOf(CLIENT_CLUSTER)} -n ${NAMESPACE}`;
    return until(what, { look, hint, signal: this.#signal });
  }
}

function readyPods(site: SeenSite): string[] {
  const service = site.services?.find(({ service: name }) => name === `${NAMESPACE}/${APP}`);
  return (service?.endpoints ?? []).filter(({ ready }) => ready).map(({ name }) => name);
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.toSorted().join() === b.toSorted().join();
}
