import type { Clock } from "#core/clock.ts";
import type { ResourceRegistry } from "../resources.ts";
import type { Objects } from "./objects.ts";

/** As kube-apiserver's --event-ttl. */
const EVENT_LIFE_MS = 3_600_000;
const CHECK_EVERY_MS = 60_000;

/** Removes Events an hour after they were last touched. */
export function expireEvents(
  objects: Objects,
  context: { registry: ResourceRegistry; clock: Clock },
): () => void {
  return context.clock.every(CHECK_EVERY_MS, () => {
    if (context.registry.get("events") === undefined) return;
    const oldest = context.clock.now() - EVENT_LIFE_MS;
    for (const event of Array.from(objects.store.list("events"))) {
      const times = [event["lastTimestamp"], event["eventTime"], event.metadata.creationTimestamp];
      const last = Math.max(0, ...times.map((time) => (typeof time === "string" ? Date.parse(time) : 0)));
      if (last < oldest) objects.store.remove("events", event);
    }
  });
}
