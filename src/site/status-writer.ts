import type { Condition, NewCondition } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { withConditions, writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "./caches.ts";
import type { ExportVerdict } from "./exports.ts";
import type { NetworkView } from "./network-view.ts";
import { condition, linkStatus, type Verdict } from "./status.ts";

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly view: () => NetworkView | undefined;
  readonly verdict: (exportName: string) => ExportVerdict | undefined;
  /** Whether a router works by a configuration that has this in it. */
  readonly inForce: (what: string) => boolean;
}

/** Keys of what a configuration contains, for `inForce`. */
export const contentKey = {
  export: (name: string): string => `export ${name}`,
  policy: (name: string, generation: number | undefined): string => `policy ${name} ${generation ?? 0}`,
};

/** Conditions of Links, ServiceExports and TrafficPolicies. Nothing is written when nothing changed. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  async link(name: string): Promise<void> {
    const { client, caches, clock, view } = this.#options;
    const object = caches.links.get(caches.namespace, name);
    const site = caches.site();
    if (object === undefined || site === undefined) return;
    const status = linkStatus(object, { view: view(), identity: caches.identity(site), nowMs: clock.now() });
    await writeStatus(client, { def: RESOURCES.links, object, status });
  }

  async export(name: string): Promise<void> {
    const { client, caches, verdict, inForce } = this.#options;
    const object = caches.exports.get(caches.namespace, name);
    const judged = verdict(name);
    if (object === undefined || judged === undefined || caches.site() === undefined) return;
    const valid: Verdict = judged.valid
      ? ["True", "Valid", ignored(judged.ignoredPorts)]
      : ["False", judged.reason, judged.message];
    const ready: Verdict = !judged.valid
      ? ["False", "Failed", judged.message]
      : inForce(contentKey.export(name))
        ? [
            "True",
            "Exported",
            judged.config.endpoints.some((one) => one.ready) ? "" : "No endpoint is ready yet",
          ]
        : ["False", "Pending", "No router of this site has taken it up yet"];
    const { generation } = object.metadata;
    const conditions = this.#with(object.status?.conditions, [
      condition("Valid", valid, generation),
      condition("Ready", ready, generation),
    ]);
    await writeStatus(client, { def: RESOURCES.serviceExports, object, status: { conditions } });
  }

  async policy(name: string): Promise<void> {
    const { client, caches, inForce } = this.#options;
    const object = caches.policies.get(caches.namespace, name);
    if (object === undefined || caches.site() === undefined) return;
    const { generation } = object.metadata;
    const ready: Verdict = inForce(contentKey.policy(name, generation))
      ? ["True", "InForce", ""]
      : ["False", "Pending", "No router of this site has taken it up yet"];
    const conditions = this.#with(object.status?.conditions, [condition("Ready", ready, generation)]);
    await writeStatus(client, { def: RESOURCES.trafficPolicies, object, status: { conditions } });
  }

  #with(conditions: readonly Condition[] | undefined, next: NewCondition[]): Condition[] {
    return withConditions(conditions, next, { nowMs: this.#options.clock.now() });
  }
}

function ignored(ports: readonly string[]): string {
  return ports.length === 0 ? "" : `Not exported, since only TCP is: ${ports.join(", ")}`;
}
