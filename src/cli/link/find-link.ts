import type { Link } from "#api/kinds/link.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "../session.ts";

/** The link of that name. Throws NOT_FOUND that lists those that there are. */
export async function requireLink(name: string, session: Session): Promise<Link> {
  const { client, namespace } = session;
  const link = await client.find<Link>(RESOURCES.links, { namespace, name });
  if (link !== undefined) return link;
  const { items } = await client.list<Link>(RESOURCES.links, { namespace });
  const known =
    items.length === 0 ? "there is none" : `links are ${items.map((item) => item.metadata.name).join(", ")}`;
  throw new IsthmusError("NOT_FOUND", `There is no link "${name}" in namespace "${namespace}": ${known}`, {
    hint: session.command("link status"),
  });
}
