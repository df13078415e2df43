import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { stringify } from "yaml";
import { Playground } from "./lib/playground.ts";

const KUBECTL = Bun.which("kubectl");
if (KUBECTL === null) process.stderr.write("notice: kubectl is not installed: its tests are skipped\n");

let playground: Playground;
let kubeconfig: string;

async function kubectl(words: string, input = ""): Promise<string> {
  const child = Bun.spawn(
    [
      KUBECTL ?? "",
      "--kubeconfig",
      kubeconfig,
      "--context",
      "sandbox-c1",
      "--cache-dir",
      playground.file("cache"),
      ...words.split(" "),
    ],
    { stdin: new TextEncoder().encode(input), stdout: "pipe", stderr: "pipe" },
  );
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`kubectl ${words}: ${stderr}`);
  return stdout.trim();
}

const container = {
  name: "main",
  image: "isthmus/echo",
  ports: [{ name: "http", containerPort: 8080 }],
  readinessProbe: { httpGet: { path: "/healthz", port: "http" } },
  volumeMounts: [{ name: "data", mountPath: "/var/lib/db" }],
};

const SET = [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "db" },
    spec: { clusterIP: "None", selector: { app: "db" }, ports: [{ name: "http", port: 8080 }] },
  },
  {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: {
        metadata: { labels: { app: "db" } },
        spec: { terminationGracePeriodSeconds: 2, containers: [container] },
      },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    },
  },
];

describe.skipIf(KUBECTL === null)("kubectl in a sandbox", () => {
  beforeAll(async () => {
    playground = new Playground();
    await playground.must("sandbox", "up", "c1");
    kubeconfig = (await playground.must("sandbox", "kubeconfig")).trim();
  }, 60_000);

  afterAll(async () => {
    await playground[Symbol.asyncDispose]();
  }, 60_000);

  test("applies, lists, scales, rolls out and back a StatefulSet, whose pods find each other and their files", async () => {
    await kubectl("apply -f -", SET.map((object) => stringify(object)).join("---\n"));
    expect(await kubectl("rollout status statefulset/db --timeout=40s")).toContain(
      "roll out complete: 2 new pods",
    );
    expect(
      (await kubectl("get statefulsets")).split("\n").map((line) => line.split(/\s+/).slice(0, 2)),
    ).toEqual([
      ["NAME", "READY"],
      ["db", "2/2"],
    ]);
    await kubectl("scale statefulset db --replicas=3");
    await kubectl("rollout status statefulset/db --timeout=40s");
    expect(await kubectl("get pods -o name")).toBe("pod/db-0\npod/db-1\npod/db-2");

    await kubectl("exec db-1 -- sh -c hostname>/var/lib/db/name");
    const own = await kubectl("get pod db-2 -o jsonpath={.status.podIP}");
    // Port 53 is root's.
    if (process.getuid?.() === 0)
      expect(await kubectl("exec db-0 -- getent hosts db-2.db")).toMatch(
        new RegExp(`^${own} +db-2\\.db\\.default\\.svc`),
      );
    await kubectl("delete pod db-1");
    await kubectl("rollout status statefulset/db --timeout=40s");
    expect(await kubectl("exec db-1 -- cat /var/lib/db/name")).toBe("db-1");

    await kubectl("set env statefulset/db COLOUR=red");
    await kubectl("rollout status statefulset/db --timeout=50s");
    expect(await kubectl("exec db-0 -- printenv COLOUR")).toBe("red");
    expect((await kubectl("rollout history statefulset/db")).split("\n").at(-1)).toStartWith("2");
    await kubectl("scale statefulset db --replicas=1");
    await kubectl("rollout undo statefulset/db");
    await kubectl("rollout status statefulset/db --timeout=40s");
    expect(await kubectl("get statefulset db -o jsonpath={.spec.template.spec.containers[0].env}")).toBe("");
    await kubectl("delete statefulset db");
    await kubectl("wait --for=delete pod/db-0 --timeout=20s");
  }, 60_000);

  test("creates a Job, waits for it, and shows its log", async () => {
    await kubectl("create job one --image=any -- echo hello");
    await kubectl("wait --for=condition=complete job/one --timeout=30s");
    expect(await kubectl("logs job/one")).toBe("hello");
    expect((await kubectl("get jobs --no-headers")).split(/\s+/).slice(0, 3)).toEqual([
      "one",
      "Complete",
      "1/1",
    ]);
    await kubectl("delete job one");
    await kubectl("wait --for=delete pod -l job-name=one --timeout=20s");
  }, 60_000);
});
