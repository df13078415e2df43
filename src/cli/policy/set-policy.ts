import type { Service } from "#api/builtin.ts";
import { type TrafficPolicy, trafficPolicyKind } from "#api/kinds/traffic-policy.ts";
import type { KubeObject } from "#api/object.ts";
import { parseObject } from "#api/registry.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { placeOf, requireSite } from "../site.ts";
import { untilInForce } from "./in-force.ts";
import { type NamedSpec, type SpecOptions, specOf } from "./policy-spec.ts";

export interface PolicyOptions extends WaitOptions, SpecOptions {
  readonly output?: ObjectFormat;
}

/**
 * Writes the TrafficPolicy of a service: what the options say is the whole policy, so fields of an earlier one go, and
 * that is told. INVALID when the options contradict each other; NOT_FOUND when this cluster knows no such Service.
 */
export async function setPolicy(
  options: PolicyOptions & { readonly service: string },
  session: Session,
): Promise<void> {
  const { client, io, namespace } = session;
  const { service, mode, spread } = options;
  const spec = specOf(options);
  const policy: KubeObject = {
    apiVersion: apiVersionOf(trafficPolicyKind.resource),
    kind: "TrafficPolicy",
    metadata: { name: service, namespace },
    spec,
  };
  parseObject("TrafficPolicy", policy);
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
  const { written, gone } = await write(policy, { spec, session });
  if (gone.length > 0) io.err(`No longer said by the policy: ${gone.join(", ")}\n`);
  const timeoutMs = waitMs(options, true);
  const shares = timeoutMs > 0 ? await untilInForce(written, { timeoutMs, session }) : undefined;
  const now = shares === undefined ? "" : `; now ${shares}`;
  io.out(`Traffic to "${service}": mode ${mode}, spread ${spread}${now}\n`);
}

const TRIES = 5;

/**
 * Replaced and not merged: of two halves of a policy, one from here and one from a file, nobody knows the whole.
 * Labels and annotations stay.
 */
async function write(
  policy: KubeObject,
  { spec, session }: { spec: NamedSpec; session: Session },
): Promise<{ written: TrafficPolicy; gone: string[] }> {
  const { client, namespace } = session;
  const { name } = policy.metadata;
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- read, then write what was read
      const now = await client.find<TrafficPolicy>(RESOURCES.trafficPolicies, { namespace, name });
      if (now === undefined) {
        // oxlint-disable-next-line no-await-in-loop
        return { written: await client.create(RESOURCES.trafficPolicies, typed(policy)), gone: [] };
      }
      // oxlint-disable-next-line no-await-in-loop
      const written = await client.update(
        RESOURCES.trafficPolicies,
        typed({ ...policy, metadata: now.metadata }),
      );
      const gone = Object.keys(now.spec).filter((key) => !Object.hasOwn(spec, key));
      return { written, gone };
    } catch (error) {
      const raced =
        error instanceof IsthmusError && (error.code === "CONFLICT" || error.code === "ALREADY_EXISTS");
      if (!raced || tries === TRIES) throw error;
    }
  }
}

/** Without the defaults, which the cluster fills in. */
function typed(policy: KubeObject): TrafficPolicy {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- judged above
  return policy as TrafficPolicy;
}
