import type { Service } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import { isTaken, originalOf, putBack, shadowName } from "./take-over.ts";

/** A Service that somebody else writes at the same moment is read again so often. */
const ATTEMPTS = 5;

/**
 * Puts every Service of the namespace that leads to the routers back to what its user wrote, for when no controller is there to do it.
 * Returns their names. Throws CONFLICT when one changes all the time.
 */
export async function putBackServices(client: KubeClient, namespace: string): Promise<string[]> {
  const { items } = await client.list<Service>(RESOURCES.services, { namespace });
  const byName = new Map(items.map((service) => [service.metadata.name, service]));
  const taken = items.filter((service) => isTaken(service, byName.get(shadowName(service.metadata.name))));
  await Promise.all(
    taken.map((service) => write(client, { service, shadow: byName.get(shadowName(service.metadata.name)) })),
  );
  return taken.map(({ metadata }) => metadata.name);
}

async function write(
  client: KubeClient,
  { service, shadow }: { readonly service: Service; readonly shadow: Service | undefined },
): Promise<void> {
  const { namespace, name } = service.metadata;
  let current: Service | undefined = service;
  for (let attempt = 1; current !== undefined && isTaken(current, shadow); attempt++) {
    const original = originalOf(current, shadow);
    if (original === undefined) return;
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after another, on conflict
      await client.update<Service>(RESOURCES.services, putBack(current, original));
      return;
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== "CONFLICT" || attempt === ATTEMPTS) throw error;
      // oxlint-disable-next-line no-await-in-loop
      current = await client.find<Service>(RESOURCES.services, { namespace, name });
    }
  }
}
