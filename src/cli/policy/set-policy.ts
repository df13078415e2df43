import {
  type Algorithm,
  type Spread,
  type TrafficPolicy,
  trafficPolicyKind,
} from "#api/kinds/traffic-policy.ts";
import type { Service } from "#api/builtin.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { placeOf, requireSite } from "../site.ts";

export interface PolicyOptions {
  readonly spread: Spread;
  readonly algorithm?: Algorithm;
  readonly spillAt?: number;
  readonly output?: ObjectFormat;
}

/** Writes the TrafficPolicy of a service. NOT_FOUND when this cluster knows no such Service. */
export async function setPolicy(
  options: PolicyOptions & { readonly service: string },
  session: Session,
): Promise<void> {
  const { client, io, namespace } = session;
  const { service, spread, algorithm, spillAt } = options;
  const policy: TrafficPolicy = {
    apiVersion: apiVersionOf(trafficPolicyKind.resource),
    kind: "TrafficPolicy",
    metadata: { name: service, namespace },
    spec: {
      spread,
      algorithm: algorithm ?? "RoundRobin",
      ...(spillAt === undefined ? {} : { spillAt }),
    },
  };
  if (options.output !== undefined) {
    io.out(formatObjects([policy], options.output));
    return;
  }
  await requireSite(session);
  if ((await client.find<Service>(RESOURCES.services, { namespace, name: service })) === undefined) {
    throw new IsthmusError(
      "NOT_FOUND",
      `There is no Service "${service}" in namespace "${namespace}" of ${placeOf(session)}`,
      { hint: `See what there is: ${session.command("network status")}` },
    );
  }
  await client.apply(RESOURCES.trafficPolicies, policy);
  io.out(`Traffic to "${service}" is divided by spread ${spread}, ${policy.spec.algorithm}\n`);
}
