import { RESOURCES } from "#api/resources.ts";
import type { Session } from "../session.ts";
import { requirePolicy } from "./require-policy.ts";

/** Takes the policy of a service away. NOT_FOUND when there is none. */
export async function deletePolicy(service: string, session: Session): Promise<void> {
  await requirePolicy(service, session);
  await session.client.delete(RESOURCES.trafficPolicies, { namespace: session.namespace, name: service });
  session.io.out(`The policy of "${service}" is gone\n`);
}
