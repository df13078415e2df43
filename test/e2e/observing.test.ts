import { afterAll, beforeAll, expect, test } from "bun:test";
import { Resolver } from "node:dns/promises";
import type { Pod, Secret } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { CheckCategory, FlowsView, FlowView, ServicesView } from "#observe/views.ts";
import { metricsOf, queries, rules } from "../docs/lib/monitoring.ts";
import { eventually, LinkedClusters } from "../lib/linked-clusters.ts";
import { hears } from "./lib/playground.ts";

/*
 * What people see of a network, with the shipped processes: c2 links to c1 and exports "web" (HTTP) and "raw" (TCP), clients are in
 * c1, whose DNS server is installed.
 */

const clusters = new LinkedClusters("c1", "c2");
const namespace = "default";
let web = "";
let raw = "";

beforeAll(async () => {
  await clusters.up();
  await Promise.all(["web", "raw"].map((name) => clusters.deploy("c2", name)));
  await clusters.isthmus("c2", "expose", "deployment/web", "--port", "8080", "--protocol", "http");
  await clusters.isthmus("c2", "expose", "deployment/raw", "--port", "8080", "--protocol", "tcp");
  await clusters.isthmus("c1", "dns", "install", "--apply");
  web = await addressOf("web");
  raw = await addressOf("raw");
  await eventually(async () => (await ask(web)) === 200 && (await ask(raw)) === 200);
}, 120_000);

afterAll(async () => {
  await clusters.down();
}, 60_000);

async function addressOf(name: string): Promise<string> {
  const found = await eventually(() => clusters.client("c1").find(RESOURCES.services, { namespace, name }));
  return found.spec.clusterIP ?? "";
}

async function ask(address: string, path = "/"): Promise<number> {
  try {
    const answer = await fetch(`http://${address}:8080${path}`, {
      keepalive: false,
      signal: AbortSignal.timeout(3000),
    });
    await answer.text();
    return answer.status;
  } catch {
    return 0;
  }
}

async function askDns(): Promise<void> {
  const labelSelector = "app.kubernetes.io/name=isthmus-dns";
  const { items } = await clusters.client("c1").list<Pod>(RESOURCES.pods, { namespace, labelSelector });
  const resolver = new Resolver();
  resolver.setServers(items.map(({ status }) => `${status?.podIP ?? ""}:5353`));
  expect(await resolver.resolve4(`web.${namespace}.svc.clusterset.local`)).toEqual([web]);
}

/** What all pods of that name expose. */
async function scrape(cluster: "c1" | "c2", { name, port }: { name: string; port: number }): Promise<string> {
  const labelSelector = `app.kubernetes.io/name=${name}`;
  const { items } = await clusters.client(cluster).list<Pod>(RESOURCES.pods, { namespace, labelSelector });
  const texts = await Promise.all(
    items.map(async ({ status }) => {
      const answer = await fetch(`http://${status?.podIP ?? ""}:${port}/metrics`);
      return await answer.text();
    }),
  );
  return texts.join("");
}

test("check finds nothing wrong, as text and as JSON", async () => {
  const text = await eventually(async () => {
    const { code, stdout } = await clusters.playground.run("--context", "sandbox-c2", "check");
    return code === 0 ? stdout : undefined;
  });
  expect(text).toMatch(/link "c1" is up: to c1, cost 1/);
  expect(text).toMatch(/\d+ checks are ok/);
  const json = await clusters.isthmus("c1", "check", "-o", "json");
  const { ok, categories } = JSON.parse(json) as { ok: boolean; categories: CheckCategory[] };
  const all = categories.flatMap(({ checks }) => checks);
  expect({ ok, failed: all.filter(({ result }) => result === "failed") }).toEqual({ ok: true, failed: [] });
  expect(categories.map(({ category }) => category)).toEqual([
    "Kubernetes",
    "Site",
    "Certificates",
    "Links",
    "Services",
    "DNS",
  ]);
  expect(all.find(({ name }) => name === "controller leads")?.result).toBe("ok");
}, 60_000);

test("check --pre looks at a namespace without a site, and a check that fails is exit code 1 with a hint", async () => {
  const pre = await clusters.playground.run("--context", "sandbox-c1", "-n", "kube-system", "check", "--pre");
  expect({ code: pre.code, stderr: pre.stderr }).toEqual({ code: 0, stderr: "" });
  const none = await clusters.playground.run("--context", "sandbox-c1", "-n", "kube-system", "check");
  expect(none.code).toBe(1);
  expect(none.stdout).toContain("hint: isthmus --context sandbox-c1 -n kube-system init\n");
}, 60_000);

test("check --wait ends when what was wrong is well", async () => {
  const patch = (replicas: number): Promise<unknown> =>
    clusters.client("c1").patch(RESOURCES.deployments, {
      namespace,
      name: "isthmus-dns",
      type: "merge",
      body: { spec: { replicas } },
    });
  await patch(0);
  await eventually(async () => {
    const found = await clusters.client("c1").find(RESOURCES.deployments, { namespace, name: "isthmus-dns" });
    return (found?.status?.readyReplicas ?? 0) === 0;
  });
  expect((await clusters.playground.run("--context", "sandbox-c1", "check")).code).toBe(1);
  const waiting = clusters.playground.start(["--context", "sandbox-c1", "check", "--wait=50s"]);
  await hears({ stdout: waiting.stderr, exited: waiting.exited }, "Waiting: names of imported services");
  await patch(1);
  expect(await waiting.exited).toBe(0);
}, 60_000);

test("network status is a tree with links from both ends, services and pods", async () => {
  const text = await clusters.isthmus("c1", "network", "status");
  expect(text).toMatch(
    /^Network \S+, 2 sites\n\nc1 .*this site\n└─ link from c2 +cost 1 +[\d.]+ ms +up\n\nc2 /,
  );
  expect(text).toMatch(/├─ link to c1 +cost 1 .*up\n/);
  expect(text).toMatch(/service default\/web:8080 +1 of 1 ready\n.*remote pod web-\S+ +ready\n/);
}, 30_000);

test("top counts what is asked, with its latency, and flows show each request with its pod, seen from either end", async () => {
  await using asking = keepAsking();
  const view = await eventually(async () => {
    const found = JSON.parse(await clusters.isthmus("c1", "top", "--once", "-o", "json")) as ServicesView;
    return found.services.some(({ service, load }) => service === "default/web" && load.rps > 0)
      ? found
      : undefined;
  }, 40_000);
  const row = view.services.find(({ service }) => service === "default/web");
  expect(row).toMatchObject({ podsReady: 1, pods: 1, sites: ["c2"], state: "ok" });
  expect(row?.load.successPercent).toBe(100);
  expect(row?.load.p50Ms).toBeGreaterThan(0);
  const flows = JSON.parse(
    await clusters.isthmus("c1", "flows", "web", "--path", "/marked", "--limit", "5", "-o", "json"),
  ) as FlowsView;
  expect(flows.flows.length).toBeGreaterThan(0);
  expect(flows.flows.length).toBeLessThanOrEqual(5);
  for (const flow of flows.flows) {
    expect(flow).toMatchObject({
      service: "default/web",
      sourceSite: "c1",
      destinationSite: "c2",
      outcome: "ok",
    });
    expect(flow.http?.path).toStartWith("/marked");
  }
  const far = await eventually(async () => {
    const { services } = JSON.parse(
      await clusters.isthmus("c2", "top", "services", "web", "--once", "-o", "json"),
    ) as ServicesView;
    return services.find(({ load }) => load.rps > 0);
  }, 30_000);
  expect(far).toMatchObject({ service: "default/web", shares: [{ site: "c2", percent: 100 }] });
  expect(asking.failed).toBe(0);
}, 60_000);

test("flows --follow says what ends from now on, an object a line, and ends with Ctrl-C", async () => {
  const child = clusters.playground.start(
    "--context sandbox-c1 flows --follow --path /followed -o json".split(" "),
  );
  await using asking = keepAsking("/followed");
  const line = await firstLine(child.stdout);
  const flow = JSON.parse(line) as FlowView;
  expect(flow.http).toMatchObject({ method: "GET", path: "/followed", status: 200 });
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
  expect(asking.failed).toBe(0);
}, 60_000);

test("every metric in alerts and dashboard is one that a router, a controller or a DNS server exposes, with its labels", async () => {
  await Promise.all([ask(web), ask(raw), askDns()]);
  const known = new Map<string, Set<string>>();
  const pages = await Promise.all([
    scrape("c1", { name: "isthmus-router", port: 9901 }),
    scrape("c2", { name: "isthmus-router", port: 9901 }),
    scrape("c1", { name: "isthmus-controller", port: 9901 }),
    scrape("c1", { name: "isthmus-dns", port: 9153 }),
  ]);
  for (const [, name = "", inner = ""] of pages
    .join("")
    .matchAll(/^([a-z_][a-z0-9_]*)(?:\{(.*)\})? \S+$/gm)) {
    const labels = known.get(name) ?? new Set<string>();
    known.set(name, labels);
    for (const [, label = ""] of inner.matchAll(/([a-z_]+)="/g)) labels.add(label);
  }
  // What Prometheus itself says of who is scraped.
  known.set("up", new Set());
  const unknown: string[] = [];
  const all = [...(await rules()).map(({ alert, expr }) => ({ title: alert, expr })), ...(await queries())];
  for (const { title, expr } of all) {
    for (const [name, labels] of metricsOf(expr)) {
      const has = known.get(name);
      if (has === undefined) unknown.push(`${title}: ${name}`);
      for (const label of labels)
        if (!has?.has(label) && !["namespace", "job", "pod"].includes(label))
          unknown.push(`${title}: ${name}{${label}}`);
    }
  }
  const page = await Bun.file(new URL("../../docs/observe.md", import.meta.url)).text();
  const listed = [...page.matchAll(/^\| `(isthmus_[a-z0-9_]+)/gm)].map(([, name = ""]) => name);
  expect(listed.length).toBeGreaterThan(30);
  for (const name of listed)
    if (!known.has(name) && !known.has(`${name}_count`)) unknown.push(`docs/observe.md: ${name}`);
  expect(unknown).toEqual([]);
  expect(known.size).toBeGreaterThan(60);
}, 60_000);

test("debug dump has what helps, and no value of any Secret of the site", async () => {
  const file = clusters.playground.file("dump.tar.gz");
  const token = await clusters.isthmus("c1", "token", "create", "-");
  const said = await clusters.isthmus("c1", "debug", "dump", "--output", file);
  expect(said).toBe(`${file}\n`);
  const entries = await new Bun.Archive(await Bun.file(file).bytes()).files();
  const texts = new Map<string, string>();
  for (const [path, entry] of entries) {
    // oxlint-disable-next-line no-await-in-loop
    texts.set(path.split("/").slice(1).join("/"), await entry.text());
  }
  const names = [...texts.keys()];
  for (const wanted of [
    "versions.json",
    "checks.json",
    "resources/sites.json",
    "resources/events.json",
    "resources/secrets.json",
  ])
    expect(names).toContain(wanted);
  for (const part of ["router", "controller", "dns"]) {
    expect(names.some((name) => new RegExp(`^logs/isthmus-${part}-.*\\.log$`).test(name))).toBe(true);
    expect(names.some((name) => new RegExp(`^pods/isthmus-${part}-.*metrics\\.txt$`).test(name))).toBe(true);
  }
  expect(names).not.toContain("errors.txt");
  const all = [...texts.values()].join("\n");
  const { items } = await clusters.client("c1").list<Secret>(RESOURCES.secrets, { namespace });
  const secret = items.flatMap(({ data = {} }) =>
    Object.entries(data)
      .filter(([key]) => /key$|token$|code|password/.test(key))
      .map(([key, value]) => ({ key, text: Buffer.from(value, "base64").toString("utf8"), value })),
  );
  expect(secret.length).toBeGreaterThan(5);
  const code = /code: (\S+)/.exec(token)?.[1] ?? "";
  expect(code.length).toBeGreaterThan(20);
  expect(all).not.toContain(code);
  for (const { key, text, value } of secret) {
    const parts = text.includes("-----BEGIN")
      ? text.split("\n").filter((line) => !line.startsWith("--"))
      : [text];
    for (const part of [...parts.filter((one) => one !== ""), value, JSON.stringify(text).slice(1, -1)])
      expect({ key, found: all.includes(part) }).toEqual({ key, found: false });
  }
  expect(all).not.toContain("PRIVATE KEY");
}, 60_000);

interface Asking extends AsyncDisposable {
  readonly failed: number;
}

/** A request after the other, until it is disposed. */
function keepAsking(path = "/marked"): Asking {
  let failed = 0;
  const end = new AbortController();
  const loop = async (): Promise<void> => {
    while (!end.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      if ((await ask(web, path)) !== 200) failed++;
      // oxlint-disable-next-line no-await-in-loop
      await Bun.sleep(20);
    }
  };
  const done = loop();
  return {
    get failed() {
      return failed;
    },
    async [Symbol.asyncDispose]() {
      end.abort();
      await done;
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error(`It ended without a line: ${text}`);
}
