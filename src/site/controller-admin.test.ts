import { afterAll, beforeAll, expect, test } from "bun:test";
import { KubeClient } from "#kube/client.ts";
import { type ControllerAdmin, startControllerAdmin } from "./controller-admin.ts";
import { RequestCounts } from "./controller-metrics.ts";
import { eventually, TestSite } from "./testing/test-site.ts";

const site = new TestSite();
const requests = new RequestCounts();
let admin: ControllerAdmin;

beforeAll(async () => {
  site.install();
  const controller = await site.start();
  const stats = (): ReturnType<typeof controller.stats> => controller.stats();
  const started = startControllerAdmin({ hostname: "127.0.0.1", port: 0, stats, requests });
  if (started === undefined) throw new Error("It does not listen");
  admin = started;
  await eventually(() => stats().leading && stats().loops.every(({ depth, active }) => depth + active === 0));
});
afterAll(async () => {
  admin.stop();
  await site[Symbol.asyncDispose]();
});

async function get(path: string, method = "GET"): Promise<Response> {
  return await fetch(`http://127.0.0.1:${admin.port}${path}`, { method });
}

/** Samples by name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const text = await (await get("/metrics")).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

test("probes, and nothing but reading", async () => {
  expect((await get("/healthz")).status).toBe(200);
  expect((await get("/readyz")).status).toBe(200);
  expect((await get("/nothing")).status).toBe(404);
  expect((await get("/metrics", "POST")).status).toBe(405);
  expect(await (await get("/v1/state")).json()).toMatchObject({
    version: expect.stringMatching(/^\d/),
    leading: true,
    leader: expect.stringMatching(/^controller_/),
  });
});

test("reconciles, their durations, caches and the leader are counted", async () => {
  const samples = await scrape();
  const one = (name: string): number => samples.get(name) ?? Number.NaN;
  const done = one('isthmus_controller_reconcile_total{controller="site",result="success"}');
  expect(done).toBeGreaterThan(0);
  expect(one('isthmus_controller_reconcile_duration_seconds_bucket{controller="site",le="+Inf"}')).toBe(
    one('isthmus_controller_reconcile_duration_seconds_count{controller="site"}'),
  );
  expect(one("isthmus_controller_leader")).toBe(1);
  expect(one('isthmus_controller_cache_objects{resource="sites.isthmus.dev"}')).toBe(1);
  expect(one('isthmus_controller_cache_stale{resource="services"}')).toBe(0);
  expect(one('isthmus_controller_watches_total{resource="services"}')).toBeGreaterThan(0);
  for (const value of samples.values()) expect(value).not.toBeNaN();
});

test("requests to the API server are counted by verb and class, also those without an answer", async () => {
  const client = new KubeClient(site.api.connection, { onRequest: requests.count });
  await client.version().catch(() => {});
  await client.version({ signal: AbortSignal.timeout(0) }).catch(() => {});
  const away = { ...site.api.connection, server: "https://127.0.0.1:1" };
  await new KubeClient(away, { onRequest: requests.count }).version().catch(() => {});
  const samples = await scrape();
  const counted = [...samples].filter(([name]) => name.startsWith("isthmus_controller_api_requests_total{"));
  expect(counted.find(([name]) => name.includes('verb="get",code_class="none"'))?.[1]).toBeGreaterThan(0);
  expect(counted.some(([name]) => /code_class="[245]xx"/.test(name))).toBe(true);
});

test("counts go on when the controller stops to lead and leads again", async () => {
  const name = 'isthmus_controller_reconcile_total{controller="site",result="success"}';
  const before = (await scrape()).get(name) ?? 0;
  await site.controller?.stop();
  expect((await scrape()).get(name)).toBeGreaterThanOrEqual(before);
});
