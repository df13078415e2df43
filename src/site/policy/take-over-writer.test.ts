import { describe, expect, test } from "bun:test";
import type { Service } from "#api/builtin.ts";
import { conditionOf, isTrue } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import { parseConfig } from "#router/config.ts";
import { ORIGINAL_ANNOTATION } from "../names.ts";
import { putBackServices } from "./put-back.ts";
import { type Pods, SliceKeeper } from "../testing/slice-keeper.ts";
import { eventually, seenService, seenSite, TestSite, type TestRouter } from "../testing/test-site.ts";

const ROUTERS = { "app.kubernetes.io/name": "isthmus-router" };
const PODS: Pods = {
  "10.0.0.1": { app: "web" },
  "10.0.0.2": { app: "web" },
  "10.0.0.9": ROUTERS,
};
const DRAIN = { drainMs: 100 };
const SPEC = {
  type: "ClusterIP",
  clusterIP: "127.0.0.50",
  selector: { app: "web" },
  ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: "http" }],
};

class Scene implements AsyncDisposable {
  readonly site = new TestSite();
  readonly keeper = new SliceKeeper(this.site, PODS);
  router: TestRouter | undefined;

  static async make(): Promise<Scene> {
    const scene = new Scene();
    scene.site.install();
    scene.site.put(RESOURCES.services, { metadata: { name: "web" }, spec: SPEC });
    await scene.start();
    return scene;
  }

  async start(): Promise<void> {
    await this.site.start(DRAIN);
    this.router = await this.site.router();
    await eventually(() => this.router?.config);
    this.router.sees([]);
  }

  get web(): Service {
    const service = this.site.read(RESOURCES.services, "web");
    if (service === undefined) throw new Error("Service web is gone");
    return service;
  }

  get shadow(): Service | undefined {
    return this.site.read(RESOURCES.services, "web-isthmus");
  }

  get taken(): boolean {
    return JSON.stringify(this.web.spec.selector) === JSON.stringify(ROUTERS);
  }

  policy(spec: object = { mode: "Failover", spread: "Endpoints" }): void {
    const generation = (this.site.read(RESOURCES.trafficPolicies, "web")?.metadata.generation ?? 0) + 1;
    this.site.put(RESOURCES.trafficPolicies, { metadata: { name: "web", generation }, spec });
  }

  condition(type = "Ready") {
    return conditionOf(this.site.read(RESOURCES.trafficPolicies, "web")?.status?.conditions, type);
  }

  /** Endpoints of the service that the routers know, and whether others may know them. */
  get endpoints(): string {
    const service = this.router?.config?.services?.find((one) => one.service === "shop/web");
    const hosts = service?.endpoints.map(({ host }) => host).join() ?? "none";
    return service?.exported === false ? `${hosts} (own)` : hosts;
  }

  get listener(): string | undefined {
    const found = this.router?.config?.listeners?.find(({ service }) => service === "shop/web");
    return found === undefined ? undefined : `${found.port} ${found.listen} ${found.protocol}`;
  }

  untouched(): void {
    expect(JSON.stringify(this.web.spec)).toBe(JSON.stringify(SPEC));
    expect(this.web.metadata).not.toHaveProperty("annotations");
    expect(this.shadow).toBeUndefined();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.keeper[Symbol.dispose]();
    await this.site[Symbol.asyncDispose]();
  }
}

describe("a Service of the user that a policy names", () => {
  test("is led through the routers, with its pods behind them, and put back byte for byte", async () => {
    await using scene = await Scene.make();
    scene.policy();
    await eventually(() => scene.taken);
    expect(scene.web.spec.ports).toEqual([{ name: "http", protocol: "TCP", port: 80, targetPort: 10_000 }]);
    expect(scene.listener).toBe("80 ${POD_IP}:10000 http");
    expect(scene.endpoints).toBe("10.0.0.1,10.0.0.2 (own)");
    expect(parseConfig(scene.router?.config)).toMatchObject({ ok: true });
    await eventually(() =>
      isTrue(scene.site.read(RESOURCES.trafficPolicies, "web")?.status?.conditions, "Ready"),
    );
    // Scaling is seen through the shadow; the Service's own slices list routers now.
    await eventually(() =>
      JSON.stringify(scene.site.read(RESOURCES.endpointSlices, "web-1")).includes("10.0.0.9"),
    );
    scene.keeper.pods = { ...PODS, "10.0.0.3": { app: "web" } };
    await eventually(() => scene.endpoints === "10.0.0.1,10.0.0.2,10.0.0.3 (own)");
    const putBackAt = Promise.withResolvers<number>();
    scene.site.api.intercept(({ method, path, body }) => {
      if (method === "PUT" && path.endsWith("/services/web") && !body.includes(ORIGINAL_ANNOTATION))
        putBackAt.resolve(performance.now());
      return undefined;
    });
    scene.site.remove(RESOURCES.trafficPolicies, "web");
    await eventually(() => !scene.taken);
    const startMs = await putBackAt.promise;
    // Nodes learn of it later: the listener stays, and leads to the pods, not to the routers.
    expect(scene.listener).toBe("80 ${POD_IP}:10000 http");
    expect(scene.endpoints).toBe("10.0.0.1,10.0.0.2,10.0.0.3 (own)");
    await eventually(() => scene.listener === undefined);
    expect(performance.now() - startMs).toBeGreaterThan(DRAIN.drainMs - 50);
    await eventually(() => scene.endpoints === "none");
    scene.untouched();
  });

  test("is not led there before the routers listen and all its pods are known behind them", async () => {
    await using scene = await Scene.make();
    if (scene.router !== undefined) scene.router.listens = false;
    scene.policy();
    await eventually(() => scene.listener);
    await eventually(() => scene.site.read(RESOURCES.endpointSlices, "web-isthmus-1"));
    await Bun.sleep(100);
    expect(scene.taken).toBe(false);
    expect(scene.condition()).toMatchObject({ status: "False", reason: "Pending" });
    expect(scene.endpoints).toBe("10.0.0.1,10.0.0.2 (own)");
    if (scene.router !== undefined) scene.router.listens = true;
    scene.router?.sees([]);
    await eventually(() => scene.taken);
  });

  test("keeps its own pods under mode Local, and is put back when the mode becomes Local", async () => {
    await using scene = await Scene.make();
    scene.policy({ mode: "Local", spread: "Endpoints" });
    await eventually(() => scene.condition()?.status === "True");
    await Bun.sleep(100);
    scene.untouched();
    scene.policy({ mode: "ActiveActive", spread: "Endpoints" });
    await eventually(() => scene.taken);
    scene.policy({ mode: "Local", spread: "Endpoints" });
    await eventually(() => scene.shadow === undefined);
    scene.untouched();
  });

  test("works together with an imported one of its name", async () => {
    await using scene = await Scene.make();
    scene.router?.sees([seenSite("c2", { services: [seenService("web", 80)] })]);
    const condition = () =>
      conditionOf(scene.site.read(RESOURCES.serviceImports, "web")?.status?.conditions, "Ready");
    await eventually(() => scene.site.read(RESOURCES.services, "web-clusterset"));
    scene.site.giveAddress("web-clusterset", "127.0.0.51");
    await eventually(() => condition()?.reason === "Ready");
    expect(condition()?.message).toContain("TrafficPolicy");
    scene.policy();
    await eventually(() => scene.taken);
    const listener = (name: string) =>
      scene.site.read(RESOURCES.services, name)?.spec.ports?.map(({ targetPort }) => targetPort);
    expect(listener("web")).toEqual(listener("web-clusterset") ?? []);
    expect(scene.site.read(RESOURCES.serviceImports, "web")?.spec.ips).toEqual(["127.0.0.51"]);
    scene.site.remove(RESOURCES.trafficPolicies, "web");
    await eventually(() => scene.shadow === undefined);
    scene.untouched();
  });

  test("that is exported too is offered to others with its pods, never with the routers", async () => {
    await using scene = await Scene.make();
    scene.site.put(RESOURCES.serviceExports, { metadata: { name: "web", generation: 1 } });
    scene.policy({
      mode: "Failover",
      spread: "Endpoints",
      health: { type: "TCP", interval: "1s", timeout: "1s", rise: 1, fall: 1 },
    });
    const seen: string[] = [];
    const look = setInterval(() => seen.push(scene.endpoints), 1);
    await eventually(() => scene.taken);
    await Bun.sleep(50);
    expect(scene.router?.config?.services?.[0]?.health).toMatchObject({ type: "TCP", intervalMs: 1000 });
    scene.site.remove(RESOURCES.trafficPolicies, "web");
    await eventually(() => scene.shadow === undefined);
    await Bun.sleep(20);
    clearInterval(look);
    const offered = [...new Set(seen)].filter((one) => one !== "none" && !one.endsWith("(own)"));
    expect(offered).toEqual(["10.0.0.1,10.0.0.2"]);
    scene.untouched();
  });

  test("that is applied again gets what the user says now, in the routers and when it is put back", async () => {
    await using scene = await Scene.make();
    scene.policy();
    await eventually(() => scene.taken);
    // As kubectl apply merges it: the new label beside ours, ports by number.
    const { metadata, spec } = scene.web;
    scene.keeper.pods = { ...PODS, "10.0.0.4": { app: "web", version: "2" } };
    scene.site.put(RESOURCES.services, {
      metadata,
      spec: { ...spec, selector: { ...ROUTERS, app: "web", version: "2" } },
    });
    await eventually(() => scene.endpoints === "10.0.0.4 (own)");
    await eventually(() => scene.taken);
    scene.site.remove(RESOURCES.trafficPolicies, "web");
    await eventually(() => scene.shadow === undefined);
    expect(scene.web.spec).toEqual({ ...SPEC, selector: { app: "web", version: "2" } } as Service["spec"]);
  });

  test("is put back when the Site is deleted, while the routers still serve who comes", async () => {
    await using scene = await Scene.make();
    scene.site.put(RESOURCES.serviceExports, { metadata: { name: "web", generation: 1 } });
    scene.policy();
    await eventually(() => scene.taken);
    scene.site.remove(RESOURCES.sites, "c1");
    await eventually(() => !scene.taken);
    await eventually(() => scene.endpoints === "10.0.0.1,10.0.0.2 (own)");
    expect(scene.listener).toBe("80 ${POD_IP}:10000 http");
    await eventually(() => scene.shadow === undefined);
    await eventually(() => scene.router?.config?.listeners?.length === 0);
    scene.untouched();
  });

  test("that is not safe to lead away stays as it is, and the policy says why", async () => {
    await using scene = await Scene.make();
    scene.site.put(RESOURCES.services, { metadata: { name: "web" }, spec: { ...SPEC, clusterIP: "None" } });
    scene.policy();
    await eventually(() => scene.condition()?.reason === "Headless");
    expect(scene.taken).toBe(false);
    expect(scene.shadow).toBeUndefined();
    expect(scene.endpoints).toBe("none");
    // One that becomes so while it is led away is put back.
    scene.site.put(RESOURCES.services, { metadata: { name: "web" }, spec: SPEC });
    await eventually(() => scene.taken);
    const { metadata, spec } = scene.web;
    scene.site.put(RESOURCES.services, { metadata, spec: { ...spec, internalTrafficPolicy: "Local" } });
    await eventually(() => scene.shadow === undefined);
    expect(scene.condition()).toMatchObject({ status: "False", reason: "NodeLocal" });
    expect(scene.web.spec).toEqual({ ...SPEC, internalTrafficPolicy: "Local" } as Service["spec"]);
  });

  test("whose shadow somebody deletes keeps its endpoints, and gets another shadow with the same ports", async () => {
    await using scene = await Scene.make();
    scene.policy();
    await eventually(() => scene.taken);
    const seen = new Set<string>();
    const look = setInterval(() => seen.add(scene.endpoints), 1);
    const { uid } = scene.shadow?.metadata ?? {};
    scene.site.remove(RESOURCES.services, "web-isthmus");
    await eventually(() => scene.shadow !== undefined && scene.shadow.metadata.uid !== uid);
    await Bun.sleep(50);
    clearInterval(look);
    expect([...seen]).toEqual(["10.0.0.1,10.0.0.2 (own)"]);
    expect(scene.listener).toBe("80 ${POD_IP}:10000 http");
  });
});

/** Each write that the way there and back consists of. */
const WRITES: readonly (readonly [string, string, string])[] = [
  ["the shadow is made", "POST", "/services"],
  ["the Service is led away", "PUT", "/services/web"],
  ["the Service is put back", "PUT", "/services/web"],
  ["the shadow is deleted", "DELETE", "/services/web-isthmus"],
];

describe("a controller that dies", () => {
  for (const [index, [what, method, suffix]] of WRITES.entries()) {
    for (const when of ["before", "after"] as const) {
      test(`${when} ${what} leaves nothing that the next one does not bring to its end`, async () => {
        await using scene = await Scene.make();
        const { site } = scene;
        const back = index >= 2;
        if (back) {
          scene.policy();
          await eventually(() => scene.taken);
          await eventually(() => scene.condition()?.status === "True");
        }
        let died = false;
        const dying = Promise.withResolvers<void>();
        site.api.intercept(({ method: asked, path, body }) => {
          const mine =
            asked === method && path.endsWith(suffix) && (method !== "POST" || body.includes("web-isthmus"));
          if (!mine || died) return undefined;
          died = true;
          if (when === "after") {
            if (method === "DELETE") site.remove(RESOURCES.services, "web-isthmus");
            else site.put(RESOURCES.services, JSON.parse(body) as Service & Record<string, unknown>);
          }
          dying.resolve();
          // The answer never comes.
          return new Promise(() => {});
        });
        if (back) site.remove(RESOURCES.trafficPolicies, "web");
        else scene.policy();
        await dying.promise;
        void site.controller?.stop();
        scene.router?.stop();
        await scene.start();
        if (back) {
          await eventually(() => scene.shadow === undefined && !scene.taken);
          await eventually(() => scene.listener === undefined && scene.endpoints === "none");
          scene.untouched();
        } else {
          await eventually(() => scene.taken);
          expect(scene.listener).toBe("80 ${POD_IP}:10000 http");
          await eventually(() => scene.endpoints === "10.0.0.1,10.0.0.2 (own)");
          site.remove(RESOURCES.trafficPolicies, "web");
          await eventually(() => scene.shadow === undefined);
          scene.untouched();
        }
      }, 10_000);
    }
  }

  test("while it leads a Service away, and meanwhile the policy goes, puts it back", async () => {
    await using scene = await Scene.make();
    scene.policy();
    await eventually(() => scene.taken);
    scene.router?.stop();
    await scene.site.controller?.stop();
    scene.site.remove(RESOURCES.trafficPolicies, "web");
    await scene.start();
    await eventually(() => scene.shadow === undefined);
    scene.untouched();
  });

  test("and is away while the Site is deleted puts the Service back when it comes", async () => {
    await using scene = await Scene.make();
    scene.policy();
    await eventually(() => scene.taken);
    scene.router?.stop();
    await scene.site.controller?.stop();
    scene.site.remove(RESOURCES.sites, "c1");
    await scene.site.start(DRAIN);
    await eventually(() => scene.shadow === undefined);
    scene.untouched();
  });
});

test("without a controller all Services are put back, also against somebody who writes at the same time", async () => {
  await using scene = await Scene.make();
  scene.policy();
  await eventually(() => scene.taken);
  scene.router?.stop();
  await scene.site.controller?.stop();
  let disturbed = false;
  scene.site.api.intercept(({ method, path }) => {
    if (method !== "PUT" || !path.endsWith("/services/web") || disturbed) return undefined;
    disturbed = true;
    const { metadata, spec } = scene.web;
    scene.site.put(RESOURCES.services, { metadata: { ...metadata, labels: { touched: "yes" } }, spec });
    return undefined;
  });
  expect(await putBackServices(scene.site.client, "shop")).toEqual(["web"]);
  expect(await putBackServices(scene.site.client, "shop")).toEqual([]);
  expect(JSON.stringify(scene.web.spec)).toBe(JSON.stringify(SPEC));
  expect(scene.web.metadata).toMatchObject({ labels: { touched: "yes" } });
  expect(scene.web.metadata).not.toHaveProperty("annotations");
});
