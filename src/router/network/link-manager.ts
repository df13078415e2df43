import type { MemoryBudget } from "#link/memory-budget.ts";
import type { Link, LinkHandler, LinkIdentity, LinkSelf, ProtocolErrorCounts } from "#link/types.ts";
import { messageOf } from "#core/errors.ts";
import { resolveAddress, type LinkConfig, type RouterConfig } from "../config.ts";
import type { Problem } from "../config.ts";
import type { LinkState } from "../state.ts";

export interface DialledLink {
  status(): { readonly state: "connecting" | "up" | "down"; readonly error?: string | undefined };
  setCost(cost: number): void;
  close(): void;
}

export interface LinkAcceptor {
  readonly port: number;
  /** Takes no more connections; links stay. */
  stop(): void;
  close(): void;
}

interface TransportOptions {
  readonly identity: () => LinkIdentity;
  readonly self: LinkSelf;
  readonly handler: LinkHandler;
}

/** How links are made: TLS in earnest, anything in tests. */
export interface LinkTransport {
  dial(
    options: TransportOptions & {
      readonly name: string;
      readonly addresses: readonly string[];
      readonly lanes: number;
      readonly cost: number;
      readonly expectedSite: string | undefined;
    },
  ): DialledLink;
  /** Throws ADDRESS_IN_USE. */
  accept(options: TransportOptions & { readonly hostname: string; readonly port: number }): LinkAcceptor;
  /** What all links together hold for streams, and how often bad input closed a lane. */
  readonly memory?: MemoryBudget;
  readonly errors?: ProtocolErrorCounts;
}

export interface LinkManagerOptions {
  readonly transport: LinkTransport;
  readonly handler: LinkHandler;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const DEFAULT_COST = 1;
const DEFAULT_LANES = 2;

/**
 * Keeps the configured links dialled and the configured addresses accepting. A change touches only what changed: links
 * are told apart by name, acceptors by address; another cost is set in place, another address or site dials anew.
 */
export class LinkManager {
  readonly #options: LinkManagerOptions;
  readonly #dialled = new Map<string, { config: LinkConfig; link: DialledLink }>();
  readonly #acceptors = new Map<string, LinkAcceptor>();
  #identity: LinkIdentity | undefined;

  constructor(options: LinkManagerOptions) {
    this.#options = options;
  }

  /** Ports that accept links, in order of configuration. */
  get ports(): readonly number[] {
    return [...this.#acceptors.values()].map(({ port }) => port);
  }

  /** Returns what could not be done; with `strict` throws it instead. */
  configure(
    config: RouterConfig,
    { self, strict }: { readonly self: LinkSelf; readonly strict: boolean },
  ): Problem[] {
    const identity = identityOf(config);
    // The same object while nothing changed: the link part then need not compare certificates.
    if (JSON.stringify(identity) !== JSON.stringify(this.#identity)) this.#identity = identity;
    const base = { identity: () => this.#identity as LinkIdentity, self, handler: this.#options.handler };
    const problems = this.#accept(config, { base, strict });
    this.#dial(config, base);
    return problems;
  }

  /** Takes no more links; those that stand are left to `goAway`. */
  stopAccepting(): void {
    for (const acceptor of this.#acceptors.values()) acceptor.stop();
  }

  close(): void {
    for (const { link } of this.#dialled.values()) link.close();
    for (const acceptor of this.#acceptors.values()) acceptor.close();
    this.#dialled.clear();
    this.#acceptors.clear();
  }

  state(up: Iterable<Link>): LinkState[] {
    const states: LinkState[] = [];
    const live = [...up];
    for (const [name, { config, link }] of this.#dialled) {
      const { state, error } = link.status();
      const now = live.find((one) => one.name === name && one.direction === "dialled");
      states.push({
        name,
        direction: "dialled",
        remoteSiteId: now?.remote.siteId ?? config.site ?? "",
        remoteSiteName: now?.remote.siteName ?? "",
        cost: config.cost ?? DEFAULT_COST,
        rttMs: round(now?.rttMs ?? 0),
        lanes: now?.lanes ?? 0,
        state: now === undefined && state === "up" ? "connecting" : state,
        ...(error === undefined ? {} : { error }),
      });
    }
    for (const { name, direction, remote, cost, rttMs, lanes } of live) {
      if (direction === "dialled") continue;
      const { siteId: remoteSiteId, siteName: remoteSiteName } = remote;
      states.push({
        name,
        direction,
        remoteSiteId,
        remoteSiteName,
        cost,
        rttMs: round(rttMs),
        lanes,
        state: "up",
      });
    }
    return states;
  }

  #accept(config: RouterConfig, { base, strict }: { base: TransportOptions; strict: boolean }): Problem[] {
    const problems: Problem[] = [];
    const wanted = new Map(
      (config.accept ?? []).map(({ listen }, index) => [
        `${listen}#${listen.endsWith(":0") ? index : 0}`,
        { listen, index },
      ]),
    );
    for (const [key, acceptor] of this.#acceptors) {
      if (wanted.has(key)) continue;
      acceptor.close();
      this.#acceptors.delete(key);
    }
    for (const [key, { listen, index }] of wanted) {
      if (this.#acceptors.has(key)) continue;
      try {
        const at = resolveAddress(listen, this.#options.env);
        if (at === undefined) throw new Error("POD_IP is not set");
        this.#acceptors.set(key, this.#options.transport.accept({ ...base, ...at }));
      } catch (error) {
        if (strict) throw error;
        problems.push({ field: `accept[${index}].listen`, message: messageOf(error) });
      }
    }
    return problems;
  }

  #dial(config: RouterConfig, base: TransportOptions): void {
    const wanted = new Map((config.links ?? []).map((link) => [link.name, link]));
    for (const [name, { config: before, link }] of this.#dialled) {
      const now = wanted.get(name);
      if (now !== undefined && sameTarget(before, now)) continue;
      link.close();
      this.#dialled.delete(name);
    }
    for (const [name, link] of wanted) {
      const known = this.#dialled.get(name);
      if (known !== undefined) {
        if (known.config.cost !== link.cost) known.link.setCost(link.cost ?? DEFAULT_COST);
        known.config = link;
        continue;
      }
      const { addresses, cost = DEFAULT_COST, lanes = DEFAULT_LANES, site } = link;
      this.#dialled.set(name, {
        config: link,
        link: this.#options.transport.dial({ ...base, name, addresses, cost, lanes, expectedSite: site }),
      });
    }
  }
}

/** The identity as the link part takes it; undefined without one. PEM was filled in when the configuration was loaded. */
export function identityOf({ site, identity }: RouterConfig): LinkIdentity | undefined {
  if (identity === undefined) return undefined;
  const { network, client, server, trust } = identity;
  return {
    network,
    siteId: site.id,
    client: { certificate: client.certificate ?? "", key: client.key ?? "" },
    server: { certificate: server.certificate ?? "", key: server.key ?? "" },
    trust: trust ?? "",
  };
}

function sameTarget(a: LinkConfig, b: LinkConfig): boolean {
  return JSON.stringify([a.addresses, a.lanes, a.site]) === JSON.stringify([b.addresses, b.lanes, b.site]);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
