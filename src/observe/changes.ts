import type { RouterEvent } from "#router/observe/observation.ts";
import type { RouterRecord } from "./collect/router-record.ts";
import type { Topology } from "./model/topology.ts";
import type { StoredEvent } from "./store/batch.ts";
import type { ActivityItem } from "./views.ts";

/** A service or a router that was away for less is not told of. */
const AWAY_MS = 10_000;
/** More that appear at once are told of as one event. */
const MANY = 20;

export type NewEvent = Omit<StoredEvent, "id">;

/** What the observer itself notices: sites, services and routers that come and go. Pure but for what it remembers. */
export class Changes {
  #sites: Set<string> | undefined;
  #services: Set<string> | undefined;
  readonly #missing = new Map<string, number>();
  readonly #lost = new Set<string>();

  /** What was known before this process. */
  restore(kept: { readonly sites: unknown; readonly services: unknown }): void {
    if (Array.isArray(kept.sites)) this.#sites = new Set(kept.sites.map(String));
    if (Array.isArray(kept.services)) this.#services = new Set(kept.services.map(String));
  }

  get sites(): readonly string[] {
    return [...(this.#sites ?? [])];
  }

  get services(): readonly string[] {
    return [...(this.#services ?? [])];
  }

  /** Looks at the network as it is now. The first look of all tells nothing: everything would be new. */
  look(topology: Topology, atMs: number): NewEvent[] {
    const events = this.#lookAtSites(topology, atMs);
    const services = new Set(topology.services.keys());
    const known = this.#services;
    if (known === undefined) {
      this.#services = services;
      return events;
    }
    const appeared = [...services].filter((service) => !known.has(service));
    for (const service of appeared) known.add(service);
    for (const service of services) this.#missing.delete(service);
    const gone: string[] = [];
    for (const service of known) {
      if (services.has(service)) continue;
      const since = this.#missing.get(service) ?? atMs;
      this.#missing.set(service, since);
      if (atMs - since < AWAY_MS) continue;
      gone.push(service);
      known.delete(service);
      this.#missing.delete(service);
    }
    events.push(...told(appeared, { kind: "ServiceAppeared", atMs, verb: "appeared" }));
    events.push(...told(gone, { kind: "ServiceGone", atMs, verb: "is gone" }));
    return events;
  }

  /** Routers that are not heard any more, while others are. */
  lookAtRouters(records: Iterable<RouterRecord>, atMs: number): NewEvent[] {
    const events: NewEvent[] = [];
    for (const { key, facts, observedMs } of records) {
      if (atMs - observedMs < AWAY_MS) this.#lost.delete(key);
      else if (!this.#lost.has(key)) {
        this.#lost.add(key);
        const message = `Router ${facts.id} of ${facts.siteName} is not heard any more`;
        events.push({ atMs, kind: "RouterLost", severity: "warning", message, ...whereOf(facts) });
      }
    }
    return events;
  }

  /** Routers that are known to be lost at the start are no news. */
  expectLost(keys: Iterable<string>): void {
    for (const key of keys) this.#lost.add(key);
  }

  #lookAtSites(topology: Topology, atMs: number): NewEvent[] {
    const known = this.#sites;
    if (known === undefined) {
      this.#sites = new Set(topology.sites.keys());
      return [];
    }
    const events: NewEvent[] = [];
    for (const { id, name } of topology.sites.values()) {
      if (known.has(id)) continue;
      known.add(id);
      const message = `Site ${name} joined the network`;
      events.push({ atMs, kind: "SiteJoined", severity: "info", message, siteId: id, site: name });
    }
    return events;
  }
}

/** A router's event as it is kept. `siteName` knows the names of sites. */
export function eventOf(
  event: RouterEvent,
  { record, siteName }: { record: RouterRecord; siteName: (siteId: string) => string | undefined },
): NewEvent {
  const { kind, atMs, message, service } = event;
  const siteId = event.siteId ?? record.siteId;
  // In the first answer of all there is no topology yet: then the router's own state knows.
  const site = siteName(siteId) ?? record.state?.sites.find(({ id }) => id === siteId)?.name ?? siteId;
  return {
    atMs,
    kind,
    severity: SEVERITY[kind] ?? "info",
    message,
    siteId,
    site,
    ...(service === undefined ? {} : { service }),
    routerSite: record.facts.siteName,
  };
}

export function restartedEvent({ facts }: RouterRecord, atMs: number): NewEvent {
  const message = `Router ${facts.id} of ${facts.siteName} was restarted`;
  return { atMs, kind: "RouterRestarted", severity: "warning", message, ...whereOf(facts) };
}

export function gapEvent(fromMs: number, toMs: number, why: string): NewEvent {
  const seconds = Math.max(1, Math.round((toMs - fromMs) / 1000));
  return {
    atMs: toMs,
    kind: "ObserverGap",
    severity: "warning",
    message: `Nobody observed for ${seconds} s: ${why}`,
  };
}

const SEVERITY: Readonly<Record<RouterEvent["kind"], ActivityItem["severity"]>> = {
  LinkUp: "info",
  LinkDown: "error",
  SiteReachable: "info",
  SiteUnreachable: "error",
  EndpointEjected: "warning",
  EndpointBack: "info",
  Failover: "warning",
  Failback: "info",
  NoEndpoints: "error",
  EndpointsBack: "info",
  ConfigApplied: "info",
  ConfigRefused: "error",
};

function whereOf(facts: { readonly siteId: string; readonly siteName: string }): {
  readonly siteId: string;
  readonly site: string;
  readonly routerSite: string;
} {
  return { siteId: facts.siteId, site: facts.siteName, routerSite: facts.siteName };
}

function told(
  services: readonly string[],
  { kind, atMs, verb }: { kind: "ServiceAppeared" | "ServiceGone"; atMs: number; verb: string },
): NewEvent[] {
  const severity = "info";
  if (services.length > MANY) {
    const few = services.slice(0, 3).join(", ");
    const message = `${services.length} services ${verb === "appeared" ? verb : "are gone"}: ${few}, …`;
    return [{ atMs, kind, severity, message }];
  }
  return services.map((service) => ({
    atMs,
    kind,
    severity,
    message: `Service ${service} ${verb}`,
    service,
  }));
}
