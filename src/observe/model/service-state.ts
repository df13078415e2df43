import type { PolicyState } from "#router/state.ts";
import type { ServiceRow } from "../views.ts";
import type { TopologyService } from "./topology.ts";

type Serving = "ok" | "failover" | "down";

/**
 * `down`: nothing can serve any of its clients. `failover`: some clients are served by a worse tier because a better one that offers
 * the service is not healthy, or some are not served at all. A better tier that does not offer the service is no
 * failover, nor is one that spills because it is busy.
 */
export function serviceState(service: TopologyService, busy: boolean): ServiceRow["state"] {
  const { derived } = service;
  derived.serving ??= servingOf(service);
  const worst = derived.serving;
  if (worst !== "ok") return worst;
  return busy ? "ok" : "idle";
}

function servingOf(service: TopologyService): Serving {
  if (!service.endpoints.some(({ ready }) => ready)) return "down";
  const states = [...service.policies.values()].map(policyServing);
  const unruled = service.clients.filter(
    (siteId) => ![...service.policies.keys()].some((key) => key.endsWith(` ${siteId}`)),
  );
  for (const siteId of unruled) states.push(service.troubles.get(siteId) ?? defaultServing(service, siteId));
  if (states.length > 0 && states.every((state) => state === "down")) return "down";
  return states.some((state) => state !== "ok") ? "failover" : "ok";
}

function policyServing({ tiers }: PolicyState): Serving {
  const offering = tiers.filter(({ clusters }) => clusters.length > 0).toSorted((a, b) => a.tier - b.tier);
  const serving = offering.filter(({ sharePercent }) => sharePercent > 0);
  if (serving.length === 0) return "down";
  const last = serving.at(-1)?.tier ?? 0;
  return offering.some(({ tier, healthyPercent }) => tier < last && healthyPercent < 100) ? "failover" : "ok";
}

/** Without a policy the client's own site comes first, then all others; endpoints that were put aside only events tell of. */
function defaultServing({ endpoints }: TopologyService, siteId: string): Serving {
  const own = endpoints.filter((one) => one.siteId === siteId && one.weight > 0);
  return own.length === 0 || own.some(({ ready }) => ready) ? "ok" : "failover";
}
