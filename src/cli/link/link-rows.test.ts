import { expect, test } from "bun:test";
import type { Link } from "#api/kinds/link.ts";
import type { Site } from "#api/kinds/site.ts";
import type { ConditionStatus } from "#api/object.ts";
import { formatRtt, linkRows } from "./link-rows.ts";
import { linkTable } from "./link-status.ts";

const API = "isthmus.dev/v1alpha1";

function link(name: string, state: { status: ConditionStatus; message: string } | undefined): Link {
  const condition = { type: "Operational", reason: "Any", lastTransitionTime: "2026-01-01T00:00:00Z" };
  return {
    apiVersion: API,
    kind: "Link",
    metadata: { name, namespace: "shop" },
    spec: { endpoints: [{ host: "127.1.240.1", port: 7443 }], cost: 4, lanes: 2 },
    status: {
      remoteSite: "c1",
      remoteSiteId: "id-1",
      rttMs: 0.4123,
      ...(state === undefined ? {} : { conditions: [{ ...condition, ...state }] }),
    },
  };
}

const site: Site = {
  apiVersion: API,
  kind: "Site",
  metadata: { name: "c2", namespace: "shop" },
  spec: { linkAccess: "LoadBalancer", router: { replicas: 1 } },
  status: {
    id: "id-2",
    links: { incoming: [{ site: "id-3", name: "c3" }] },
    sites: [{ id: "id-2", name: "c2", links: [{ site: "id-3", cost: 2, rttMs: 12.6 }] }],
  },
};

test("outgoing links by name, then incoming ones, as a table", () => {
  const rows = linkRows([link("to-c1", { status: "True", message: "" })], site);
  expect(linkTable(rows, false)).toBe(
    [
      "NAME    DIRECTION   SITE   COST   STATE   ROUND-TRIP",
      "to-c1   outgoing    c1     4      up      0.4 ms",
      "-       incoming    c3     2      up      13 ms",
      "",
    ].join("\n"),
  );
});

test("wide adds lanes, address and site id", () => {
  const [, row] = linkTable(
    linkRows([link("to-c1", { status: "True", message: "" })], undefined),
    true,
  ).split("\n");
  expect(row?.split(/ {3,}/)).toEqual([
    "to-c1",
    "outgoing",
    "c1",
    "4",
    "up",
    "0.4 ms",
    "2",
    "127.1.240.1:7443",
    "id-1",
  ]);
});

test("a link that is not up says why, and has no round trip", () => {
  const [down] = linkRows([link("a", { status: "False", message: "connection refused" })], undefined);
  expect(down).toMatchObject({ state: "down", message: "connection refused" });
  expect(down?.rttMs).toBeUndefined();
  const [young] = linkRows([link("a", undefined)], undefined);
  expect(young?.state).toBe("connecting");
});

test("round trips are precise where they are short", () => {
  expect([0.123, 9.999, 10.4, 250, undefined].map((ms) => formatRtt(ms))).toEqual([
    "0.1 ms",
    "10.0 ms",
    "10 ms",
    "250 ms",
    "",
  ]);
});
