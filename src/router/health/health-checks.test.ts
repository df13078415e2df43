import { expect, test } from "bun:test";
import { FakeClock } from "#core/clock.ts";
import { seededRandom } from "#core/random.ts";
import type { ServiceConfig } from "../config.ts";
import type { Failure, ProbeTarget } from "./check.ts";
import type { HealthConfig } from "./config.ts";
import { HealthChecks } from "./health-checks.ts";

/** Checks whose probes are answered after 10 ms, or never. */
class Bench {
  readonly clock = new FakeClock();
  readonly checks: HealthChecks;
  readonly asked: { readonly host: string; readonly port: number; readonly atMs: number }[] = [];
  readonly failing = new Set<string>();
  readonly silent = new Set<string>();
  services: readonly ServiceConfig[] = [];
  running = 0;
  mostAtOnce = 0;
  changes = 0;

  constructor() {
    this.checks = new HealthChecks({
      clock: this.clock,
      random: seededRandom(1),
      onChange: () => this.changes++,
      prober: (target, done) => this.#probe(target, done),
    });
  }

  apply(services: readonly ServiceConfig[]): void {
    this.services = services;
    this.checks.apply(services);
  }

  /** Names of endpoints that are out, with the reason. */
  out(): Record<string, string> {
    const all = this.checks.apply(this.services).flatMap(({ endpoints }) => endpoints);
    return Object.fromEntries(
      all.filter(({ ready }) => !ready).map(({ name, reason }) => [name, reason ?? ""]),
    );
  }

  #probe({ host, port }: ProbeTarget, done: (failure: Failure) => void): () => void {
    this.asked.push({ host, port, atMs: this.clock.monotonicMs() });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    const cancel = this.silent.has(host)
      ? () => undefined
      : this.clock.after(10, () => {
          this.running--;
          done(this.failing.has(host) ? "answered 500" : undefined);
        });
    return () => {
      this.running--;
      cancel();
    };
  }
}

function service(hosts: readonly string[], health?: HealthConfig): ServiceConfig {
  return {
    service: "shop/web",
    ports: [{ port: 80 }, { port: 81 }],
    endpoints: hosts.map((host) => ({
      id: host,
      name: host,
      host,
      ports: { 80: 8080, 81: 8081 },
      ready: true,
    })),
    ...(health === undefined ? {} : { health }),
  };
}

const EACH_SECOND: HealthConfig = { type: "HTTP", intervalMs: 1000 };

test("out after `fall` failures in a row, with the reason; back after `rise` passes in a row", () => {
  const bench = new Bench();
  bench.apply([service(["a", "b"], { ...EACH_SECOND, rise: 2, fall: 3 })]);
  bench.clock.advance(5000);
  expect(bench.out()).toEqual({});
  bench.failing.add("a");
  bench.clock.advance(1800);
  expect(bench.out()).toEqual({});
  bench.clock.advance(1800);
  expect(bench.out()).toEqual({ a: "health check: answered 500" });
  expect(bench.changes).toBe(1);
  bench.failing.clear();
  bench.clock.advance(850);
  expect(Object.keys(bench.out())).toEqual(["a"]);
  bench.clock.advance(1800);
  expect(bench.out()).toEqual({});
  expect(bench.changes).toBe(2);
});

test("now and then a failure is none", () => {
  const bench = new Bench();
  bench.apply([service(["a"], { ...EACH_SECOND, fall: 2 })]);
  for (let n = 0; n < 20; n++) {
    if (n % 2 === 0) bench.failing.add("a");
    else bench.failing.clear();
    const before = bench.asked.length;
    while (bench.asked.length === before) bench.clock.advance(1);
    bench.clock.advance(20);
  }
  expect(bench.out()).toEqual({});
});

test("probes come once per interval, with a little chance, and first ones within a second", () => {
  const bench = new Bench();
  bench.apply([service(["a", "b", "c"], EACH_SECOND)]);
  bench.clock.advance(1000);
  expect(new Set(bench.asked.map(({ host }) => host)).size).toBe(3);
  bench.clock.advance(100_000);
  for (const host of ["a", "b", "c"]) {
    const times = bench.asked.filter((one) => one.host === host).map(({ atMs }) => atMs);
    expect(times.length).toBeWithin(95, 107);
    for (const [n, atMs] of times.entries())
      if (n > 0) expect(atMs - (times[n - 1] ?? 0)).toBeWithin(899, 1102);
  }
});

test("never more than 64 at once, and everyone has a turn", () => {
  const bench = new Bench();
  const hosts = Array.from({ length: 500 }, (_, n) => `h${n}`);
  bench.apply([service(hosts, { ...EACH_SECOND, intervalMs: 100 })]);
  bench.clock.advance(1000);
  expect(bench.mostAtOnce).toBe(64);
  expect(new Set(bench.asked.map(({ host }) => host)).size).toBe(500);
});

test("only what asks for it and is ready is probed, at the port that is asked for", () => {
  const bench = new Bench();
  const one = service(["a", "b"], { type: "TCP", port: 81 });
  const [first, second] = one.endpoints;
  if (first === undefined || second === undefined) throw new Error("No endpoints");
  bench.apply([
    { ...one, endpoints: [first, { ...second, ready: false, reason: "terminating" }] },
    { ...service(["x"]), service: "shop/other" },
  ]);
  bench.clock.advance(2500);
  expect(new Set(bench.asked.map(({ host, port }) => `${host}:${port}`))).toEqual(new Set(["a:8081"]));
  expect(bench.out()).toEqual({ b: "terminating" });
  bench.checks.stop();
  const { length } = bench.asked;
  bench.clock.advance(10_000);
  expect(bench.asked.length).toBe(length);
});

test("what goes away while it is probed leaves its place to others; another address begins healthy", () => {
  const bench = new Bench();
  const hosts = Array.from({ length: 64 }, (_, n) => `h${n}`);
  for (const host of hosts) bench.silent.add(host);
  bench.apply([service([...hosts, "late"], EACH_SECOND)]);
  bench.clock.advance(1000);
  bench.apply([service(["late"], EACH_SECOND)]);
  bench.clock.advance(2000);
  expect(bench.asked.some(({ host }) => host === "late")).toBe(true);
  expect(bench.running).toBeLessThanOrEqual(1);
  bench.failing.add("late");
  bench.clock.advance(4000);
  expect(Object.keys(bench.out())).toEqual(["late"]);
  const moved = service(["late"], EACH_SECOND);
  bench.apply([{ ...moved, endpoints: moved.endpoints.map((one) => ({ ...one, host: "new" })) }]);
  expect(bench.out()).toEqual({});
});

test("a service without an unhealthy endpoint is passed on as the same object", () => {
  const bench = new Bench();
  const services = [service(["a"], EACH_SECOND), { ...service(["b"]), service: "shop/other" }];
  expect(bench.checks.apply(services)[0]).toBe(services[0] as ServiceConfig);
  expect(bench.checks.apply(services)[1]).toBe(services[1] as ServiceConfig);
});
