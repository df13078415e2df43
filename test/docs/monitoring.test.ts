/** The alerts fire when they should and only then, and the dashboard is one. What is compared with running processes is in test/e2e. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { Deployment } from "#api/builtin.ts";
import type { KubeObject } from "#api/object.ts";
import { dnsObjects } from "#site/dns/dns-manifests.ts";
import { installObjects } from "#site/manifests.ts";
import { routerDeployment } from "#site/routers/router-workload.ts";
import {
  dashboard,
  metricsOf,
  monitoringFile,
  queries,
  type RuleCase,
  rules,
  ruleSpec,
} from "./lib/monitoring.ts";

interface PodMonitor extends KubeObject {
  readonly spec: { readonly podMetricsEndpoints: readonly { readonly port: string }[] };
}

const promtool = Bun.which("promtool");
if (promtool === null) console.log("notice: promtool is not installed: rules and queries are only read");

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "isthmus-rules-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(...words: string[]): Promise<{ code: number; text: string }> {
  const child = Bun.spawn([promtool ?? "promtool", ...words], { cwd: dir, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, text: out + err };
}

test("every alert has a case in which it fires and one in which it is silent", async () => {
  const cases = (parse(await monitoringFile("rules.test.yaml")) as { tests: RuleCase[] }).tests;
  const tests = cases.flatMap((one) => one.alert_rule_test);
  const names = (await rules()).map(({ alert }) => alert);
  expect(new Set(names).size).toBe(names.length);
  const of = (fires: boolean): string[] =>
    names.filter((name) =>
      tests.some(({ alertname, exp_alerts = [] }) => alertname === name && exp_alerts.length > 0 === fires),
    );
  expect(of(true)).toEqual(names);
  expect(of(false)).toEqual(names);
});

test("every alert says what is so, and what to type next", async () => {
  for (const { alert, labels, annotations } of await rules()) {
    expect({ alert, ...labels }).toMatchObject({
      alert,
      severity: expect.stringMatching(/^(critical|warning)$/),
    });
    expect(annotations["summary"]).toBeString();
    expect(annotations["description"]).toBeString();
    expect(annotations["command"]).toMatch(/^(isthmus|kubectl) /);
  }
});

test.skipIf(promtool === null)(
  "promtool: the rules are valid, and their cases pass",
  async () => {
    writeFileSync(join(dir, "rules.plain.yaml"), stringify(await ruleSpec()));
    writeFileSync(join(dir, "rules.test.yaml"), await monitoringFile("rules.test.yaml"));
    expect(await run("check", "rules", "rules.plain.yaml")).toMatchObject({ code: 0 });
    const { code, text } = await run("test", "rules", "rules.test.yaml");
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining("SUCCESS") });
  },
  60_000,
);

test.skipIf(promtool === null)(
  "promtool: every query of the dashboard can be parsed",
  async () => {
    const list = (await queries()).map(({ expr }, index) => ({ record: `dashboard:query${index}`, expr }));
    expect(list.length).toBeGreaterThan(30);
    writeFileSync(join(dir, "queries.yaml"), stringify({ groups: [{ name: "dashboard", rules: list }] }));
    const { code, text } = await run("check", "rules", "queries.yaml");
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringContaining(`${list.length} rules found`),
    });
  },
  60_000,
);

test("the dashboard: panels of its own number and place, every one with a query, data sources by variable", async () => {
  const { panels, templating, uid } = await dashboard();
  expect(uid).toBe("isthmus");
  expect(templating.list.map(({ name }) => name)).toEqual(["datasource", "namespace", "service"]);
  const text = await monitoringFile("dashboard.json");
  expect(text.match(/"uid": "(?!isthmus")[^"]*"/g)?.every((one) => one.includes("${datasource}"))).toBe(true);
  for (const { title, type, targets = [] } of panels) {
    expect({ title, queries: targets.length > 0 }).toEqual({ title, queries: type !== "row" });
  }
  const ids = [...text.matchAll(/^ {6}"id": (\d+)/gm)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(panels.length);
});

test("who is to be scraped has the labels and the named ports that the pod monitors select", async () => {
  const controller = installObjects({ namespace: "n", siteName: "s", image: "i", linkAccess: "None" });
  const owner = { apiVersion: "isthmus.dev/v1alpha1", kind: "Site", name: "s", uid: "u" };
  const router = routerDeployment({
    namespace: "n",
    owner,
    image: "i",
    replicas: 1,
    controlHost: "10.0.0.1",
    controlMark: "m",
  });
  const dns = dnsObjects({ namespace: "n", image: "i", replicas: 1, zone: "z", ttl: 5, strict: false });
  const deployments = [...controller, router, ...dns].filter(
    ({ kind }) => kind === "Deployment",
  ) as Deployment[];
  const monitors = parseAllDocuments(await monitoringFile("pod-monitors.yaml")).map(
    (document) => document.toJS() as PodMonitor,
  );
  expect(monitors.map(({ metadata }) => metadata.name)).toEqual([
    "isthmus-router",
    "isthmus-controller",
    "isthmus-dns",
  ]);
  for (const { metadata, spec } of monitors) {
    const { name } = metadata;
    const label = "app.kubernetes.io/name";
    expect({ name, spec }).toMatchObject({
      spec: { jobLabel: label, selector: { matchLabels: { [label]: name } } },
    });
    const template = deployments.find((one) => one.metadata.name === name)?.spec.template;
    expect({ name, labels: template?.metadata?.labels }).toMatchObject({ labels: { [label]: name } });
    const ports = template?.spec.containers.flatMap((one) => one.ports ?? []).map((port) => port.name);
    for (const { port } of spec.podMetricsEndpoints)
      expect({ name, ports }).toMatchObject({ ports: expect.arrayContaining([port]) });
  }
});

const kubectl = Bun.which("kubectl");
if (kubectl === null) console.log("notice: kubectl is not installed: the kustomization is not built");

test.skipIf(kubectl === null)(
  "kubectl builds the kustomization, with the dashboard for Grafana's sidecar",
  async () => {
    const folder = new URL("../../deploy/monitoring", import.meta.url).pathname;
    const child = Bun.spawn([kubectl ?? "kubectl", "kustomize", folder], { stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const objects = parseAllDocuments(out).map(
      (document) => document.toJS() as KubeObject & { data?: object },
    );
    expect(objects.map(({ kind }) => kind).toSorted()).toEqual([
      "ConfigMap",
      "PodMonitor",
      "PodMonitor",
      "PodMonitor",
      "PrometheusRule",
    ]);
    const map = objects.find(({ kind }) => kind === "ConfigMap");
    expect(map?.metadata.labels).toMatchObject({ grafana_dashboard: "1" });
    expect(JSON.parse(String(Reflect.get(map?.data ?? {}, "isthmus.json")))).toEqual(await dashboard());
  },
  60_000,
);

test("names and labels are found in a query", () => {
  const found = metricsOf(
    'sum by (le, b) (rate(a_total{x="1",y=~"2"}[5m])) / on (z) up{job="j"} or vector(0) - time()',
  );
  expect([...found].map(([name, labels]) => [name, [...labels]])).toEqual([
    ["a_total", ["x", "y"]],
    ["up", ["job"]],
  ]);
});
