import { conditionOf } from "#api/object.ts";
import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "./session.ts";

const SITE_CRD = `${RESOURCES.sites.plural}.${RESOURCES.sites.group}`;

/** The Site of the namespace: the oldest counts, as for the controller. Undefined when there is none. */
export async function findSite(session: Session): Promise<Site | undefined> {
  const { client, namespace } = session;
  if ((await client.find(RESOURCES.customResourceDefinitions, { name: SITE_CRD })) === undefined) {
    return undefined;
  }
  const { items } = await client.list<Site>(RESOURCES.sites, { namespace });
  return items.toSorted(byAge)[0];
}

/** The same; NOT_FOUND with the next command when there is none. */
export async function requireSite(session: Session): Promise<Site> {
  const site = await findSite(session);
  if (site !== undefined) return site;
  throw new IsthmusError(
    "NOT_FOUND",
    `There is no site in namespace "${session.namespace}" of ${placeOf(session)}`,
    {
      hint: session.command("init"),
    },
  );
}

/** The name that other sites see. */
export function siteName(site: Site): string {
  return site.spec.name ?? site.metadata.name;
}

/** Why the site is not ready; undefined when it is, and empty when nobody has said anything about it yet. */
export function notReady(site: Site): string | undefined {
  const conditions = site.status?.conditions;
  const ready = conditionOf(conditions, "Ready");
  if (ready?.status === "True") return undefined;
  return ready?.message ?? "";
}

/** `context "c1"`, or how else the cluster was found. */
export function placeOf(session: Session): string {
  return session.client.connection.origin;
}

function byAge(a: Site, b: Site): number {
  const [x, y] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`);
  return (x ?? "") < (y ?? "") ? -1 : 1;
}
