import { at } from "../store.ts";
import type { ControllerRevision, PodTemplate, StatefulSet } from "../types.ts";
import type { ControllerContext } from "./context.ts";
import { templateHash } from "./deployment-math.ts";

const HASH = "controller.kubernetes.io/hash";

/** The templates that a StatefulSet had, oldest first. */
export function revisionsOf({ stores }: ControllerContext, set: StatefulSet): ControllerRevision[] {
  return stores.revisions.ownedBy(set.metadata.uid ?? "").toSorted((a, b) => a.revision - b.revision);
}

/** The revision of the present template: made when there is none, and made the latest when it is an older one. */
export function latestRevision(context: ControllerContext, set: StatefulSet): ControllerRevision {
  const { stores } = context;
  const { template } = set.spec;
  const hash = templateHash(template);
  const all = revisionsOf(context, set);
  const highest = all.at(-1)?.revision ?? 0;
  const present = all.find(({ metadata }) => metadata.labels?.[HASH] === hash);
  if (present === undefined) {
    return stores.revisions.create({
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: {
        name: `${set.metadata.name}-${hash}`,
        namespace: set.metadata.namespace ?? "",
        labels: { ...set.spec.selector.matchLabels, [HASH]: hash },
        ownerReferences: [setReference(set)],
      },
      data: { spec: { template: { ...structuredClone(template), $patch: "replace" } } },
      revision: highest + 1,
    });
  }
  if (present.revision === highest) return present;
  return stores.revisions.mutate(at(present), (draft) => ({ ...draft, revision: highest + 1 })) ?? present;
}

export function templateOf({ data }: ControllerRevision): PodTemplate {
  const { $patch: _, ...template } = data.spec.template;
  return template;
}

/** Deletes what nobody uses, past revisionHistoryLimit, oldest first. */
export function forgetRevisions(
  context: ControllerContext,
  { set, used }: { set: StatefulSet; used: ReadonlySet<string> },
): void {
  const old = revisionsOf(context, set).filter(({ metadata }) => !used.has(metadata.name));
  const excess = old.length - (set.spec.revisionHistoryLimit ?? 10);
  for (const revision of old.slice(0, Math.max(0, excess))) context.stores.revisions.delete(at(revision));
}

export function setReference(set: StatefulSet) {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    name: set.metadata.name,
    uid: set.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}
