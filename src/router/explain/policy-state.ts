import type { ExplainedEndpoint } from "./explanation.ts";
import type { ServiceTable } from "../service-table.ts";
import type { PolicyState } from "../state.ts";

/** Names of endpoints are told of at most so many in all; past it, only of clusters. */
const MOST_ENDPOINTS = 2000;

/**
 * How new work is divided, for each service and port that has a policy. Services without one are left out: nobody shows them, and
 * there may be many.
 */
export function* policiesState(
  routes: Iterable<{ readonly service: string; readonly port: number }>,
  services: ServiceTable,
): Generator<PolicyState> {
  let told = 0;
  for (const { service, port } of routes) {
    if (!services.hasPolicy(service)) continue;
    const explanation = services.explain(service, { port });
    if (explanation === undefined) continue;
    const { tiers, clusters, endpoints, unknownTargets } = explanation;
    told += endpoints.length;
    const byCluster = told > MOST_ENDPOINTS ? undefined : Map.groupBy(endpoints, ({ cluster }) => cluster);
    yield {
      service,
      port,
      tiers: tiers.map(({ tier, clusters: names, healthyPercent, sharePercent }) => ({
        tier,
        clusters: names,
        healthyPercent,
        sharePercent,
      })),
      clusters: clusters.map(({ cluster, sharePercent }) => ({
        cluster,
        sharePercent,
        endpoints: (byCluster?.get(cluster) ?? []).map(nameAndShare),
      })),
      unknownTargets,
    };
  }
}

function nameAndShare({ name, sharePercent }: ExplainedEndpoint): { name: string; sharePercent: number } {
  return { name, sharePercent };
}
