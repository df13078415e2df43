import { expect, test } from "bun:test";
import { systemClock } from "#core/clock.ts";
import { Observer } from "#observe/observer.ts";
import { DURATION_BOUNDS_MS, type Observation, type TrafficRow } from "#router/observe/observation.ts";
import type { RouterState } from "#router/state.ts";

const SERVICES = 1000;
const PODS = 5;
const FLOWS = 200;
const ROUNDS = 8;
/** Far more than it takes: a machine that does ten other things must pass, and a loop over everything for each row must not. */
const MOST_CPU_MS = 1000;

const services = Array.from({ length: SERVICES }, (_, index) => `shop/service-${index}`);
const pods = Array.from({ length: PODS }, (_, index) => `7d9f8c6b5-pod-${index}`);

function stateOfAll(): RouterState {
  return {
    routerId: "r",
    links: [],
    problems: [],
    listeners: services.map((service) => ({ service, port: 80, listen: "127.0.0.1:1", state: "open" })),
    sites: [
      {
        id: "s",
        name: "c1",
        namespace: "shop",
        version: "test",
        reachable: true,
        cost: 0,
        links: [],
        services: services.map((service) => ({
          service,
          ports: [{ port: 80, protocol: "TCP", appProtocol: "http" }],
          endpoints: pods.map((name) => ({ id: name, name, ready: true, weight: 1 })),
        })),
      },
    ],
  };
}

/** Every pod of every service had work. */
function rows(round: number): TrafficRow[] {
  const durations = DURATION_BOUNDS_MS.map((_, index) => (index < 8 ? round * 4 : 0));
  return services.flatMap((service) =>
    pods.map((endpointName) => ({
      service,
      port: 80,
      protocol: "http" as const,
      destinationSiteId: "s",
      destinationSite: "c1",
      endpoint: `s/${endpointName}`,
      endpointName,
      total: round * 32,
      active: 1,
      codes: [0, round * 32, 0, 0, 0],
      failures: 0,
      retries: 0,
      bytesToEndpoint: round * 3000,
      bytesToClient: round * 90_000,
      durations: [...durations, 0],
      durationSumMs: round * 80,
    })),
  );
}

function answer(round: number): string {
  const observation: Observation = {
    router: {
      id: "r",
      siteId: "s",
      siteName: "c1",
      namespace: "shop",
      version: "test",
      startedMs: 0,
      memoryBytes: 0,
      cpuSeconds: 0,
    },
    atMs: Date.now(),
    ...(round === 1 ? { state: stateOfAll() } : {}),
    links: [],
    traffic: rows(round),
    flows: Array.from({ length: FLOWS }, (_, index) => ({
      seq: (round - 1) * FLOWS + index + 1,
      protocol: "http" as const,
      startedMs: Date.now(),
      durationMs: 2.5,
      service: services[index] ?? "",
      port: 80,
      client: "10.0.0.1",
      destinationSiteId: "s",
      destinationSite: "c1",
      path: ["s"],
      endpoint: "s/pod",
      endpointName: "pod",
      bytesToEndpoint: 100,
      bytesToClient: 3000,
      attempts: 1,
      outcome: "ok" as const,
      why: "Endpoints, LeastRequest",
      http: { method: "GET", host: "service", path: `/items/${index}`, status: 200 },
    })),
    flowsLost: 0,
    flowsUnsampled: 0,
    events: [],
    eventsLost: 0,
    next: { epoch: "1", flows: round * FLOWS, events: 0, traffic: round, state: 1 },
    more: false,
  };
  return JSON.stringify(observation);
}

test("A round of 1,000 services and 5,000 pods that all have work, with everything followed, costs little", async () => {
  let text = "";
  const observer = new Observer({
    clock: systemClock,
    store: { path: ":memory:" },
    source: {
      routers: () => Promise.resolve(["r"]),
      get: (path) => {
        const value: unknown = path.startsWith("/v1/observe") ? JSON.parse(text) : undefined;
        return Promise.resolve({ status: value === undefined ? 404 : 200, value });
      },
    },
  });
  text = answer(1);
  await observer.look();
  let told = 0;
  const count = ({ json }: { readonly json: string }): void => void (told += json.length);
  observer.subscribe({ view: "network" }, count);
  observer.subscribe({ view: "services" }, count);
  observer.subscribe({ view: "service", service: "shop/service-1" }, count);
  observer.subscribe({ view: "flows", filter: {} }, count);
  const cpuMs: number[] = [];
  for (let round = 2; round < ROUNDS + 2; round++) {
    text = answer(round);
    // A router with so many rows is asked every other second.
    await Bun.sleep(1600);
    const before = process.cpuUsage();
    await observer.look();
    const { user, system } = process.cpuUsage(before);
    cpuMs.push((user + system) / 1000);
  }
  const sorted = cpuMs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const kib = Math.round(text.length / 1024);
  console.log(
    `notice: ${Math.round(median)} ms of CPU for a round (median of ${ROUNDS}), ${kib} KiB read, ` +
      `${Math.round(process.memoryUsage().rss / 1e6)} MB resident`,
  );
  expect(median).toBeLessThan(MOST_CPU_MS);
  expect(told).toBeGreaterThan(0);
  const view = await observer.service("shop/service-1");
  expect(view.pods.map(({ total }) => total)).toEqual(pods.map(() => (ROUNDS + 1) * 32));
  observer.stop();
});
