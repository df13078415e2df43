import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import type { Session } from "../session.ts";
import { waitUntil } from "../wait.ts";

/**
 * Waits until the routers of the site work by this generation of the policy; gives the shares in short, where the
 * status has them. Targets that nobody knows are told on standard error. Throws TIMEOUT with the last reason.
 */
export async function untilInForce(
  policy: TrafficPolicy,
  input: { readonly timeoutMs: number; readonly session: Session },
): Promise<string | undefined> {
  const { timeoutMs, session } = input;
  const { name, generation = 0 } = policy.metadata;
  return waitUntil({
    what: `the policy of "${name}" to be in force`,
    timeoutMs,
    progress: session.progress,
    hint: session.kubectl(`describe trafficpolicy ${name}`),
    look: async () => {
      const now = await session.client.get<TrafficPolicy>(RESOURCES.trafficPolicies, {
        namespace: session.namespace,
        name,
      });
      const conditions = now.status?.conditions;
      const ready = conditionOf(conditions, "Ready");
      if (ready?.status !== "True" || (ready.observedGeneration ?? 0) < generation) {
        return { pending: ready?.status === "False" ? ready.message : "" };
      }
      const targets = conditionOf(conditions, "TargetsFound");
      if (targets?.status === "False") session.io.err(`warning: ${targets.message}\n`);
      return { done: now.status?.summary };
    },
  });
}
