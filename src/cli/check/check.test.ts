import { expect, test } from "bun:test";
import { RESOURCES } from "#api/resources.ts";
import { FakeClock } from "#core/clock.ts";
import { KubeError } from "#kube/kube-error.ts";
import { runChecks, type RunChecksOptions } from "#observe/checks/run-checks.ts";
import {
  condition,
  healthySite,
  linkObject,
  NOW_MS,
  siteObject,
} from "#observe/checks/testing/healthy-site.ts";
import { type MemoryKube, memoryKube } from "#observe/checks/testing/memory-kube.ts";
import type { CheckCategory } from "#observe/views.ts";
import { styleFor } from "../output/style.ts";
import { MemoryIo } from "../testing/memory-io.ts";
import { categoryText, summaryText } from "./check-text.ts";

const plain = { style: styleFor(new MemoryIo(), "out"), unicode: true };

async function looked(kube: MemoryKube, options: Partial<RunChecksOptions> = {}): Promise<CheckCategory[]> {
  const { client } = kube;
  return await Array.fromAsync(
    runChecks({ client, namespace: "shop", clock: new FakeClock(NOW_MS), ...options }),
  );
}

function textOf(categories: readonly CheckCategory[], options = plain): string {
  return (
    categories.map((category) => categoryText(category, options)).join("\n") +
    summaryText(categories, options)
  );
}

/** `× name` and what is said of it, of all that is not well. */
function troubles(categories: readonly CheckCategory[]): Record<string, string> {
  const all = categories.flatMap(({ checks }) => checks);
  return Object.fromEntries(
    all
      .filter(({ result }) => result === "failed" || result === "warning")
      .map(({ name, result, message = "", hint = "" }) => [`${result}: ${name}`, `${message} | ${hint}`]),
  );
}

/** So many days after the certificates were made. */
function at(days: number): FakeClock {
  return new FakeClock(Date.parse("2026-01-01T00:00:00Z") + days * 86_400_000);
}

test("a site that is well: a line a check under named categories", async () => {
  expect(textOf(await looked(await healthySite()))).toBe(`Kubernetes
  √ API server answers: v1.32.0
  √ namespace is there: shop

Site
  √ kinds are installed: 7, as this program has them
  √ site is there: east
  √ controller is ready: 1 of 1 pod ready
  √ controller leads: isthmus-controller-0
  √ routers are ready: 1 of 1 pod ready
  √ configuration is in force: The routers have the present configuration
  √ site is ready
  √ versions agree: 0.1.0

Certificates
  √ site certificate is valid: 29d left, until 2026-01-31T00:00:00.000Z
  √ network authority is valid: 29d left, until 2026-01-31T00:00:00.000Z
  √ controller's own certificates are valid: 29d left, until 2026-01-31T00:00:00.000Z

Links
  √ link "west" is up: to west, cost 4, 0.4 ms
  √ link from "west" is up
  √ 1 other site is reachable

Services
  √ 1 export is offered
  √ 1 import serves
  √ 1 policy is in force

DNS
  - names of imported services are answered: isthmus-dns is not installed
    hint: isthmus -n shop dns install
  - cluster DNS asks it: Nothing to ask
19 checks are ok, 2 skipped
`);
});

test("what is not well says why, and what to type next", async () => {
  const kube = await healthySite();
  kube.put(RESOURCES.links, linkObject("False", "connection refused"));
  kube.put(RESOURCES.deployments, {
    metadata: { name: "isthmus-router" },
    spec: { replicas: 2 },
    status: { readyReplicas: 1, updatedReplicas: 2 },
  });
  kube.pods.set("isthmus-controller-0 /v1/state", { version: "0.0.9" });
  kube.put(RESOURCES.serviceExports, {
    metadata: { name: "cart" },
    status: { conditions: [condition("Valid", "False", "There is no Service of that name")] },
  });
  kube.put(RESOURCES.serviceImports, {
    metadata: { name: "queue" },
    spec: { type: "ClusterSetIP", ips: ["10.1.0.2"], ports: [] },
    status: { clusters: [{ cluster: "west" }] },
  });
  kube.put(RESOURCES.trafficPolicies, {
    metadata: { name: "db" },
    spec: {},
    status: {
      conditions: [condition("Ready", "True"), condition("TargetsFound", "False", "No cluster: moon")],
    },
  });
  const site = siteObject({ ready: "False", reachable: false });
  kube.put(RESOURCES.sites, { ...site, spec: { ...(site.spec as object), console: { enabled: true } } });
  kube.put(RESOURCES.accessTokens, {
    metadata: { name: "north" },
    status: { conditions: [condition("Redeemed", "False", "The code has expired")] },
  });
  const categories = await looked(kube);
  const text = textOf(categories);
  expect(text).toContain(`  × link "west" is up
    connection refused
    hint: isthmus -n shop link status west -o wide
`);
  expect(text).toContain(`  ‼ routers are ready
    1 of 2 pods ready
    hint: kubectl -n shop get pods -l app.kubernetes.io/name=isthmus-router
`);
  expect(text).toEndWith("12 checks are ok, 3 warnings, 8 failed, 2 skipped\n");
  expect(Object.keys(troubles(categories))).toEqual([
    "failed: controller leads",
    "warning: routers are ready",
    "failed: console is ready",
    "failed: site is ready",
    "warning: versions agree",
    'failed: link "west" is up',
    'failed: token "north" is redeemed',
    'failed: site "west" is reachable',
    'failed: export "cart" is offered',
    'failed: import "queue" serves',
    'warning: policy "db" is in force',
  ]);
  for (const what of Object.values(troubles(categories))) expect(what).toMatch(/\S \| .*(isthmus|kubectl) /);
});

test("without Unicode the marks are words", async () => {
  const kube = await healthySite();
  kube.put(RESOURCES.links, linkObject("False", "connection refused"));
  const text = textOf(await looked(kube), { ...plain, unicode: false });
  expect(text).toContain("  [ok]   API server answers: v1.32.0\n");
  expect(text).toContain('  [fail] link "west" is up\n         connection refused\n');
  // oxlint-disable-next-line no-control-regex
  expect(text).toMatch(/^[\x00-\x7f]*$/);
});

test("certificates: a warning under a quarter of their life, a failure after it", async () => {
  const kube = await healthySite();
  const verdicts = async (days: number): Promise<(string | undefined)[]> => {
    const found = (await looked(kube, { clock: at(days) })).find(
      ({ category }) => category === "Certificates",
    );
    return (found?.checks ?? []).map(({ result, message }) => `${result} ${message?.split(",")[0] ?? ""}`);
  };
  expect(await verdicts(22)).toEqual(Array(3).fill("ok 8d left"));
  expect((await verdicts(23))[0]).toBe("warning 7d left");
  expect((await verdicts(31))[0]).toBe("failed Ended 24h ago");
});

test("who may not look at a thing has it skipped, and an API server that is away ends the run with its own words", async () => {
  const kube = await healthySite();
  kube.denied.add("get secrets").add("get pods/proxy").add("list deployments.apps").add("get configmaps");
  const categories = await looked(kube);
  expect(troubles(categories)).toEqual({});
  expect(textOf(categories)).toContain("  - site certificate is valid: Not allowed to get secrets\n");
  kube.failure = new KubeError("UNREACHABLE", "Cannot reach the API server at https://x", {
    hint: "kubectl config view",
  });
  expect(await looked(kube)).toEqual([
    {
      category: "Kubernetes",
      checks: [
        {
          name: "API server answers",
          result: "failed",
          message: "Cannot reach the API server at https://x",
          hint: "kubectl config view",
        },
      ],
    },
  ]);
});

test("a hundred exports are one line, and those that fail one each, up to 20", async () => {
  const kube = await healthySite();
  for (let n = 0; n < 100; n++) {
    const valid = n < 30 ? "False" : "True";
    kube.put(RESOURCES.serviceExports, {
      metadata: { name: `s${n}` },
      status: { conditions: [condition("Valid", valid, "no such Service"), condition("Ready", "True")] },
    });
    kube.put(RESOURCES.endpointSlices, {
      metadata: { name: `s${n}-1`, labels: { "kubernetes.io/service-name": `s${n}` } },
      endpoints: [{ addresses: ["10.0.0.1"] }],
    });
  }
  const found = (await looked(kube)).find(({ category }) => category === "Services")?.checks ?? [];
  const lines = found
    .filter(({ name }) => /export|more/.test(name))
    .map(({ name, result }) => `${result} ${name}`);
  expect(lines).toHaveLength(22);
  expect(lines[0]).toBe("ok 71 exports are offered");
  expect(lines.at(-1)).toBe("failed and 10 more");
});

test("--pre: what init needs, with the rights that are missing by name", async () => {
  const kube = memoryKube();
  kube.put(RESOURCES.namespaces, { metadata: { name: "shop" } });
  expect(textOf(await looked(kube, { pre: true }))).toBe(`Kubernetes
  √ API server answers: v1.32.0
  √ namespace is there: shop

Before installing
  √ kinds are installed, or may be: 7 will be
  √ objects of a site may be made
  √ rights of the controller may be given
  √ namespace has no other site
6 checks are ok
`);
  kube.denied.add("create customresourcedefinitions.apiextensions.k8s.io").add("patch deployments.apps");
  kube.denied
    .add("* *.*")
    .add("escalate roles.rbac.authorization.k8s.io")
    .add("update leases.coordination.k8s.io");
  expect(troubles(await looked(kube, { pre: true }))).toEqual({
    "failed: kinds are installed, or may be":
      "7 are not, and you may not create customresourcedefinitions.apiextensions.k8s.io | Whoever administers the cluster installs them once: isthmus -n shop init -o yaml",
    "failed: objects of a site may be made":
      'You may not patch deployments.apps in namespace "shop" | Whoever administers it can bind the role "admin" to you, or run: isthmus -n shop init',
    "failed: rights of the controller may be given": expect.stringMatching(
      /^You can give only rights that you have, and may not .*update leases\.coordination\.k8s\.io "isthmus-controller" in namespace "shop" \| .*isthmus -n shop init$/,
    ),
  });
  expect(await looked(memoryKube("v1.24.0"), { pre: true })).toMatchObject([
    { checks: [{ result: "failed", message: "It is v1.24.0; 1.25 is the oldest that works" }] },
  ]);
});

test("DNS: the Corefile has to lead to the Service", async () => {
  const kube = await healthySite();
  const namespace = "kube-system";
  kube.put(RESOURCES.deployments, {
    metadata: { name: "isthmus-dns", labels: { "app.kubernetes.io/name": "isthmus-dns" } },
    spec: { replicas: 1 },
    status: { readyReplicas: 1 },
  });
  kube.put(RESOURCES.services, { metadata: { name: "isthmus-dns" }, spec: { clusterIP: "10.0.0.53" } });
  const dns = async (block: string): Promise<string[]> => {
    const data = { Corefile: `.:53 {\n  forward . /etc/resolv.conf\n}\n${block}` };
    kube.put(RESOURCES.configMaps, { metadata: { name: "coredns", namespace }, data });
    const found = (await looked(kube)).find(({ category }) => category === "DNS")?.checks ?? [];
    return found.map(({ result, message }) => `${result}: ${message ?? ""}`);
  };
  expect(await dns("")).toEqual([
    "ok: 1 of 1 pods ready in namespace shop",
    "warning: The Corefile has no block for clusterset.local: pods cannot use the names",
  ]);
  expect((await dns("clusterset.local:53 {\n  errors\n  forward . 10.0.0.53\n}\n"))[1]).toBe(
    "ok: clusterset.local goes to 10.0.0.53",
  );
  expect((await dns("clusterset.local {\n  forward . 10.0.0.99:53\n}\n"))[1]).toBe(
    'failed: The Corefile forwards clusterset.local to 10.0.0.99:53, and Service "isthmus-dns" is at 10.0.0.53',
  );
});
