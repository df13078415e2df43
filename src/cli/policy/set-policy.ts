import {
  type Algorithm,
  type Spread,
  type TrafficPolicy,
  trafficPolicyKind,
} from "#api/kinds/traffic-policy.ts";
import type { Service } from "#api/builtin.ts";
import { conditionOf } from "#api/object.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { placeOf, requireSite } from "../site.ts";
import { waitUntil } from "../wait.ts";

export interface PolicyOptions extends WaitOptions {
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
  const applied = await client.apply(RESOURCES.trafficPolicies, policy);
  const timeoutMs = waitMs(options, true);
  if (timeoutMs > 0) await inForce(applied, { timeoutMs, session });
  io.out(`Traffic to "${service}" is divided by spread ${spread}, ${policy.spec.algorithm}\n`);
}

/** Waits until the routers of the site work by this generation of the policy. */
async function inForce(policy: TrafficPolicy, input: { timeoutMs: number; session: Session }): Promise<void> {
  const { timeoutMs, session } = input;
  const { name, generation = 0 } = policy.metadata;
  await waitUntil({
    what: `the policy of "${name}" to be in force`,
    timeoutMs,
    progress: session.progress,
    hint: session.command("status"),
    look: async () => {
      const now = await session.client.get<TrafficPolicy>(RESOURCES.trafficPolicies, {
        namespace: session.namespace,
        name,
      });
      const ready = conditionOf(now.status?.conditions, "Ready");
      if (ready?.status === "True" && (ready.observedGeneration ?? 0) >= generation) return { done: true };
      return { pending: ready?.status === "False" ? ready.message : "" };
    },
  });
}
