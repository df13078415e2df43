import type { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import type { Link } from "#link/types.ts";
import type { AdvertisedService, RouterFacts } from "../network/advertisement.ts";
import { RouterCounters } from "../counters.ts";
import { Flood, type FloodTrust, type Neighbour } from "../network/flood.ts";
import { LinkStateDatabase } from "../network/link-state.ts";
import { Network } from "../network/network.ts";

/** One site of a simulated network: its routing, with messages instead of links. */
export class SimulatedSite {
  readonly id: string;
  readonly database = new LinkStateDatabase();
  readonly counters = new RouterCounters();
  readonly network: Network;
  readonly flood: Flood;
  readonly links = new Map<SimulatedSite, { readonly link: Link; readonly neighbour: Neighbour }>();
  services: readonly AdvertisedService[];

  constructor(
    id: string,
    options: {
      readonly clock: FakeClock;
      readonly trust: FloodTrust;
      readonly services: readonly AdvertisedService[];
    },
  ) {
    const { clock } = options;
    const self = { site: id, router: "r" };
    this.id = id;
    this.services = options.services;
    this.network = new Network({
      self,
      database: this.database,
      clock,
      onServices: () => undefined,
      onChange: () => undefined,
    });
    const { database, counters, network } = this;
    this.flood = new Flood({
      self,
      database,
      clock,
      counters,
      onChange: (change) => network.changed(change),
    });
    this.flood.setTrust(options.trust);
  }

  publish(): void {
    const facts: RouterFacts = {
      site: this.id,
      router: "r",
      name: this.id,
      namespace: "",
      version: "1",
      generation: 0,
      links: [...this.links.values()].map(({ link }) => ({
        site: link.remote.siteId,
        router: "r",
        cost: link.cost,
        rttMs: 0,
      })),
      services: new Map(this.services.map((service) => [service.service, service])),
    };
    this.flood.publish(facts);
  }
}

interface Message {
  readonly from: SimulatedSite;
  readonly to: SimulatedSite;
  readonly payload: Uint8Array;
}

/** A connected random network. Messages are delivered in rounds: one round is one hop. */
export class Simulation {
  readonly sites: readonly SimulatedSite[];
  messages = 0;
  bytes = 0;
  readonly #clock: FakeClock;
  #queue: Message[] = [];

  constructor(options: {
    readonly clock: FakeClock;
    readonly sites: number;
    readonly degree: number;
    readonly trustOf: (index: number) => FloodTrust;
    readonly servicesOf: (index: number) => readonly AdvertisedService[];
  }) {
    const { clock, sites, degree, trustOf, servicesOf } = options;
    this.#clock = clock;
    this.sites = Array.from(
      { length: sites },
      (_, index) =>
        new SimulatedSite(`s${index}`, { clock, trust: trustOf(index), services: servicesOf(index) }),
    );
    const random = seededRandom(7);
    for (let index = 1; index < sites; index++) this.#link(index, random.below(index), 1 + random.below(5));
    for (let n = 0; n < (sites * (degree - 2)) / 2; n++)
      this.#link(random.below(sites), random.below(sites), 1 + random.below(5));
  }

  /** Delivers until nobody has anything to say; returns the rounds that took. */
  settle(): number {
    let rounds = 0;
    for (; this.#queue.length > 0; rounds++) {
      for (const { from, to, payload } of this.#queue.splice(0)) {
        const neighbour = to.links.get(from)?.neighbour;
        if (neighbour !== undefined) to.flood.receive(neighbour, payload);
      }
      this.#clock.advance(1);
    }
    this.#clock.advance(5);
    return rounds;
  }

  cut(a: SimulatedSite, b: SimulatedSite): void {
    for (const [here, there] of [
      [a, b],
      [b, a],
    ] as const) {
      const held = here.links.get(there);
      if (held === undefined) continue;
      here.links.delete(there);
      here.flood.neighbourDown(held.neighbour);
      here.network.linkDown(held.link);
      here.publish();
    }
  }

  #link(left: number, right: number, cost: number): void {
    const [a, b] = [this.sites[left], this.sites[right]];
    if (a === undefined || b === undefined || a === b || a.links.has(b)) return;
    this.#attach(a, b, cost);
    this.#attach(b, a, cost);
  }

  #attach(from: SimulatedSite, to: SimulatedSite, cost: number): void {
    const link = { name: to.id, cost, rttMs: 0, remote: { siteId: to.id, routerId: "r" } } as Link;
    const neighbour: Neighbour = {
      send: (payload) => {
        this.messages++;
        this.bytes += payload.length;
        this.#queue.push({ from, to, payload });
      },
    };
    from.links.set(to, { link, neighbour });
    from.network.linkUp(link);
    from.flood.neighbourUp(neighbour);
  }
}
