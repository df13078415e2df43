import { expect, test } from "bun:test";
import type { ServiceRow } from "#observe/views.ts";
import { applyUpdate, drift, filterServices, nextSort, sortServices } from "./services.ts";

function row(service: string, more: Partial<ServiceRow> = {}): ServiceRow {
  return {
    service,
    protocol: "http",
    ports: [80],
    load: { rps: 0, bytesPerSecond: 0, active: 0 },
    podsReady: 1,
    pods: 1,
    sites: ["c1"],
    shares: [],
    state: "ok",
    ...more,
  };
}

const at = (rps: number, p50Ms?: number): ServiceRow["load"] => ({
  rps,
  bytesPerSecond: 0,
  active: 0,
  ...(p50Ms === undefined ? {} : { p50Ms }),
});
const names = (rows: readonly ServiceRow[]): string[] => rows.map(({ service }) => service);

test("an update changes, adds and removes rows, and leaves the others as they are", () => {
  const [a, b, c] = [row("n/a"), row("n/b"), row("n/c")];
  const rows = new Map([a, b].map((one) => [one.service, one]));
  const next = applyUpdate(rows, { atMs: 1, changed: [c], removed: ["n/a"] });
  expect(names([...next.values()])).toEqual(["n/b", "n/c"]);
  expect(next.get("n/b")).toBe(b);
  expect(rows.size).toBe(2);
});

test("every word of the filter must be found, in name or protocol", () => {
  const rows = [row("shop/app"), row("shop/api", { protocol: "grpc" }), row("x/app")];
  expect(names(filterServices(rows, { q: "SHOP ap" }))).toEqual(["shop/app", "shop/api"]);
  expect(names(filterServices(rows, { q: "grpc" }))).toEqual(["shop/api"]);
});

test("filters by state and site hold together", () => {
  const rows = [
    row("a", { state: "down" }),
    row("b", { state: "down", sites: ["c2"] }),
    row("c", { sites: ["c2"] }),
  ];
  expect(names(filterServices(rows, { state: "down", site: "c2" }))).toEqual(["b"]);
});

test("rows without a value come last in either direction, equals by name", () => {
  const rows = [
    row("d"),
    row("c", { load: at(1, 5) }),
    row("b", { load: at(1, 9) }),
    row("a", { load: at(1, 5) }),
  ];
  expect(names(sortServices(rows, "p50"))).toEqual(["a", "c", "b", "d"]);
  expect(names(sortServices(rows, "-p50"))).toEqual(["b", "a", "c", "d"]);
  expect(names(sortServices(rows, "nonsense"))).toEqual(["a", "b", "c", "d"]);
});

test("a heading turns from largest to smallest to the default", () => {
  expect(nextSort(undefined, "rps")).toBe("-rps");
  expect(nextSort("-rps", "rps")).toBe("rps");
  expect(nextSort("rps", "rps")).toBeUndefined();
  expect(nextSort(undefined, "name")).toBe("-name");
  expect(nextSort("-name", "name")).toBeUndefined();
});

test("drift is the largest distance from what is wanted", () => {
  expect(
    drift([
      { site: "a", percent: 40, wantedPercent: 50 },
      { site: "b", percent: 60, wantedPercent: 50 },
      { site: "c", percent: 3 },
    ]),
  ).toBe(10);
});
