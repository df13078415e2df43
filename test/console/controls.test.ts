import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Deployment, Pod, Service } from "#api/builtin.ts";
import type { Link } from "#api/kinds/link.ts";
import type { Site } from "#api/kinds/site.ts";
import { conditionOf } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { SandboxControls } from "#console/sandbox/sandbox-controls.ts";
import { SandboxSites } from "#console/sandbox/sandbox-sites.ts";
import type { LinkEdge } from "#observe/views.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";

const NAMESPACE = "default";
const clusters = new LinkedClusters("c1", "c2");
let sites: SandboxSites;
let edge: LinkEdge;

beforeAll(async () => {
  await clusters.up();
  await clusters.deploy("c2", "web");
  await clusters.isthmus("c2", "expose", "deployment/web", "--port", "8080");
  sites = new SandboxSites(clusters.playground.file("sandbox"));
  const [first] = (await clusters.client("c2").list<Link>(RESOURCES.links, { namespace: NAMESPACE })).items;
  const [site] = (await clusters.client("c2").list<Site>(RESOURCES.sites, { namespace: NAMESPACE })).items;
  if (first === undefined || site?.status?.id === undefined) throw new Error("c2 has no link");
  edge = {
    id: `${site.status.id}/${first.metadata.name}`,
    name: first.metadata.name,
    from: site.status.id,
    to: "",
    cost: 1,
    rttMs: 0,
    lanes: 2,
    state: "up",
    sinceMs: 0,
    streams: 0,
    bytesForth: 0,
    bytesBack: 0,
  };
}, 60_000);

afterAll(() => clusters.down(), 60_000);

function controls(): SandboxControls {
  return new SandboxControls({ sites, links: () => [edge] });
}

function link(): Promise<Link> {
  return clusters.client("c2").get<Link>(RESOURCES.links, { namespace: NAMESPACE, name: edge.name });
}

async function untilLink(status: "True" | "False"): Promise<void> {
  await eventually(
    async () => conditionOf((await link()).status?.conditions, "Operational")?.status === status,
  );
}

async function pods(): Promise<Pod[]> {
  const selection = { namespace: NAMESPACE, labelSelector: "app=web" };
  const { items } = await clusters.client("c2").list<Pod>(RESOURCES.pods, selection);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

describe("in a sandbox", () => {
  test("a link that is cut is down, and mended it is as it was", async () => {
    await untilLink("True");
    const { spec, metadata } = await link();
    await using one = disposable(controls());
    expect(await one.it.perform({ do: "cut-link", link: edge.id })).toBe(`Link ${edge.name} is cut`);
    await untilLink("False");
    expect((await link()).spec.endpoints).toEqual([{ host: "127.0.0.1", port: 1 }]);
    expect(await one.it.perform({ do: "cut-link", link: edge.id })).toContain("was cut already");
    expect(await one.it.perform({ do: "restore-link", link: edge.id })).toBe(`Link ${edge.name} is mended`);
    await untilLink("True");
    const after = await link();
    expect([after.spec, after.metadata.annotations ?? {}]).toEqual([spec, metadata.annotations ?? {}]);
    expect(await one.it.perform({ do: "restore-link", link: edge.id })).toContain("was not cut");
  }, 60_000);

  test("a link that a console cut which died is mended by the next one", async () => {
    const { spec } = await link();
    const dead = controls();
    await dead.perform({ do: "cut-link", link: edge.id });
    await untilLink("False");
    await using next = disposable(controls());
    expect(await next.it.start()).toEqual([`c2/${edge.name}`]);
    await untilLink("True");
    expect((await link()).spec).toEqual(spec);
  }, 60_000);

  test("a link that is cut when the console ends is mended by it", async () => {
    const { spec } = await link();
    const one = controls();
    await one.perform({ do: "cut-link", link: edge.id });
    await one.stop();
    expect((await link()).spec).toEqual(spec);
    await untilLink("True");
  }, 60_000);

  test("a link that somebody else writes all the time is cut and mended all the same", async () => {
    const { spec, metadata } = await link();
    await using one = disposable(controls());
    const place = { namespace: NAMESPACE, name: edge.name, type: "merge" } as const;
    const note = (count: number | null): Promise<unknown> =>
      clusters.client("c2").patch(RESOURCES.links, {
        ...place,
        body: { metadata: { annotations: { "test/count": count === null ? null : String(count) } } },
      });
    const writing = { on: true };
    const writer = (async () => {
      for (let count = 0; writing.on; count++) {
        await note(count);
        await Bun.sleep(10);
      }
    })();
    try {
      for (let round = 0; round < 10; round++) {
        await one.it.perform({ do: "cut-link", link: edge.id });
        await one.it.perform({ do: "restore-link", link: edge.id });
      }
    } finally {
      writing.on = false;
      await writer;
    }
    await note(null);
    const after = await link();
    expect([after.spec, after.metadata.annotations ?? {}]).toEqual([spec, metadata.annotations ?? {}]);
    await untilLink("True");
  }, 60_000);

  test("other endpoints that somebody gave to a link that was cut stay", async () => {
    const { spec, metadata } = await link();
    await using one = disposable(controls());
    await one.it.perform({ do: "cut-link", link: edge.id });
    const own = [...spec.endpoints, { host: "127.0.0.1", port: 2 }];
    const place = { namespace: NAMESPACE, name: edge.name, type: "merge" } as const;
    await clusters.client("c2").patch(RESOURCES.links, { ...place, body: { spec: { endpoints: own } } });
    await one.it.perform({ do: "restore-link", link: edge.id });
    const after = await link();
    expect([after.spec.endpoints, after.metadata.annotations ?? {}]).toEqual([
      own,
      metadata.annotations ?? {},
    ]);
    await clusters.client("c2").patch(RESOURCES.links, { ...place, body: { spec } });
    await untilLink("True");
  }, 60_000);

  test("a killed pod comes back, a stopped one is replaced, and a Deployment is scaled", async () => {
    await using one = disposable(controls());
    const [pod] = await eventually(async () => ((await pods()).length === 1 ? await pods() : undefined));
    const name = pod?.metadata.name ?? "";
    expect(await one.it.perform({ do: "kill-pod", site: edge.from, pod: name })).toContain("is killed");
    await eventually(async () => ((await pods())[0]?.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    expect((await pods())[0]?.metadata.name).toBe(name);

    await one.it.perform({ do: "stop-pod", site: "c2", pod: name });
    await eventually(async () => {
      const now = await pods();
      return now.length === 1 && now[0]?.metadata.name !== name;
    });

    const said = await one.it.perform({ do: "scale", site: "c2", service: "default/web", replicas: 3 });
    expect(said).toBe("Deployment web of c2 has 3 pods");
    await eventually(async () => (await pods()).length === 3);
    const place = { namespace: NAMESPACE, name: "web" };
    expect((await clusters.client("c2").get<Deployment>(RESOURCES.deployments, place)).spec.replicas).toBe(3);
  }, 60_000);

  test("load comes at its rate, is bounded, and ends at 0 and with the console", async () => {
    await eventually(async () => {
      const place = { namespace: NAMESPACE, name: "web" };
      return await clusters.client("c1").find<Service>(RESOURCES.services, place);
    });
    await using one = disposable(controls());
    const load = (rps: number): Promise<string> =>
      one.it.perform({ do: "load", site: "c1", service: "default/web", rps });
    expect(await load(100)).toBe("100 requests/s from c1 to default/web");
    await Bun.sleep(2000);
    const [seen] = one.it.loads;
    expect([seen?.service, seen?.rps]).toEqual(["default/web", 100]);
    // One second's worth less or more, on a machine that is busy.
    expect(seen?.sent).toBeGreaterThan(50);
    expect(seen?.sent).toBeLessThan(350);
    expect(seen?.failed).toBe(0);
    expect(await load(0)).toBe("No load from c1 to default/web");
    expect(one.it.loads).toEqual([]);
    await one.it.perform({ do: "load", site: "c1", service: "default/web", rps: 500 });
    await one.it.perform({ do: "load", site: "c2", service: "default/web", rps: 500 });
    await expect(one.it.perform({ do: "load", site: "c1", service: "web", rps: 1 })).rejects.toThrow(
      "more load than this machine shall bear",
    );
  }, 60_000);

  test("what is not there is said so, and nothing outside of the sandbox is found", async () => {
    await using one = disposable(controls());
    await expect(one.it.perform({ do: "cut-link", link: "x/y" })).rejects.toThrow('There is no link "x/y"');
    for (const control of [
      { do: "kill-pod", site: "c9", pod: "web" },
      { do: "kill-pod", site: "c2", pod: "no-such-pod" },
      { do: "stop-pod", site: "c2", pod: "no-such-pod" },
      { do: "scale", site: "c2", service: "default/none", replicas: 1 },
      { do: "load", site: "c2", service: "default/none", rps: 1 },
    ] as const) {
      await expect(one.it.perform(control)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(
      one.it.perform({ do: "scale", site: "c2", service: "kube-system/kube-dns", replicas: 0 }),
    ).rejects.toMatchObject({ code: "INVALID" });
    expect(await sites.has("https://10.1.2.3:6443")).toBe(false);
    const { server } = clusters.client("c1").connection;
    expect(await sites.has(server)).toBe(true);
    const elsewhere = new SandboxSites("/nonexistent");
    expect([await elsewhere.has(server), await elsewhere.all()]).toEqual([false, []]);
  }, 60_000);
});

function disposable(it: SandboxControls): AsyncDisposable & { it: SandboxControls } {
  return { it, [Symbol.asyncDispose]: () => it.stop() };
}
