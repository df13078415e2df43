import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import type { AdvertisedService } from "./advertisement.ts";
import type { FloodTrust } from "./flood.ts";
import { AdvertisementSigner, AdvertisementVerifier } from "./signature.ts";
import { TestNetwork } from "../testing/network.ts";
import { Simulation, type SimulatedSite } from "../testing/simulation.ts";

const SITES = 200;
const SERVICES = 10;
const ENDPOINTS = 3;

function servicesOf(site: number): AdvertisedService[] {
  return Array.from({ length: SERVICES }, (_, index) => ({
    service: `ns/app-${(site + index) % SITES}`,
    ports: [{ port: 80, protocol: "TCP" }],
    endpoints: Array.from({ length: ENDPOINTS }, (__, pod) => ({
      id: `p${index}-${pod}`,
      name: `p${index}-${pod}`,
      ready: true,
      weight: 1,
    })),
  }));
}

/** Real signatures; each is verified once for all sites, since all run on one processor here. */
async function trusts(): Promise<FloodTrust[]> {
  const network = await TestNetwork.create();
  const verifier = new AdvertisementVerifier({ trust: network.root.certificate, network: network.network });
  const verified = new Map<string, boolean>();
  const once: FloodTrust["verifier"] = {
    originOf: (certificate, nowMs) => verifier.originOf(certificate, nowMs),
    verify: (origin, signed) => {
      let result = verified.get(signed.signature);
      if (result === undefined) {
        result = verifier.verify(origin, signed);
        verified.set(signed.signature, result);
      }
      return result;
    },
  };
  const identities = await Promise.all(
    Array.from({ length: SITES }, (_, index) => network.identity(`s${index}`)),
  );
  return identities.map(({ server }) => ({ signer: new AdvertisementSigner(server), verifier: once }));
}

/** Every site knows every other, at the cost and with the services that the others tell. */
function converged(simulation: Simulation): boolean {
  return simulation.sites.every(({ network }) => {
    const sites = [...network.sites.values()];
    return (
      sites.length === SITES - 1 &&
      sites.every(({ cost, facts }) => cost !== undefined && facts.services.size === SERVICES)
    );
  });
}

test("200 sites with 10 services each converge, follow a pod, and route around a cut link", async () => {
  const keys = await trusts();
  const started = performance.now();
  const simulation = new Simulation({
    clock: new FakeClock(Date.now()),
    sites: SITES,
    degree: 4,
    trustOf: (index) => keys[index] as FloodTrust,
    servicesOf,
  });
  for (const site of simulation.sites) site.publish();
  const rounds = simulation.settle();
  expect(converged(simulation)).toBe(true);
  const coldMs = performance.now() - started;
  const cold = { messages: simulation.messages, bytes: simulation.bytes };

  const [first, last] = [simulation.sites[0] as SimulatedSite, simulation.sites.at(-1) as SimulatedSite];
  first.services = first.services.map((service, index) =>
    index === 0 ? { ...service, endpoints: service.endpoints.slice(1) } : service,
  );
  const before = { messages: simulation.messages, bytes: simulation.bytes };
  first.publish();
  const hops = simulation.settle();
  const offered = [...last.network.offering("ns/app-0")].find(({ siteId }) => siteId === "s0");
  expect(offered?.service.endpoints.length).toBe(ENDPOINTS - 1);
  const change = { messages: simulation.messages - before.messages, bytes: simulation.bytes - before.bytes };
  const links = simulation.sites.reduce((sum, site) => sum + site.links.size, 0) / 2;
  // A change crosses each link at most twice.
  expect(change.messages).toBeLessThanOrEqual(2 * links);

  const busy = simulation.sites.toSorted((a, b) => b.links.size - a.links.size)[0] as SimulatedSite;
  const neighbour = [...busy.links.keys()].find((other) => other.links.size > 1) as SimulatedSite;
  simulation.cut(busy, neighbour);
  simulation.settle();
  const view = busy.network.sites.get(neighbour.id);
  expect(view?.cost).toBeGreaterThan(1);
  expect(view?.nextHops[0]?.remote.siteId).not.toBe(neighbour.id);
  // Both directions of every pair cost the same.
  for (const site of simulation.sites) {
    expect(first.network.sites.get(site.id)?.cost).toBe(site.network.sites.get(first.id)?.cost as number);
  }
  for (const { network, flood } of simulation.sites) {
    network.stop();
    flood.stop();
  }
  process.stdout.write(
    `${SITES} sites, ${links} links: cold start ${rounds} hops, ${cold.messages} messages, ${(cold.bytes / 1e6).toFixed(1)} MB, ` +
      `${coldMs.toFixed(0)} ms for all on one processor; one pod's change ${hops} hops, ${change.messages} messages, ${change.bytes} bytes\n`,
  );
}, 30_000);
