import { expect, test } from "bun:test";
import type { Load, ServiceRow, ServicesView } from "#observe/views.ts";
import { styleFor } from "../output/style.ts";
import { visibleWidth } from "../output/table.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { SORTS } from "./sorts.ts";
import { podsViewText, servicesText, type ServicePod } from "./top-text.ts";

const style = styleFor(new MemoryIo(), "out");
const wide = { style, sort: "rps", width: Infinity } as const;
const IDLE: Load = { rps: 0, bytesPerSecond: 0, active: 0 };

function service(name: string, load: Partial<Load>, more: Partial<ServiceRow> = {}): ServiceRow {
  return {
    service: `shop/${name}`,
    protocol: "http",
    ports: [8080],
    load: { ...IDLE, ...load },
    podsReady: 2,
    pods: 2,
    sites: ["c1", "c2"],
    shares: [
      { site: "c1", percent: 66.7 },
      { site: "c2", percent: 33.3 },
    ],
    state: "ok",
    ...more,
  };
}

const view: ServicesView = {
  atMs: new Date(2026, 0, 2, 3, 4, 5).getTime(),
  services: [
    service("idle", {}, { state: "idle" }),
    service("cart", {
      rps: 12.34,
      successPercent: 99.96,
      p50Ms: 3.2,
      p95Ms: 21,
      p99Ms: 1234,
      bytesPerSecond: 4200,
      active: 3,
    }),
    service("web", {
      rps: 1530,
      successPercent: 100,
      p50Ms: 0.4,
      p95Ms: 2,
      p99Ms: 9,
      bytesPerSecond: 2_500_000,
      active: 12,
    }),
    service("dead", { rps: 0.3, successPercent: 0 }, { state: "down", podsReady: 0 }),
  ],
};

/** On a terminal of so many columns; without the line above the table. */
function linesOf(columns: number): string[] {
  return servicesText(view, { ...wide, width: columns })
    .split("\n")
    .slice(1);
}

test("services: the busiest first, with rate, success and latency", () => {
  expect(servicesText(view, wide)).toBe(`03:04:05  4 services, of the last 10 s
SERVICE     STATE      PODS     RPS   SUCCESS      P50      P95      P99   BYTES/S   ACTIVE   PROTOCOL   SHARES
shop/web    ok          2/2    1.5k      100%    0.4ms    2.0ms    9.0ms     2.5MB       12   http       c1 67%, c2 33%
shop/cart   ok          2/2      12     99.9%    3.2ms     21ms     1.2s     4.2kB        3   http       c1 67%, c2 33%
shop/dead   down        0/2     0.3        0%        -        -        -        0B        0   http       c1 67%, c2 33%
shop/idle   idle        2/2       0         -        -        -        -        0B        0   http       -
`);
});

test("each order puts what is asked for first", () => {
  const first = SORTS.map((sort) => [sort, /^shop\/(\w+)/m.exec(servicesText(view, { ...wide, sort }))?.[1]]);
  expect(Object.fromEntries(first)).toEqual({
    rps: "web",
    name: "cart",
    success: "dead",
    p99: "cart",
    bytes: "web",
  });
});

test("a narrow terminal loses columns and keeps name, pods, rate and success", () => {
  for (const columns of [120, 100, 80, 60, 50]) {
    for (const line of linesOf(columns)) expect(visibleWidth(line)).toBeLessThanOrEqual(columns);
  }
  expect(linesOf(20)[0]).toBe("SERVICE     PODS     RPS   SUCCESS");
});

test("pods: share beside what the policy wants", () => {
  const pod = (name: string, more: Partial<ServicePod> = {}): ServicePod => ({
    service: "shop/web",
    port: 8080,
    endpoint: `c1/${name}`,
    name,
    site: "c1",
    siteId: "id-1",
    ready: true,
    load: { ...IDLE, rps: 5, successPercent: 100 },
    sharePercent: 50,
    wantedPercent: 50,
    total: 1234,
    ...more,
  });
  const pods = [
    pod("web-1"),
    pod("web-0"),
    pod("web-2", { ready: false, load: IDLE, sharePercent: 0, wantedPercent: 0 }),
  ];
  expect(podsViewText({ atMs: view.atMs, pods, servicesLeftOut: 7 }, wide))
    .toBe(`03:04:05  3 pods, of the last 10 s; without those of the 7 least busy services
SERVICE         POD     SITE   READY     RPS   SUCCESS      P50      P95      P99   BYTES/S   ACTIVE    SHARE   WANTED   TOTAL
shop/web:8080   web-0   c1     yes       5.0      100%        -        -        -        0B        0    50.0%    50.0%    1234
shop/web:8080   web-1   c1     yes       5.0      100%        -        -        -        0B        0    50.0%    50.0%    1234
shop/web:8080   web-2   c1     no          0         -        -        -        -        0B        0       0%       0%    1234
`);
});

test("nothing to show is said", () => {
  expect(servicesText({ atMs: view.atMs, services: [] }, wide)).toBe("03:04:05  no services yet\n");
});
