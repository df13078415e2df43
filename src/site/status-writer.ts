import type { Condition, NewCondition } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { withConditions, writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import { equals } from "#controller/compare.ts";
import { type Caches, fallbackIdOf, siteNameOf } from "./caches.ts";
import type { EntryVerdict } from "./entry.ts";
import type { ExportVerdict } from "./exports.ts";
import type { Conflict } from "./imports/merge-exports.ts";
import type { NetworkView } from "./network-view.ts";
import { policyStatus } from "./policy/policy-status.ts";
import { condition, linkStatus, type Verdict } from "./status.ts";
import type { TakeOver } from "./policy/take-over.ts";

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly view: () => NetworkView | undefined;
  readonly verdict: (exportName: string) => ExportVerdict | undefined;
  /** In what the exporters of the service differ; undefined while that is not known. */
  readonly conflicts: (exportName: string) => readonly Conflict[] | undefined;
  /** Undefined for an export that does not ask to answer from outside. */
  readonly entryVerdict: (exportName: string) => EntryVerdict | undefined;
  /** Whether a Service has to lead to the routers, and whether it does. */
  readonly takeOver: (name: string) => { readonly judged: TakeOver; readonly done: boolean };
  /** Whether a router, or each of them, works by a configuration that has this in it. */
  readonly inForce: (what: string, whose?: "any" | "all") => boolean;
}

/** Shares move with the load; the object is not written more often for their sake, ms. */
const SHARES_EVERY_MS = 1000;
const ENTRY = "Entry";

/** Keys of what a configuration contains, for `inForce`. */
export const contentKey = {
  export: (name: string): string => `export ${name}`,
  policy: (name: string, generation: number | undefined): string => `policy ${name} ${generation ?? 0}`,
};

/** Conditions of Links, ServiceExports and TrafficPolicies. Nothing is written when nothing changed. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  /** When the shares of a policy were written last. */
  readonly #sharesAtMs = new Map<string, number>();

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
    const { client, caches, verdict, conflicts, entryVerdict, inForce } = this.#options;
    const object = caches.exports.get(caches.namespace, name);
    const judged = verdict(name);
    if (object === undefined || judged === undefined || caches.site() === undefined) return;
    const valid: Verdict = judged.valid
      ? ["True", "Valid", ignored(judged.ignored)]
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
    const entry = entryVerdict(name);
    const before = object.status?.conditions?.filter(({ type }) => entry !== undefined || type !== ENTRY);
    const conditions = this.#with(before, [
      condition("Valid", valid, generation),
      condition("Ready", ready, generation),
      ...conflictCondition(judged.valid ? conflicts(name) : undefined, generation),
      ...(entry === undefined
        ? []
        : [condition(ENTRY, [entry.served ? "True" : "False", entry.reason, entry.message], generation)]),
    ]);
    await writeStatus(client, { def: RESOURCES.serviceExports, object, status: { conditions } });
  }

  /** A status that differs in the shares alone may have to wait for its turn. */
  async policy(name: string): Promise<ReconcileResult> {
    const { client, caches, clock, view, inForce, takeOver } = this.#options;
    const object = caches.policy(name);
    const site = caches.site();
    if (object === undefined || site === undefined) {
      this.#sharesAtMs.delete(name);
      return {};
    }
    const { judged, done } = takeOver(name);
    const status = policyStatus({
      policy: object,
      service: `${caches.namespace}/${name}`,
      view: view(),
      self: { id: caches.identity(site)?.siteId ?? fallbackIdOf(site), name: siteNameOf(site) },
      hasService: caches.service(name) !== undefined,
      takeOver: judged,
      taken: done,
      inForce: inForce(contentKey.policy(name, object.metadata.generation), "all"),
      nowMs: clock.now(),
    });
    const { shares, summary: _, ...rest } = status;
    const { shares: before, summary: __, ...restBefore } = object.status ?? {};
    const nowMs = clock.monotonicMs();
    const leftMs = (this.#sharesAtMs.get(name) ?? -Infinity) + SHARES_EVERY_MS - nowMs;
    if (equals(rest, restBefore) && leftMs > 0)
      return equals(shares, before) ? {} : { requeueAfterMs: leftMs };
    if (await writeStatus(client, { def: RESOURCES.trafficPolicies, object, status }))
      this.#sharesAtMs.set(name, nowMs);
    return {};
  }

  #with(conditions: readonly Condition[] | undefined, next: NewCondition[]): Condition[] {
    return withConditions(conditions, next, { nowMs: this.#options.clock.now() });
  }
}

/** Of an export, as all exporters of the service find it (see `mergeExports`); none while it is not known. */
export function conflictCondition(
  conflicts: readonly Conflict[] | undefined,
  generation: number | undefined,
): NewCondition[] {
  if (conflicts === undefined) return [];
  const verdict: Verdict =
    conflicts.length === 0
      ? ["False", "NoConflicts", ""]
      : [
          "True",
          conflicts.map(({ reason }) => reason).join(","),
          conflicts.map(({ message }) => message).join("; "),
        ];
  return [condition("Conflict", verdict, generation)];
}

function ignored(what: readonly string[]): string {
  return what.length === 0
    ? ""
    : `Does not reach other clusters (only TCP does, and labels and annotations of 16 KiB): ${what.join(", ")}`;
}
