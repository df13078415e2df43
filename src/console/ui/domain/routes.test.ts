import { expect, test } from "bun:test";
import { hrefOf, parseRoute, type ViewName } from "./routes.ts";

test("an address restores its view with every filter", () => {
  const routes: readonly [ViewName, string, Record<string, string>][] = [
    ["network", "", { link: "site-c2/c2-c1" }],
    ["services", "", { q: "app", state: "failover", sort: "-rps" }],
    ["service", "interconnect/app", { port: "8080", range: "1h" }],
    ["flows", "", { status: "5xx", path: "/a b?&", flow: "17" }],
    ["site", "a site/é", {}],
    ["activity", "", { service: "interconnect/app" }],
  ];
  for (const [view, name, query] of routes) {
    const url = new URL(hrefOf(view, name, query), "http://console");
    expect(parseRoute(url.pathname, url.search)).toEqual({ view, name, query });
  }
});

test("the root is the network", () => {
  expect(parseRoute("/", "").view).toBe("network");
});

test("an address that leads nowhere is told apart", () => {
  for (const path of ["/nothing", "/services/a", "/services/a/b/c", "/flows/1"]) {
    expect(parseRoute(path, "").view).toBe("missing");
  }
});

test("filters of another view are dropped", () => {
  expect(parseRoute("/services", "?status=5xx&q=a&q=b&sort=").query).toEqual({ q: "a" });
});

test("a broken escape does not throw", () => {
  expect(parseRoute("/sites/%E0%A4%A", "").name).toBe("%E0%A4%A");
});
