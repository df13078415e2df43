import type { Link } from "#api/kinds/link.ts";
import { RESOURCES } from "#api/resources.ts";
import { linkTable } from "../link/link-status.ts";
import { printValue } from "../output/objects.ts";
import { type Style, styleFor } from "../output/style.ts";
import { formatTable, padEnd } from "../output/table.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { type SiteSummary, siteSummary } from "./site-summary.ts";

export interface StatusOptions {
  readonly output?: "table" | "json" | "yaml";
}

/** Prints the site, its links and the services that it sees. */
export async function printStatus(options: StatusOptions, session: Session): Promise<void> {
  const { client, io, namespace } = session;
  const site = await requireSite(session);
  const { items } = await client.list<Link>(RESOURCES.links, { namespace });
  const summary = siteSummary(site, items);
  if (options.output === "json" || options.output === "yaml") printValue(summary, options.output, io);
  else io.out(formatStatus(summary, styleFor(io, "out")));
  if (summary.sites < 2 && summary.ready) {
    io.err(`hint: to link another site to this one: ${session.command("token create FILE")}\n`);
  }
}

const LABEL_WIDTH = 11;

export function formatStatus(summary: SiteSummary, style: Style): string {
  const { name, namespace, network, sites, links, services } = summary;
  const state = summary.ready ? style.good("ready") : style.bad(`not ready: ${summary.message ?? ""}`);
  const up = links.filter((link) => link.state === "up").length;
  const lines = [
    ["Site", `${style.bold(name)} in namespace ${namespace}`],
    ["State", state],
    [
      "Network",
      network === undefined ? "none yet" : `${network}, ${sites} ${sites === 1 ? "site" : "sites"}`,
    ],
    ["Links", links.length === 0 ? "none" : `${up} of ${links.length} up`],
    ["Services", services.length === 0 ? "none" : String(services.length)],
  ].map(([label = "", text = ""]) => `${padEnd(label, LABEL_WIDTH)}${text}\n`);
  if (links.length > 0) lines.push("\n", linkTable(links, false));
  if (services.length > 0) {
    lines.push(
      "\n",
      formatTable(
        ["SERVICE", "PORTS", "CLUSTERS", "READY"],
        services.map((row) => [
          row.service,
          row.ports.join(","),
          row.clusters.join(","),
          `${row.ready}/${row.pods}`,
        ]),
      ),
    );
  }
  return lines.join("");
}
