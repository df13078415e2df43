/** Two sandbox clusters as a user has them: what c2 exports has a name in c1, and the name's address leads to its pods. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { RESOURCES } from "#api/resources.ts";
import { UdpClient } from "#dns/testing/udp-client.ts";
import { KubeClient } from "#kube/client.ts";
import { loadKubeconfig } from "#kube/kubeconfig.ts";
import { Playground } from "../e2e/lib/playground.ts";
import { lookUp, untilAnswer } from "./lib/dns-command.ts";

const NAME = "web.default.svc.clusterset.local";
const playground = new Playground();
let port = 0;
let client: KubeClient;

const isthmus = (cluster: string, ...words: string[]): Promise<string> =>
  playground.must("--context", `sandbox-${cluster}`, ...words);

beforeAll(async () => {
  await playground.must("sandbox", "up", "c1", "c2");
  const path = (await playground.must("sandbox", "kubeconfig")).trim();
  const inC2 = new KubeClient(loadKubeconfig({ path, context: "sandbox-c2" }));
  client = new KubeClient(loadKubeconfig({ path, context: "sandbox-c1" }));
  const server = playground.start(["--context", "sandbox-c1", "dns", "run", "--listen", "127.0.0.1:0"]);
  const { promise, resolve } = Promise.withResolvers<number>();
  const listen = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of server.stderr) {
      text += decoder.decode(chunk, { stream: true });
      const found = /"message":"DNS runs".*"port":(\d+)/.exec(text)?.[1];
      if (found !== undefined) resolve(Number(found));
    }
  };
  listen().catch(() => {});
  port = await promise;
  await Promise.all(["c1", "c2"].map((cluster) => isthmus(cluster, "init")));
  const token = playground.file("token.yaml");
  await isthmus("c1", "token", "create", token);
  await isthmus("c2", "link", "create", token);
  const labels = { app: "web" };
  await inC2.create(RESOURCES.deployments, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "default", name: "web", labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "web", image: "isthmus/echo:1", ports: [{ containerPort: 8080 }] }] },
      },
    },
  });
}, 60_000);

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
}, 30_000);

test("a service that another cluster exports has a name here, with the address of its import, that leads to its pods", async () => {
  using dns = await UdpClient.open(port);
  expect((await lookUp(dns, NAME)).rcode).not.toBe(0);
  await isthmus("c2", "expose", "deployment/web", "--port", "8080");
  await untilAnswer(dns, { name: NAME, as: ({ answers }) => answers.length === 1, timeoutMs: 30_000 });
  const { answers } = await lookUp(dns, NAME);
  const address = answers[0]?.data ?? "";
  const imported = await client.get(RESOURCES.serviceImports, { namespace: "default", name: "web" });
  expect([address]).toEqual(imported.spec.ips ?? []);
  expect((await lookUp(dns, NAME, "SRV")).answers[0]?.data).toBe(`0 100 8080 ${NAME}`);
  let cluster = "";
  for (
    const endMs = performance.now() + 15_000;
    cluster === "" && performance.now() < endMs;
    await Bun.sleep(50)
  ) {
    const answer = await fetch(`http://${address}:8080/`).catch(() => undefined);
    if (answer?.ok === true) ({ cluster } = (await answer.json()) as { cluster: string });
  }
  expect(cluster).toBe("c2");
}, 60_000);

test("with the last export the name goes", async () => {
  using dns = await UdpClient.open(port);
  await isthmus("c2", "unexpose", "deployment/web");
  await untilAnswer(dns, { name: NAME, as: ({ rcode }) => rcode === 3, timeoutMs: 30_000 });
}, 40_000);
