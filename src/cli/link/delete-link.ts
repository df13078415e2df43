import { RESOURCES } from "#api/resources.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { requireLink } from "./find-link.ts";

/** Deletes the link; NOT_FOUND when there is none of that name. */
export async function deleteLink(name: string, session: Session): Promise<void> {
  await requireSite(session);
  await requireLink(name, session);
  await session.client.delete(RESOURCES.links, { namespace: session.namespace, name });
  session.io.out(`Link "${name}" deleted\n`);
}
