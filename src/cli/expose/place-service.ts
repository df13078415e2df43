import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "../session.ts";
import { IMPORT_LABEL } from "#site/names.ts";
import { EXPOSED_LABEL } from "./exposed-service.ts";

/** Each lost race means that somebody else wrote in between, which cannot go on for long. */
const TRIES = 10;

/**
 * Makes the Service, or changes the one that `expose` made before. When one of that name stands for the service
 * imported from other sites, it becomes that of the pods here and keeps its address, so clients here notice nothing.
 *
 * Written with create and update, never merged: the controller may make the imported Service in the same moment, and
 * two halves would be none. Throws ALREADY_EXISTS when the Service is the user's own.
 */
export async function placeService(service: Service, session: Session): Promise<void> {
  const { client, namespace } = session;
  const { name } = service.metadata;
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- read, then write what was read
      const now = await client.find<Service>(RESOURCES.services, { namespace, name });
      checkFree(now, { name, session });
      // oxlint-disable-next-line no-await-in-loop
      await (now === undefined
        ? client.create(RESOURCES.services, service)
        : client.update(RESOURCES.services, inPlaceOf(now, service)));
      return;
    } catch (error) {
      const raced =
        error instanceof IsthmusError &&
        (error.code === "CONFLICT" || error.code === "NOT_FOUND" || isTaken(error));
      if (!raced || tries === TRIES) throw error;
    }
  }
}

/** Whether the name was taken between the look and the write; not our own refusal, which says what to do. */
function isTaken(error: IsthmusError): boolean {
  return error.code === "ALREADY_EXISTS" && "kubeReason" in error;
}

/** A Service of the user is never overwritten. */
export function checkFree(service: Service | undefined, at: { name: string; session: Session }): void {
  const labels = service?.metadata.labels ?? {};
  if (service === undefined || labels[EXPOSED_LABEL] !== undefined || labels[IMPORT_LABEL] !== undefined)
    return;
  const { name, session } = at;
  throw new IsthmusError(
    "ALREADY_EXISTS",
    `There is a Service "${name}" in namespace "${session.namespace}" already`,
    {
      hint: `Expose that one: ${session.command(`expose service/${name}`)}, or choose another name with --name`,
    },
  );
}

function inPlaceOf(now: Service, service: Service): Service {
  const { resourceVersion } = now.metadata;
  const { clusterIP, clusterIPs } = now.spec;
  return {
    ...service,
    metadata: { ...service.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      ...service.spec,
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(clusterIPs === undefined ? {} : { clusterIPs }),
    },
  };
}
