import type { Link } from "#api/kinds/link.ts";
import { RESOURCES } from "#api/resources.ts";
import { printValue } from "../output/objects.ts";
import { formatTable } from "../output/table.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { requireLink } from "./find-link.ts";
import { formatRtt, type LinkRow, linkRows } from "./link-rows.ts";

export interface LinkStatusOptions {
  readonly output?: "table" | "wide" | "json" | "yaml" | "name";
}

/** Prints the links of the site, or the one of that name. */
export async function printLinkStatus(
  options: LinkStatusOptions & { readonly name?: string },
  session: Session,
): Promise<void> {
  const { client, namespace, io } = session;
  const site = await requireSite(session);
  const rows =
    options.name === undefined
      ? linkRows((await client.list<Link>(RESOURCES.links, { namespace })).items, site)
      : linkRows([await requireLink(options.name, session)], undefined);
  switch (options.output) {
    case "json":
    case "yaml":
      printValue({ links: rows }, options.output, io);
      return;
    case "name":
      for (const { name } of rows) if (name !== undefined) io.out(`link.isthmus.dev/${name}\n`);
      return;
    default:
  }
  if (rows.length === 0) {
    io.err(`No links in namespace "${namespace}".\nhint: ${session.command("link create FILE")}\n`);
    return;
  }
  io.out(linkTable(rows, options.output === "wide"));
  for (const { name, message } of rows) {
    if (message !== undefined) io.err(`Link "${name ?? ""}" is not up: ${message}\n`);
  }
}

export function linkTable(rows: readonly LinkRow[], wide: boolean): string {
  const columns = [
    "NAME",
    "DIRECTION",
    "SITE",
    "COST",
    "STATE",
    "ROUND-TRIP",
    ...(wide ? ["LANES", "ADDRESS", "SITE-ID"] : []),
  ];
  return formatTable(
    columns,
    rows.map((row) => [
      row.name ?? "-",
      row.direction,
      row.site ?? "",
      row.cost === undefined ? "" : String(row.cost),
      row.state,
      row.rttMs === undefined ? "-" : formatRtt(row.rttMs),
      ...(wide
        ? [
            row.lanes === undefined ? "-" : String(row.lanes),
            row.endpoints?.join(",") ?? "-",
            row.siteId ?? "",
          ]
        : []),
    ]),
  );
}
