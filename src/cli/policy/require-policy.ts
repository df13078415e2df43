import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";

/** The policy of a service. Throws NOT_FOUND that lists those that there are. */
export async function requirePolicy(service: string, session: Session): Promise<TrafficPolicy> {
  const { client, namespace } = session;
  await requireSite(session);
  const policy = await client.find<TrafficPolicy>(RESOURCES.trafficPolicies, { namespace, name: service });
  if (policy !== undefined) return policy;
  const { items } = await client.list<TrafficPolicy>(RESOURCES.trafficPolicies, { namespace });
  const names = items.map(({ metadata }) => metadata.name);
  const known = names.length === 0 ? "there is none" : `there are those of ${names.join(", ")}`;
  throw new IsthmusError("NOT_FOUND", `Namespace "${namespace}" has no policy of "${service}": ${known}`, {
    hint: session.kubectl("get trafficpolicies"),
  });
}
