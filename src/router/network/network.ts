import type { Clock } from "#core/clock.ts";
import type { Link } from "#link/types.ts";
import type { AdvertisedService, RouterFacts } from "./advertisement.ts";
import type { LinkStateChange } from "./flood.ts";
import { routerKey, type LinkStateDatabase } from "./link-state.ts";
import { shortestPaths, type Edge, type Path } from "./shortest-paths.ts";
import type { Offers } from "../service-table.ts";

/** Changes that come together are routed once. */
const SETTLE_MS = 2;
const PRUNE_LOOK_MS = 10_000;
/** A replica that is gone, of a site that is not, is forgotten after this. */
const FORGET_REPLICA_MS = 60_000;

/** Links that start an equally cheap path to somewhere, which take turns. */
interface Way {
  readonly nextHops: readonly Link[];
  /** Index of the next hop to use. */
  turn: number;
}

/** A site as this router sees it. */
export interface SiteView extends Way {
  readonly siteId: string;
  /** Of the router that is believed: one that can be reached, with the highest generation, then epoch. */
  facts: RouterFacts;
  /** Cost of the cheapest path; undefined when none leads there. */
  cost: number | undefined;
  nextHops: readonly Link[];
}

export interface NetworkOptions {
  readonly self: { readonly site: string; readonly router: string };
  readonly database: LinkStateDatabase;
  readonly clock: Clock;
  /** Services whose endpoints or paths changed. */
  readonly onServices: (services: ReadonlySet<string>) => void;
  /** A site can be reached, that could not or was not known; or cannot any more. */
  readonly onReachable?: (site: SiteView, reachable: boolean) => void;
  /** Anything that the state shows changed. */
  readonly onChange: () => void;
}

/**
 * The route table: from the link-state database and the links that are up here, for every site the cheapest path and
 * what it offers. Paths are recomputed only when links changed; a change of services touches only those services.
 */
export class Network implements Offers {
  readonly #options: NetworkOptions;
  readonly #sites = new Map<string, SiteView>();
  readonly #bySite = new Map<string, Set<string>>();
  readonly #offering = new Map<string, Set<string>>();
  readonly #links = new Set<Link>();
  readonly #stopPruning: () => void;
  #pending: (() => void) | undefined;
  #paths: ReadonlyMap<string, Path> = new Map();
  /** To single routers of those sites of which one was asked for, as long as the paths are these. */
  readonly #waysToRouters = new Map<string, ReadonlyMap<string, Way>>();

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#stopPruning = options.clock.every(PRUNE_LOOK_MS, () => this.#prune());
  }

  stop(): void {
    this.#stopPruning();
    this.#pending?.();
    this.#pending = undefined;
  }

  /** Links that take streams, in order of their coming up. */
  get links(): ReadonlySet<Link> {
    return this.#links;
  }

  get sites(): ReadonlyMap<string, SiteView> {
    return this.#sites;
  }

  linkUp(link: Link): void {
    this.#links.add(link);
    this.#soon();
  }

  /** Routes over it are gone when this returns. */
  linkDown(link: Link): void {
    if (this.#links.delete(link)) this.recompute();
  }

  linkChanged(): void {
    this.#soon();
  }

  /** A router's state changed in the database. */
  changed({ entry, linksChanged, services }: LinkStateChange): void {
    const { site } = entry.facts;
    let routers = this.#bySite.get(site);
    if (routers === undefined) {
      routers = new Set();
      this.#bySite.set(site, routers);
    }
    routers.add(entry.key);
    if (site === this.#options.self.site) {
      if (linksChanged) this.#soon();
      return;
    }
    const view = this.#sites.get(site);
    if (linksChanged || view === undefined) this.#soon();
    if (view === undefined || (routers.size > 1 && entry.facts.router !== view.facts.router)) {
      this.#soon();
      return;
    }
    this.#believe(view, entry.facts, services);
    this.#options.onChange();
  }

  *offering(
    service: string,
  ): Iterable<{ siteId: string; cost: number | undefined; service: AdvertisedService }> {
    for (const siteId of this.#offering.get(service) ?? []) {
      const view = this.#sites.get(siteId);
      const offered = view?.facts.services.get(service);
      if (view !== undefined && offered !== undefined) yield { siteId, cost: view.cost, service: offered };
    }
  }

  /** The link for the next stream to a site; equal ones take turns. None that leads into a site of `avoid`. */
  nextHop(siteId: string, avoid?: readonly string[]): Link | undefined {
    return hopOf(this.#sites.get(siteId), avoid);
  }

  /**
   * The same to that very router of another site. A path through a second router of its site, or of this one, is none: a stream passes
   * each site once. Costs O((V + E) log V) the first time for a site after links changed.
   */
  nextHopToRouter(siteId: string, routerId: string, avoid?: readonly string[]): Link | undefined {
    if (siteId === this.#options.self.site || !this.knows(siteId, routerId)) return undefined;
    let ways = this.#waysToRouters.get(siteId);
    if (ways === undefined) {
      ways = this.#waysInto(siteId);
      this.#waysToRouters.set(siteId, ways);
    }
    return hopOf(ways.get(routerKey(siteId, routerId)), avoid);
  }

  /** Whether there is, or was not long ago, such another site; or such a router of it. */
  knows(siteId: string, routerId?: string): boolean {
    if (routerId === undefined) return this.#sites.has(siteId);
    return this.#options.database.get(routerKey(siteId, routerId)) !== undefined;
  }

  /** Ids of the sites on a cheapest path to a site, this one first; empty when none leads there. */
  sitesTo(siteId: string): string[] {
    const { self } = this.#options;
    if (siteId === self.site) return [siteId];
    let best: { key: string; cost: number } | undefined;
    for (const key of this.#bySite.get(siteId) ?? []) {
      const path = this.#paths.get(key);
      if (path !== undefined && (best === undefined || path.cost < best.cost))
        best = { key, cost: path.cost };
    }
    const sites: string[] = [];
    for (let key = best?.key; key !== undefined; key = this.#paths.get(key)?.previous) {
      const site = siteOf(key);
      if (sites[0] !== site) sites.unshift(site);
    }
    return sites.length === 0 ? sites : [self.site, ...sites];
  }

  /** Computes all paths now. */
  recompute(): void {
    this.#pending?.();
    this.#pending = undefined;
    const { database, self, clock } = this.#options;
    const links = [...this.#links];
    this.#waysToRouters.clear();
    const paths = shortestPaths(edgesOver(links), {
      self: routerKey(self.site, self.router),
      edgesOf: (node) => this.#edgesOf(node),
    });
    this.#paths = paths;
    const touched = new Set<string>();
    for (const [siteId, routers] of this.#bySite) {
      if (siteId === self.site) {
        // Its own routers need no route, but who looks wants to know which of them are there.
        this.#markReachable(routers, paths);
        continue;
      }
      let cost: number | undefined;
      let steps: number[] = [];
      for (const key of routers) {
        const path = paths.get(key);
        const entry = database.get(key);
        if (entry === undefined) continue;
        if (path === undefined) {
          entry.unreachableSinceMs ??= clock.monotonicMs();
          continue;
        }
        entry.unreachableSinceMs = undefined;
        if (cost === undefined || path.cost < cost) steps = [...path.firstSteps];
        else if (path.cost === cost) steps.push(...path.firstSteps.filter((step) => !steps.includes(step)));
        cost = Math.min(cost ?? path.cost, path.cost);
      }
      this.#route(siteId, { cost, nextHops: steps.map((step) => links[step] as Link), touched });
    }
    if (touched.size > 0) this.#options.onServices(touched);
    this.#options.onChange();
  }

  /** Ways to the routers of a site that pass no router of that site or of this one. */
  #waysInto(siteId: string): Map<string, Way> {
    const { self } = this.#options;
    const links = [...this.#links];
    const paths = shortestPaths(edgesOver(links), {
      self: routerKey(self.site, self.router),
      edgesOf: (node) => ([siteId, self.site].includes(siteOf(node)) ? [] : this.#edgesOf(node)),
    });
    const ways = new Map<string, Way>();
    for (const key of this.#bySite.get(siteId) ?? []) {
      const nextHops = paths.get(key)?.firstSteps.map((step) => links[step] as Link);
      if (nextHops !== undefined) ways.set(key, { nextHops, turn: 0 });
    }
    return ways;
  }

  #markReachable(routers: Iterable<string>, paths: ReadonlyMap<string, Path>): void {
    const { database, clock } = this.#options;
    for (const key of routers) {
      const entry = database.get(key);
      if (entry === undefined) continue;
      if (paths.has(key)) entry.unreachableSinceMs = undefined;
      else entry.unreachableSinceMs ??= clock.monotonicMs();
    }
  }

  #route(
    siteId: string,
    { cost, nextHops, touched }: { cost: number | undefined; nextHops: Link[]; touched: Set<string> },
  ): void {
    const facts = this.#believed(siteId);
    if (facts === undefined) return;
    let view = this.#sites.get(siteId);
    const isNew = view === undefined;
    const before = view?.cost;
    if (view === undefined) {
      view = { siteId, facts: { ...facts, services: new Map() }, cost, nextHops, turn: 0 };
      this.#sites.set(siteId, view);
    }
    if ((view.cost === undefined) !== (cost === undefined) || (isNew && cost !== undefined))
      this.#options.onReachable?.(view, cost !== undefined);
    view.cost = cost;
    view.nextHops = nextHops;
    if (view.facts !== facts) this.#believe(view, facts, undefined, touched);
    if (before !== cost) for (const service of facts.services.keys()) touched.add(service);
  }

  /** Takes over what a site offers; tells of `services` (all old and new ones when undefined) at once, or adds them to `touched`. */
  #believe(
    view: SiteView,
    facts: RouterFacts,
    services: ReadonlySet<string> | undefined,
    touched?: Set<string>,
  ): void {
    const changed = services ?? new Set([...view.facts.services.keys(), ...facts.services.keys()]);
    view.facts = facts;
    for (const service of changed) {
      const offering = this.#offering.get(service);
      if (!facts.services.has(service)) {
        offering?.delete(view.siteId);
        if (offering?.size === 0) this.#offering.delete(service);
      } else if (offering === undefined) this.#offering.set(service, new Set([view.siteId]));
      else if (!offering.has(view.siteId)) {
        // A stable order, whoever came first.
        this.#offering.set(service, new Set([...offering, view.siteId].toSorted()));
      }
      touched?.add(service);
    }
    if (touched === undefined && changed.size > 0) this.#options.onServices(changed);
  }

  #believed(siteId: string): RouterFacts | undefined {
    let best: { facts: RouterFacts; epoch: number; reachable: boolean } | undefined;
    for (const key of this.#bySite.get(siteId) ?? []) {
      const entry = this.#options.database.get(key);
      if (entry === undefined) continue;
      const { facts, epoch } = entry;
      const reachable = entry.unreachableSinceMs === undefined;
      const better =
        best === undefined ||
        (reachable !== best.reachable
          ? reachable
          : facts.generation !== best.facts.generation
            ? facts.generation > best.facts.generation
            : epoch > best.epoch);
      if (better) best = { facts, epoch, reachable };
    }
    return best?.facts;
  }

  /** An edge counts when both its routers advertise it; the cost is the dialler's, so both say the same. */
  *#edgesOf(node: string): Iterable<Edge> {
    const { database } = this.#options;
    const facts = database.get(node)?.facts;
    if (facts === undefined) return;
    for (const link of facts.links) {
      const to = routerKey(link.site, link.router);
      const back = database.get(to)?.facts.links;
      if (back?.some((other) => other.site === facts.site && other.router === facts.router) === true) {
        yield { to, cost: link.cost };
      }
    }
  }

  #soon(): void {
    this.#pending ??= this.#options.clock.after(SETTLE_MS, () => this.recompute());
  }

  #prune(): void {
    const { database, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const [siteId, routers] of this.#bySite) {
      for (const key of routers) {
        const since = database.get(key)?.unreachableSinceMs;
        const gone =
          since !== undefined &&
          nowMs - since > FORGET_REPLICA_MS &&
          this.#sites.get(siteId)?.cost !== undefined;
        if (gone) database.delete(key);
        if (database.get(key) === undefined) routers.delete(key);
      }
      if (routers.size === 0) this.#bySite.delete(siteId);
    }
  }
}

function hopOf(way: Way | undefined, avoid: readonly string[] | undefined): Link | undefined {
  if (way === undefined) return undefined;
  const { nextHops } = way;
  for (let tries = 0; tries < nextHops.length; tries++) {
    const link = nextHops[way.turn++ % nextHops.length] as Link;
    if (avoid === undefined || !avoid.includes(link.remote.siteId)) return link;
  }
  return undefined;
}

function edgesOver(links: readonly Link[]): Edge[] {
  return links.map(({ remote, cost }) => ({ to: routerKey(remote.siteId, remote.routerId), cost }));
}

function siteOf(key: string): string {
  return key.slice(0, key.indexOf("/"));
}
