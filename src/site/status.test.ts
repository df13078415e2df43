import { describe, expect, test } from "bun:test";
import type { Site } from "#api/kinds/site.ts";
import { conditionOf } from "#api/object.ts";
import type { LinkState } from "#router/state.ts";
import type { Identity } from "./join/identity.ts";
import { linkStatus, MAX_STATUS_BYTES, siteStatus, type SiteStatusInput, steadyRtt } from "./status.ts";
import { seenSite } from "./testing/test-site.ts";

const PAIR = { certificate: "c", key: "k" };
const IDENTITY: Identity = { network: "net", siteId: "id-c1", client: PAIR, server: PAIR, trust: "t" };
const ASSIGNED = { state: "assigned" as const, addresses: [{ host: "10.0.0.1", port: 7443 }] };
const ROUTERS = { wanted: 1, connected: 1, configured: 1, problem: undefined };

function input(change: Partial<SiteStatusInput> = {}): SiteStatusInput {
  const site: Site = {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "Site",
    metadata: { name: "c1", namespace: "shop", generation: 3 },
    spec: { linkAccess: "LoadBalancer", router: { replicas: 1 } },
  };
  return {
    site,
    identity: IDENTITY,
    view: { sites: [seenSite("c1"), seenSite("c2")], links: [], policies: [] },
    link: ASSIGNED,
    join: ASSIGNED,
    routers: ROUTERS,
    nowMs: 1_700_000_000_000,
    ...change,
  };
}

function link(change: Partial<LinkState> = {}): LinkState {
  return {
    name: "to-c1",
    direction: "dialled",
    remoteSiteId: "id-c1",
    remoteSiteName: "c1",
    cost: 1,
    rttMs: 2,
    lanes: 2,
    state: "up",
    ...change,
  };
}

function withRtt(rttMs: number): NonNullable<SiteStatusInput["view"]> {
  return { sites: [seenSite("c2", { links: [{ site: "x", cost: 1, rttMs }] })], links: [], policies: [] };
}

describe("the status of a Site", () => {
  const cases: [string, Partial<SiteStatusInput>, string, string][] = [
    ["all is well", {}, "True", "Ready"],
    ["no router is connected", { routers: { ...ROUTERS, connected: 0, configured: 0 } }, "False", "Pending"],
    ["one router of two is connected", { routers: { ...ROUTERS, wanted: 2 } }, "False", "Pending"],
    ["a router refuses", { routers: { ...ROUTERS, problem: "links[0].cost: too high" } }, "False", "Refused"],
    ["an address is missing", { link: { state: "pending", message: "no address" } }, "False", "Pending"],
    ["the certificates have ended", { endsAtMs: 1_600_000_000_000 }, "False", "CertificateExpired"],
  ];
  for (const [what, change, status, reason] of cases) {
    test(`says whether it is ready: ${what}`, () => {
      expect(conditionOf(siteStatus(input(change)).conditions, "Ready")).toMatchObject({
        status,
        reason,
        observedGeneration: 3,
      });
    });
  }

  test("keeps what was seen while no router is connected", () => {
    const before = siteStatus(
      input({ view: { sites: [seenSite("c2")], links: [link({ direction: "accepted" })], policies: [] } }),
    );
    const after = siteStatus(input({ site: { ...input().site, status: before }, view: undefined }));
    expect(after.sites).toEqual(before.sites ?? []);
    expect(after.links).toEqual({ incoming: [{ site: "id-c1", name: "c1" }] });
    expect(after.sitesInNetwork).toBe(1);
  });

  test("stays the same when only noise changed", () => {
    const before = siteStatus(input({ view: withRtt(2) }));
    const site = { ...input().site, status: before };
    expect(siteStatus(input({ site, view: withRtt(2.3), nowMs: 1_800_000_000_000 }))).toEqual(before);
  });

  test("is bounded, whatever the size of the network", () => {
    const endpoints = Array.from({ length: 500 }, (_, index) => ({
      id: `pod-${index}`,
      name: `pod-${index}`,
      ready: true,
      weight: 1,
    }));
    const services = Array.from({ length: 10 }, (_, index) => ({
      service: `shop/s${index}`,
      ports: [],
      endpoints,
    }));
    const sites = Array.from({ length: 1200 }, (_, index) => seenSite(`site-${index}`, { services }));
    const status = siteStatus(input({ view: { sites, links: [], policies: [] } }));
    expect(JSON.stringify(status.sites).length).toBeLessThanOrEqual(MAX_STATUS_BYTES);
    expect(status.sites?.length).toBe(1000);
    expect(status.sitesInNetwork).toBe(1200);
  });
});

describe("the status of a Link", () => {
  const object = {
    apiVersion: "isthmus.dev/v1alpha1",
    kind: "Link",
    metadata: { name: "to-c1", namespace: "shop" },
    spec: { endpoints: [{ host: "a", port: 1 }], cost: 1, lanes: 2 },
  };
  const of = (links: LinkState[] | undefined, identity: Identity | undefined = IDENTITY) =>
    linkStatus(object, {
      view: links === undefined ? undefined : { sites: [], links, policies: [] },
      identity,
      nowMs: 1,
    });
  const operational = (status: ReturnType<typeof of>) => conditionOf(status.conditions, "Operational");

  test("is that of the link of its name which was dialled", () => {
    const status = of([link({ direction: "accepted", state: "down" }), link()]);
    expect(status).toMatchObject({ remoteSite: "c1", remoteSiteId: "id-c1", rttMs: 2 });
    expect(operational(status)).toMatchObject({ status: "True", reason: "Up" });
  });
  test("carries the router's error", () => {
    expect(operational(of([link({ state: "connecting", error: "connection refused" })]))).toMatchObject({
      status: "False",
      reason: "Connecting",
      message: "connection refused",
    });
  });
  test("is unknown without a router", () => {
    expect(operational(of(undefined))).toMatchObject({ status: "Unknown", reason: "NoRouter" });
  });
});

test("a round trip time is news when it changed by a quarter", () => {
  expect([
    steadyRtt(undefined, 2.04),
    steadyRtt(10, 11),
    steadyRtt(10, 13),
    steadyRtt(0.2, 0.6),
    steadyRtt(3, undefined),
  ]).toEqual([2, 10, 13, 0.2, 3]);
});
