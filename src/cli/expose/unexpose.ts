import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { workloadOf } from "../flags.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { EXPOSED_LABEL } from "./exposed-service.ts";

/** Withdraws the export, and the Service too if `expose` made it. NOT_FOUND when there is no such export. */
export async function unexpose(
  options: { readonly target: string; readonly name?: string },
  session: Session,
): Promise<void> {
  const { client, namespace } = session;
  const name = options.name ?? workloadOf(options.target).name;
  await requireSite(session);
  if (!(await client.delete(RESOURCES.serviceExports, { namespace, name }))) {
    throw new IsthmusError("NOT_FOUND", `Service "${name}" of namespace "${namespace}" is not exposed`, {
      hint: session.kubectl("get serviceexports"),
    });
  }
  const service = await client.find<Service>(RESOURCES.services, { namespace, name });
  if (service?.metadata.labels?.[EXPOSED_LABEL] !== undefined) {
    await client.delete(RESOURCES.services, { namespace, name });
  }
  session.io.out(`Service "${name}" is no longer exposed\n`);
}
