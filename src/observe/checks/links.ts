import type { AccessToken } from "#api/kinds/access-token.ts";
import type { Link } from "#api/kinds/link.ts";
import type { SeenSite, Site } from "#api/kinds/site.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import type { CheckResult } from "../views.ts";
import { type Category, type Check, failed, ok, skipped, summed, type Verdict, warning } from "./check.ts";
import type { Facts } from "./facts.ts";

/** Each link is named, with its round trip, up to so many; of more only those that are not well. */
const NAMED = 10;

const dialled: Check = {
  name: "links are up",
  async run(facts) {
    const links = await facts.list<Link>(RESOURCES.links);
    const site = await facts.site();
    if (links.length === 0) {
      const { incoming = [] } = site?.status?.links ?? {};
      return incoming.length > 0
        ? skipped("This site dials no other")
        : skipped("No links yet", `To link another site to this one: ${facts.command("token create FILE")}`);
    }
    const judged = links
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .map((link) => ({
        name: `link "${link.metadata.name}" is up`,
        verdict: linkVerdict(link, { site, facts }),
      }));
    if (judged.length <= NAMED) return judged.map(({ name, verdict }): CheckResult => ({ name, ...verdict }));
    return summed(judged, (count) => `${count} links are up`);
  },
};

function linkVerdict(link: Link, { site, facts }: { site: Site | undefined; facts: Facts }): Verdict {
  const { metadata, spec, status } = link;
  const operational = conditionOf(status?.conditions, "Operational");
  const hint = facts.command(`link status ${metadata.name} -o wide`);
  if (operational === undefined) return failed("The controller has not looked at it yet", hint);
  if (operational.status !== "True") return failed(operational.message, hint);
  const { remoteSite = "", remoteSiteId, rttMs } = status ?? {};
  const rtt = rttMs === undefined ? "" : `, ${rttMs < 10 ? rttMs.toFixed(1) : rttMs.toFixed(0)} ms`;
  const { id, sites = [] } = site?.status ?? {};
  const other = sites.find((one) => one.id === remoteSiteId);
  // Both ends advertise a link that is up; one that only this end sees carries nothing back.
  const back = other?.links?.some((one) => one.site === id);
  if (other?.links !== undefined && back !== true)
    return warning(`Site "${remoteSite}" does not see it from its end`, hint);
  return ok(`to ${remoteSite || "?"}, cost ${spec.cost}${rtt}`);
}

const incoming: Check = {
  name: "links from other sites",
  async run(facts) {
    const seen = (await facts.site())?.status?.links?.incoming ?? [];
    if (seen.length === 0) return skipped("None dials this one");
    if (seen.length > NAMED) return ok(`${seen.length}`);
    return seen.map(({ name, rttMs }) => ({
      name: `link from "${name}" is up`,
      ...ok(rttMs === undefined ? undefined : `${rttMs.toFixed(1)} ms`),
    }));
  },
};

const reachable: Check = {
  name: "sites of the network are reachable",
  async run(facts) {
    const { sites = [], id, network } = (await facts.site())?.status ?? {};
    if (network === undefined) return skipped("The site is in no network yet");
    const others = sites.filter((one) => one.id !== id);
    if (others.length === 0) return skipped("No other site is in the network yet");
    const judged = others.map((one) => ({
      name: `site "${one.name}" is reachable`,
      verdict: siteVerdict(one, facts),
    }));
    return summed(judged, (count) => `${count} other ${count === 1 ? "site is" : "sites are"} reachable`);
  },
};

function siteVerdict(site: SeenSite, facts: Facts): Verdict {
  return site.reachable === false
    ? failed(
        "No path of links leads there; what is shown of it is the last that was heard",
        facts.command("network status"),
      )
    : ok();
}

/** A token that is redeemed needs no line: its link has one. */
const redeemed: Check = {
  name: "tokens are redeemed",
  async run(facts) {
    const tokens = await facts.list<AccessToken>(RESOURCES.accessTokens);
    return tokens.flatMap(({ metadata, status }): CheckResult[] => {
      const condition = conditionOf(status?.conditions, "Redeemed");
      if (condition?.status === "True") return [];
      const why = condition?.message ?? "The controller has not looked at it yet";
      const hint = facts.command("link create FILE");
      return [{ name: `token "${metadata.name}" is redeemed`, ...failed(why, `With a new token: ${hint}`) }];
    });
  },
};

export const links: Category = { category: "Links", checks: [dialled, redeemed, incoming, reachable] };
