import type { Link } from "#api/kinds/link.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { linkTable } from "../link/link-status.ts";
import { printValue } from "../output/objects.ts";
import { type Style, styleFor } from "../output/style.ts";
import { formatTable, padEnd } from "../output/table.ts";
import { showWatched } from "../output/watched.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { type SiteSummary, siteSummary } from "./site-summary.ts";

export interface StatusOptions {
  readonly watch?: boolean;
  readonly output?: "table" | "json" | "yaml";
}

/** Prints the site, its links and the services that it sees. With `watch` again and again, until it is ended. */
export async function printStatus(options: StatusOptions, session: Session): Promise<void> {
  const { io } = session;
  const style = styleFor(io, "out");
  if (options.watch === true) {
    const look = (): Promise<SiteSummary> => summaryOf(session);
    await showWatched({ look, text: (seen) => formatStatus(seen, style), output: options.output }, session);
    return;
  }
  const summary = await summaryOf(session);
  if (options.output === "json" || options.output === "yaml") printValue(summary, options.output, io);
  else io.out(formatStatus(summary, style));
  const hint = hintOf(summary);
  if (hint !== undefined) io.err(`hint: ${hint.why}: ${session.command(hint.command)}\n`);
}

async function summaryOf(session: Session): Promise<SiteSummary> {
  const { client, namespace } = session;
  const [site, links, policies] = await Promise.all([
    requireSite(session),
    client.list<Link>(RESOURCES.links, { namespace }).catch(emptyWithoutKinds),
    client.list<TrafficPolicy>(RESOURCES.trafficPolicies, { namespace }).catch(emptyWithoutKinds),
  ]);
  return siteSummary(site, links.items, policies.items);
}

/** Of a cluster without our kinds `requireSite` says what to do. */
function emptyWithoutKinds(error: unknown): { items: [] } {
  if (error instanceof IsthmusError && error.code === "NOT_FOUND") return { items: [] };
  throw error;
}

function hintOf(summary: SiteSummary): { why: string; command: string } | undefined {
  if (!summary.ready) return { why: "what is wrong", command: "check" };
  if (summary.links.some(({ state }) => state !== "up"))
    return { why: "what is wrong with the links", command: "link status -o wide" };
  if (summary.sites < 2) return { why: "to link another site to this one", command: "token create FILE" };
  return undefined;
}

const LABEL_WIDTH = 11;

export function formatStatus(summary: SiteSummary, style: Style): string {
  const { name, namespace, network, sites, links, services, version, routers } = summary;
  const state = summary.ready ? style.good("ready") : style.bad(`not ready: ${summary.message ?? ""}`);
  const up = links.filter((link) => link.state === "up").length;
  const linked = `${up} of ${links.length} up`;
  const lines = [
    [
      "Site",
      `${style.bold(name)} in namespace ${namespace}${version === undefined ? "" : `, version ${version}`}`,
    ],
    ["State", state],
    ...(routers === undefined ? [] : [["Routers", routers]]),
    [
      "Network",
      network === undefined ? "none yet" : `${network}, ${sites} ${sites === 1 ? "site" : "sites"}`,
    ],
    ["Links", links.length === 0 ? "none" : up === links.length ? linked : style.bad(linked)],
    ["Services", servicesText(services, style)],
  ].map(([label = "", text = ""]) => `${padEnd(label, LABEL_WIDTH)}${text}\n`);
  if (links.length > 0) lines.push("\n", linkTable(links, false));
  if (services.length > 0) {
    lines.push(
      "\n",
      formatTable(
        ["SERVICE", "PORTS", "CLUSTERS", "READY", "MODE", "SHARES"],
        services.map((row) => [
          row.service,
          row.ports.join(","),
          row.clusters.join(","),
          readyText(row, style),
          row.mode ?? "-",
          row.shares ?? "-",
        ]),
      ),
    );
  }
  return lines.join("");
}

function servicesText(services: SiteSummary["services"], style: Style): string {
  if (services.length === 0) return "none";
  const dead = services.filter(({ ready }) => ready === 0).length;
  return dead === 0
    ? String(services.length)
    : `${services.length}, ${style.bad(`${dead} without a ready pod`)}`;
}

function readyText({ ready, pods }: { ready: number; pods: number }, style: Style): string {
  const text = `${ready}/${pods}`;
  return ready === 0 ? style.bad(text) : ready < pods ? style.warn(text) : text;
}
