import { expect, test } from "bun:test";
import type { RouterConfig } from "../config.ts";
import { parseToldConfig } from "./told-config.ts";

const known: RouterConfig = {
  site: { id: "a", name: "a" },
  listeners: [{ service: "shop/web", port: 80, listen: "127.0.0.1:0", protocol: "http" }],
  services: [
    {
      service: "shop/web",
      ports: [{ port: 80 }],
      endpoints: [{ id: "p", name: "p", host: "10.0.0.1", ports: { "80": 8080 }, ready: true }],
    },
  ],
};
const [listener] = known.listeners ?? [];
const [service] = known.services ?? [];

test("what a newer controller says beyond what is known is left out, and told", () => {
  const newer = {
    ...known,
    colour: "blue",
    services: [
      {
        ...service,
        terms: { type: "Headless", later: true },
        endpoints: service?.endpoints.map((one) => ({ ...one, mood: 1 })),
      },
    ],
  };
  const told = parseToldConfig(newer);
  expect(told).toMatchObject({
    ok: true,
    config: { ...known, services: [{ ...service, terms: { type: "Headless" } }] },
  });
  expect(told.ignored.map(({ field }) => field)).toEqual([
    "colour",
    "services[0].terms.later",
    "services[0].endpoints[0].mood",
  ]);
  expect(newer.colour).toBe("blue");
});

test("a listener that says more than is known is left out as a whole: it may be for less than it seems", () => {
  const newer = { ...known, listeners: [{ ...listener, only: { site: "b", zone: "z" } }, listener] };
  expect(parseToldConfig(newer)).toMatchObject({ ok: true, config: { listeners: [listener] } });
});

test("what is wrong is refused as ever, with all of its problems", () => {
  const wrong = { ...known, colour: "blue", listeners: [{ ...listener, port: 0 }] };
  const told = parseToldConfig(wrong);
  expect(told).toMatchObject({ ok: false, ignored: [] });
  expect(!told.ok && told.problems.map(({ field }) => field).toSorted()).toEqual([
    "colour",
    "listeners[0].port",
  ]);
  for (const nothing of [undefined, null, 7, [], { listeners: 1 }])
    expect(parseToldConfig(nothing).ok).toBe(false);
});

test("what is all known is taken as it is", () => {
  const told = parseToldConfig(known);
  expect(told.ok && told.config).toBe(known);
  expect(told.ignored).toEqual([]);
});
