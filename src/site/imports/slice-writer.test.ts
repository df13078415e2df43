import { expect, test } from "bun:test";
import type { EndpointSlice } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { SiteState } from "#router/state.ts";
import { eventually, seenService, seenSite, TestSite } from "../testing/test-site.ts";

function exporting(
  name: string,
  options: { ready?: boolean; reachable?: boolean; port?: number } = {},
): SiteState {
  const { ready = true, reachable = true, port = 8080 } = options;
  const endpoints = [{ id: "p", name: "p", ready, weight: 1 }];
  return seenSite(name, { reachable, services: [{ ...seenService("web", port), endpoints }] });
}

function slices(site: TestSite): EndpointSlice[] {
  return site
    .names(RESOURCES.endpointSlices)
    .flatMap((name) => site.read(RESOURCES.endpointSlices, name) ?? [])
    .toSorted((a, b) => (clusterOf(a) < clusterOf(b) ? -1 : 1));
}

function clusterOf(slice: EndpointSlice): string {
  return slice.metadata.labels?.["multicluster.kubernetes.io/source-cluster"] ?? "";
}

function clusters(site: TestSite): string {
  return slices(site)
    .map((slice) => `${clusterOf(slice)}:${slice.endpoints?.[0]?.conditions?.ready}`)
    .join();
}

async function importing(): Promise<{ site: TestSite; sees: (sites: SiteState[]) => void }> {
  const site = new TestSite();
  site.install();
  await site.start({ sliceLeaseMs: 300, holdMs: 50 });
  const router = await site.router();
  await eventually(() => router.config);
  return { site, sees: (sites) => router.sees(sites) };
}

test("an import has slices of each exporting cluster, as KEP-1645 wants them, and none that kube-proxy would use", async () => {
  const { site, sees } = await importing();
  await using _ = site;
  sees([exporting("c2"), exporting("c3", { ready: false, port: 9090 })]);
  await eventually(() => site.read(RESOURCES.services, "web"));
  await Bun.sleep(50);
  expect(slices(site)).toEqual([]); // There is no address yet.
  site.giveAddress("web", "10.96.0.7");
  await eventually(() => clusters(site) === "c2:true");
  const [slice] = slices(site);
  const { uid = "" } = site.read(RESOURCES.serviceImports, "web")?.metadata ?? {};
  expect(slice).toMatchObject({
    metadata: {
      labels: {
        "multicluster.kubernetes.io/service-name": "web",
        "multicluster.kubernetes.io/source-cluster": "c2",
        "endpointslice.kubernetes.io/managed-by": "isthmus.dev",
      },
      ownerReferences: [{ kind: "ServiceImport", name: "web", uid, controller: false }],
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.96.0.7"], conditions: { ready: true } }],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  });
  expect(slice?.metadata.labels).not.toHaveProperty("kubernetes.io/service-name");
  sees([exporting("c2"), exporting("c3", { ready: false })]);
  await eventually(() => clusters(site) === "c2:true,c3:false");
  sees([exporting("c2", { ready: false }), exporting("c3")]);
  await eventually(() => clusters(site) === "c2:false,c3:true");
  site.remove(RESOURCES.endpointSlices, slice?.metadata.name ?? "");
  await eventually(() => clusters(site) === "c2:false,c3:true");
  sees([seenSite("c2"), exporting("c3")]);
  await eventually(() => clusters(site) === "c3:true");
  sees([seenSite("c2"), seenSite("c3")]);
  await eventually(() => site.read(RESOURCES.serviceImports, "web") === undefined);
  await eventually(() => slices(site).length === 0);
}, 30_000);

test("slices of a silent cluster are not ready at once and expire, its import stays", async () => {
  const { site, sees } = await importing();
  await using _ = site;
  sees([exporting("c2"), exporting("c3")]);
  await eventually(() => site.read(RESOURCES.services, "web"));
  site.giveAddress("web", "10.96.0.7");
  await eventually(() => clusters(site) === "c2:true,c3:true");
  await Bun.sleep(350); // As long as a lease, without any news.
  const silentMs = performance.now();
  sees([exporting("c2", { reachable: false }), exporting("c3")]);
  await eventually(() => clusters(site) === "c2:false,c3:true");
  await eventually(() => clusters(site) === "c3:true");
  expect(performance.now() - silentMs).toBeGreaterThan(250);
  expect(site.read(RESOURCES.serviceImports, "web")?.status?.clusters).toEqual([
    { cluster: "c2" },
    { cluster: "c3" },
  ]);
  sees([exporting("c2"), exporting("c3")]);
  await eventually(() => clusters(site) === "c2:true,c3:true");
}, 30_000);
