import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestServer } from "#sandbox/apiserver/testing.ts";
import { type SiteServer, siteServer } from "../testing/site-server.ts";

let site: SiteServer;
let t: TestServer;

beforeAll(async () => {
  site = await siteServer(["shop", "quiet"]);
  t = site.server;
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

test("where no router can be asked, top and flows say so at once, and what to type", async () => {
  const cases: [line: string, code: number, error: string, hint: string][] = [
    ["top --once", 3, 'There is no router in namespace "shop"', "isthmus check"],
    ["flows --follow", 3, 'There is no router in namespace "shop"', "isthmus check"],
    ["top -n default", 1, 'There is no site in namespace "default"', "isthmus -n default init"],
    ["flows --status 700", 2, "Expected a form like 503 or 5xx", "--help"],
    ["top clouds", 2, "Allowed choices are services, pods", "--help"],
  ];
  for (const [line, code, error, hint] of cases) {
    // oxlint-disable-next-line no-await-in-loop
    const ran = await site.run(line);
    expect({ line, code: ran.code, out: ran.out }).toEqual({ line, code, out: "" });
    expect(ran.err).toContain(error);
    expect(ran.err).toContain("hint: ");
    expect(ran.err).toContain(hint);
  }
});

test("who may not ask the pods is told which verb is missing", async () => {
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const rules = [
    { apiGroups: ["*"], resources: ["pods", "sites", "customresourcedefinitions"], verbs: ["get", "list"] },
  ];
  await t.json("POST", `${rbac}/clusterroles`, { metadata: { name: "look" }, rules });
  const apiGroup = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "User", name: "joe", apiGroup }];
  const roleRef = { apiGroup, kind: "ClusterRole", name: "look" };
  await t.json("POST", `${rbac}/clusterrolebindings`, { metadata: { name: "look" }, roleRef, subjects });
  const labels = { "app.kubernetes.io/name": "isthmus-router" };
  const spec = { containers: [{ name: "router", image: "i" }] };
  const pods = "/api/v1/namespaces/quiet/pods";
  await t.json("POST", pods, { metadata: { name: "r", labels }, spec });
  const status = { podIP: "127.0.0.1", phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await t.json("PATCH", `${pods}/r/status`, { status }, "application/merge-patch+json");
  const { code, err } = await site.run("top -n quiet --once --context joe");
  expect(code).toBe(1);
  expect(err).toContain("pods/proxy");
  expect(err).toContain("hint: ");
});
