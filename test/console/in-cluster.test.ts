import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Deployment, Secret, Service } from "#api/builtin.ts";
import type { ConsoleSpec, Site } from "#api/kinds/site.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { KubeClient } from "#kube/client.ts";
import type { AboutView, NetworkView } from "#observe/views.ts";
import { CONSOLE, CONSOLE_PORT } from "#site/console/console-names.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";

const PLACE = { namespace: "default", name: CONSOLE };
const clusters = new LinkedClusters("c1", "c2");

beforeAll(() => clusters.up(), 60_000);
afterAll(() => clusters.down(), 60_000);

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const { ca } = await secret();
  const service = await clusters.client("c1").get<Service>(RESOURCES.services, PLACE);
  return await fetch(`https://${service.spec.clusterIP}:${CONSOLE_PORT}${path}`, {
    ...init,
    tls: { ca },
    signal: AbortSignal.timeout(5000),
  });
}

async function secret(): Promise<{ password: string; ca: string }> {
  const { data } = await clusters.client("c1").get<Secret>(RESOURCES.secrets, PLACE);
  const text = (key: string): string => Buffer.from(data?.[key] ?? "", "base64").toString();
  return { password: text("password"), ca: text("ca.crt") };
}

async function setConsole(spec: Partial<ConsoleSpec>): Promise<void> {
  const [site] = (await clusters.client("c1").list<Site>(RESOURCES.sites, { namespace: "default" })).items;
  await clusters.client("c1").patch(RESOURCES.sites, {
    namespace: "default",
    name: site?.metadata.name ?? "",
    type: "merge",
    body: { spec: { console: spec } },
  });
}

/** It serves before it has heard a router, and does not know its site then. */
async function untilServing(password: string): Promise<AboutView> {
  return await eventually(async () => {
    try {
      const answer = await ask("/api/v1/about", { headers: { authorization: `Bearer ${password}` } });
      const about = answer.ok ? ((await answer.json()) as AboutView) : undefined;
      return about?.site === "" ? undefined : about;
    } catch {
      return undefined;
    }
  }, 30_000);
}

describe("a Site that asks for a console", () => {
  test("has one that shows the network to who has the password of its Secret, over TLS", async () => {
    await setConsole({ enabled: true });
    await eventually(async () => (await clusters.client("c1").find(RESOURCES.secrets, PLACE)) !== undefined);
    const { password, ca } = await secret();
    expect([password.length, ca.startsWith("-----BEGIN CERTIFICATE-----")]).toEqual([20, true]);
    const about = await untilServing(password);
    expect([about.site, about.sandbox, about.cli]).toEqual(["c1", false, "isthmus -n default"]);
    expect(about.network).not.toBe("");

    expect((await ask("/api/v1/network")).status).toBe(401);
    expect((await ask("/", { redirect: "manual" })).headers.get("location")).toBe("/login");
    const headers = { authorization: `Bearer ${password}` };
    const network = await eventually(async () => {
      const view = (await (await ask("/api/v1/network", { headers })).json()) as NetworkView;
      return view.links.some(({ state }) => state === "up") ? view : undefined;
    }, 30_000);
    expect(network.sites.map(({ name }) => name).toSorted()).toEqual(["c1", "c2"]);
  }, 60_000);

  test("lets its pod read addresses of Services, and nothing else", async () => {
    const { namespace } = PLACE;
    const { data } = await clusters
      .client("c1")
      .get<Secret>(RESOURCES.secrets, { namespace, name: `${CONSOLE}-token` });
    const token = Buffer.from(data?.["token"] ?? "", "base64").toString();
    const { connection } = clusters.client("c1");
    const pod = new KubeClient({ ...connection, authorization: () => `Bearer ${token}` });
    expect((await pod.list(RESOURCES.endpointSlices, { namespace })).items.length).toBeGreaterThan(0);
    const others: readonly ResourceDef[] = [
      RESOURCES.secrets,
      RESOURCES.pods,
      RESOURCES.services,
      RESOURCES.sites,
    ];
    for (const def of others) {
      await expect(pod.list(def, { namespace })).rejects.toMatchObject({ code: "DENIED" });
    }
    await expect(pod.get(RESOURCES.secrets, PLACE)).rejects.toMatchObject({ code: "DENIED" });
  });

  test("takes a password that the user writes into the Secret", async () => {
    const { password: before } = await secret();
    const word = "a password of my own";
    await clusters.client("c1").patch(RESOURCES.secrets, {
      ...PLACE,
      type: "merge",
      body: { data: { password: btoa(word.replaceAll(" ", "-")) } },
    });
    // What it is made of is looked at again when the Site changes, and each half minute.
    await setConsole({ hosts: ["console.example"] });
    await untilServing(word.replaceAll(" ", "-"));
    await eventually(async () => {
      const answer = await ask("/api/v1/about", { headers: { authorization: `Bearer ${before}` } }).catch(
        () => undefined,
      );
      return answer?.status === 401;
    }, 30_000);
  }, 90_000);

  test("has none any more when it no longer asks", async () => {
    await setConsole({ enabled: false });
    await eventually(async () => {
      const client = clusters.client("c1");
      const left = await Promise.all([
        client.find<Deployment>(RESOURCES.deployments, PLACE),
        client.find<Secret>(RESOURCES.secrets, PLACE),
        client.find<Service>(RESOURCES.services, PLACE),
      ]);
      return left.every((one) => one === undefined);
    }, 30_000);
  }, 60_000);
});
