import { printValue } from "../output/objects.ts";
import { styleFor } from "../output/style.ts";
import type { Session } from "../session.ts";
import { requireSite, siteName } from "../site.ts";
import { formatNetwork } from "./network-tree.ts";

export interface NetworkStatusOptions {
  readonly output?: "tree" | "json" | "yaml";
}

/** Prints the network as this site sees it; says so when it is in none. */
export async function printNetworkStatus(options: NetworkStatusOptions, session: Session): Promise<void> {
  const { io } = session;
  const site = await requireSite(session);
  const { id, network, sites = [] } = site.status ?? {};
  if (options.output === "json" || options.output === "yaml") {
    printValue({ network: network ?? null, self: id ?? null, sites }, options.output, io);
    return;
  }
  if (network === undefined || id === undefined) {
    io.err(`Site "${siteName(site)}" is in no network yet.\n`);
    io.err(`hint: to link another site to this one: ${session.command("token create FILE")}\n`);
    return;
  }
  io.out(formatNetwork({ network, self: id, sites }, styleFor(io, "out")));
}
