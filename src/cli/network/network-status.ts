import type { Link } from "#api/kinds/link.ts";
import { RESOURCES } from "#api/resources.ts";
import { linkRows } from "../link/link-rows.ts";
import { printValue } from "../output/objects.ts";
import { showWatched } from "../output/watched.ts";
import { styleFor } from "../output/style.ts";
import type { Session } from "../session.ts";
import { requireSite, siteName } from "../site.ts";
import { formatNetwork, type NetworkSeen } from "./network-tree.ts";

export interface NetworkStatusOptions {
  readonly watch?: boolean;
  readonly output?: "tree" | "json" | "yaml";
}

/** Prints the network as this site sees it; says so when it is in none. With `watch` again and again, until it is ended. */
export async function printNetworkStatus(options: NetworkStatusOptions, session: Session): Promise<void> {
  const { io } = session;
  const style = styleFor(io, "out");
  if (options.watch === true) {
    await showWatched(
      {
        look: () => networkSeen(session),
        text: (seen) => (inNetwork(seen) ? formatNetwork(seen, style) : `${noNetwork(seen)}\n`),
        output: options.output,
      },
      session,
    );
    return;
  }
  const seen = await networkSeen(session);
  if (options.output === "json" || options.output === "yaml") {
    const { network, self, sites, links } = seen;
    printValue({ network, self, sites, links }, options.output, io);
    return;
  }
  if (!inNetwork(seen)) {
    io.err(
      `${noNetwork(seen)}\nhint: to link another site to this one: ${session.command("token create FILE")}\n`,
    );
    return;
  }
  io.out(formatNetwork(seen, style));
}

/** As it is printed; null before the site joined a network. */
interface Seen extends Pick<NetworkSeen, "sites" | "links"> {
  readonly network: string | null;
  readonly self: string | null;
  readonly name: string;
}

async function networkSeen(session: Session): Promise<Seen> {
  const { client, namespace } = session;
  const site = await requireSite(session);
  const { id, network, sites = [] } = site.status ?? {};
  const { items } = await client.list<Link>(RESOURCES.links, { namespace });
  return {
    network: network ?? null,
    self: id ?? null,
    sites,
    links: linkRows(items, site),
    name: siteName(site),
  };
}

function inNetwork(seen: Seen): seen is Seen & NetworkSeen {
  return seen.network !== null && seen.self !== null;
}

function noNetwork({ name }: Seen): string {
  return `Site "${name}" is in no network yet.`;
}
