import { FAILBACK_ANNOTATION, type TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { RESOURCES } from "#api/resources.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import type { Session } from "../session.ts";
import { waitUntil } from "../wait.ts";
import { requirePolicy } from "./require-policy.ts";

export type FailbackOptions = WaitOptions;

/** Tells the routers to go back to the best tier. NOT_FOUND when the service has no policy. */
export async function failback(
  options: FailbackOptions & { readonly service: string },
  session: Session,
): Promise<void> {
  const { client, io, namespace } = session;
  const { service } = options;
  const policy = await requirePolicy(service, session);
  if (policy.spec.failover?.failback !== "Manual") {
    io.out(`Nothing to do: the policy of "${service}" goes back by itself (failback Auto)\n`);
    return;
  }
  const value = new Date().toISOString();
  await client.patch<TrafficPolicy>(RESOURCES.trafficPolicies, {
    namespace,
    name: service,
    type: "merge",
    body: { metadata: { annotations: { [FAILBACK_ANNOTATION]: value } } },
  });
  const timeoutMs = waitMs(options, true);
  if (timeoutMs > 0) {
    await waitUntil({
      what: `the routers to go back for "${service}"`,
      timeoutMs,
      progress: session.progress,
      hint: session.command(`explain ${service}`),
      look: async () => {
        const now = await requirePolicy(service, session);
        return now.status?.failback?.value === value ? { done: true } : { pending: "" };
      },
    });
  }
  io.out(`Traffic to "${service}" goes back to the best cluster that is healthy\n`);
}
