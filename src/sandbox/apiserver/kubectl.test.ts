import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { stringify } from "yaml";
import { crds } from "#api/registry.ts";
import { ADMIN, JOE, type TestServer, testServer } from "./testing.ts";

const KUBECTL = Bun.which("kubectl");
if (KUBECTL === null) process.stderr.write("kubectl is not installed: its tests are skipped\n");

interface Ran {
  code: number;
  out: string;
  err: string;
}

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: c, image: isthmus/echo, ports: [{containerPort: 8080}], env: [{name: A, value: "1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;

const columns = (text: string): string[] => (text.split("\n")[0] ?? "").split(/\s{2,}/);

const user = (name: string, token: string) => ({ name, user: { token } });

const mapOf = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {k: "${value}"}`;

const link = (spec: string): string =>
  `apiVersion: isthmus.dev/v1alpha1\nkind: Link\nmetadata: {name: l}\nspec: ${spec}`;

describe.skipIf(KUBECTL === null)("kubectl", () => {
  let t: TestServer;

  /** Runs the real kubectl with a home, a kubeconfig and a cache of its own. */
  const kubectl = async (line: string | readonly string[], input = ""): Promise<Ran> => {
    const args = typeof line === "string" ? line.split(" ") : line;
    const child = Bun.spawn([KUBECTL ?? "", ...args, `--cache-dir=${join(t.dir, "cache")}`], {
      env: {
        HOME: t.dir,
        KUBECONFIG: join(t.dir, "kubeconfig"),
        PATH: process.env["PATH"] ?? "",
        EDITOR: "true",
      },
      stdin: new TextEncoder().encode(input),
      stdout: "pipe",
      stderr: "pipe",
      timeout: 15_000,
    });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { code, out: out.trim(), err: err.trim() };
  };
  const ok = async (line: string | readonly string[], input = ""): Promise<string> => {
    const ran = await kubectl(line, input);
    expect({ line, code: ran.code, err: ran.code === 0 ? "" : ran.err }).toEqual({ line, code: 0, err: "" });
    return ran.out;
  };

  beforeAll(async () => {
    t = await testServer();
    mkdirSync(join(t.dir, "cache"));
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "t", cluster: { server: t.url, "certificate-authority": join(t.dir, "ca.crt") } }],
      users: [user("admin", ADMIN), user("joe", JOE)],
      contexts: ["admin", "joe"].map((name) => ({ name, context: { cluster: "t", user: name } })),
      "current-context": "admin",
    };
    writeFileSync(join(t.dir, "kubeconfig"), JSON.stringify(config), { mode: 0o600 });
  });
  afterAll(() => t[Symbol.asyncDispose]());

  test("applies twice, scales, patches, labels, restarts, and shows the columns of a real cluster", async () => {
    expect(await ok("apply -f -", DEPLOYMENT)).toBe("deployment.apps/web created\nservice/web created");
    expect(await ok("apply -f -", DEPLOYMENT)).toBe("deployment.apps/web unchanged\nservice/web unchanged");
    expect(columns(await ok("get deploy -o wide"))).toEqual([
      "NAME",
      "READY",
      "UP-TO-DATE",
      "AVAILABLE",
      "AGE",
      "CONTAINERS",
      "IMAGES",
      "SELECTOR",
    ]);
    const changed = DEPLOYMENT.replace('value: "1"', 'value: "2"');
    expect(await ok("apply -f -", changed)).toContain("deployment.apps/web configured");
    await ok("scale deploy/web --replicas=5");
    await ok([
      "patch",
      "deploy",
      "web",
      "-p",
      '{"spec":{"template":{"spec":{"containers":[{"name":"c","tty":true}]}}}}',
    ]);
    await ok("label deploy web x=y");
    await ok("rollout restart deploy/web");
    const path =
      "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].env[0].value} {.metadata.labels.x}";
    expect(await ok(["get", "deploy", "web", "-o", path])).toBe("5 2 y");
    expect(await ok("describe deploy web")).toContain("Replicas:               5 desired");
  }, 20_000);

  test("names unknown fields: refused when strict, warned of otherwise", async () => {
    const wrong = (DEPLOYMENT.split("---")[0] ?? "")
      .replace("replicas: 2", "replicaz: 2")
      .replaceAll("name: web", "name: odd");
    const strict = await kubectl("create -f -", wrong);
    expect(strict.code).toBe(1);
    expect(strict.err).toContain('strict decoding error: unknown field "spec.replicaz"');
    const warned = await kubectl("create --validate=warn -f -", wrong);
    expect([warned.code, warned.err]).toEqual([0, 'Warning: unknown field "spec.replicaz"']);
    const invalid = await kubectl(
      "create -f -",
      DEPLOYMENT.replace("labels: {app: web}}\n    spec", "labels: {app: x}}\n    spec").replaceAll(
        "name: web",
        "name: bad",
      ),
    );
    expect(invalid.err).toContain("`selector` does not match template `labels`");
  }, 20_000);

  test("server-side apply keeps owners apart, names conflicts, and forces", async () => {
    await ok("apply --server-side --field-manager=one -f -", mapOf("1"));
    const conflict = await kubectl("apply --server-side --field-manager=two -f -", mapOf("2"));
    expect(conflict.code).toBe(1);
    expect(conflict.err).toContain('conflict with "one": .data.k');
    await ok("apply --server-side --field-manager=two --force-conflicts -f -", mapOf("2"));
    expect(await ok("get cm ssa -o jsonpath={.data.k}")).toBe("2");
  }, 20_000);

  test("create's subcommands work, which speak protobuf", async () => {
    await ok("create ns made");
    await ok("-n made create deployment d --image=isthmus/echo --replicas=0 --port=80");
    await ok("-n made create secret generic s --from-literal=a=b");
    await ok("-n made create service clusterip c --tcp=80:8080");
    await ok("-n made create sa bot");
    await ok("-n made create role reader --verb=get --resource=pods");
    await ok("-n made create rolebinding readers --role=reader --serviceaccount=made:bot");
    const read = "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].ports[0].containerPort}";
    expect(await ok(["-n", "made", "get", "deploy", "d", "-o", read])).toBe("0 80");
    expect(await ok("-n made get svc c -o jsonpath={.spec.ports[0].targetPort}")).toBe("8080");
    const token = await ok("-n made create token bot");
    expect(await ok(`-n made --token=${token} auth can-i get pods`)).toBe("yes");
    expect((await kubectl(`-n made --token=${token} auth can-i list pods`)).out).toBe("no");
    expect(await ok("delete ns made")).toContain('namespace "made" deleted');
  }, 30_000);

  test("a CRD of ours is served at once: table, short name, validation, explain, several versions", async () => {
    await ok(
      "apply -f -",
      crds()
        .map((crd) => stringify(crd))
        .join("---\n"),
    );
    await ok("wait --for=condition=established crd --all --timeout=5s");
    const refused = await kubectl("apply -f -", link("{endpoints: [{host: a, port: 1}], cost: 0}"));
    expect(refused.err).toContain("spec.cost: Invalid value: 0");
    await ok("apply -f -", link("{endpoints: [{host: a, port: 1}]}"));
    expect(columns(await ok("get links.isthmus.dev"))).toContain("AGE");
    expect(await ok("explain links.isthmus.dev.spec.cost")).toContain("FIELD: cost <integer>");
    for (const version of ["v1alpha1", "v1beta1"]) {
      const plural = `serviceexports.${version}.multicluster.x-k8s.io`;
      const exported = `apiVersion: multicluster.x-k8s.io/${version}\nkind: ServiceExport\nmetadata: {name: e}`;
      await ok("apply -f -", exported);
      expect(await ok(`get ${plural} e -o jsonpath={.apiVersion}`)).toBe(`multicluster.x-k8s.io/${version}`);
    }
    await ok("delete crd links.isthmus.dev");
    expect((await kubectl("get links.isthmus.dev")).code).toBe(1);
  }, 30_000);

  test("runs, waits, logs, watches and deletes a pod", async () => {
    await ok("run p --image=isthmus/echo --labels=app=p");
    expect(columns(await ok("get pods -l app=p"))).toEqual(["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    expect(await ok("get pods -A --field-selector status.phase=Pending -o name")).toBe("pod/p");
    await ok("wait --for=jsonpath={.status.phase}=Pending pod/p --timeout=5s");
    expect(await ok("logs p --tail 5")).toBe("default/p p tail=5");
    const watching = kubectl("get pods -w --request-timeout=2s -o name");
    await Bun.sleep(1000);
    await ok("annotate pod p a=b");
    expect((await watching).out.split("\n").length).toBeGreaterThanOrEqual(2);
    expect(await ok("describe pod p")).toContain("Status:       Pending");
    expect(await ok("delete pod p")).toContain('pod "p" deleted');
  }, 30_000);

  test("finds its way: resources, versions, cluster-info, explain, who am I, and what joe may not", async () => {
    expect(await ok("api-resources -o name")).toContain("deployments.apps");
    expect(await ok("api-versions")).toContain("discovery.k8s.io/v1");
    expect(await ok("version")).toContain("Server Version: v1.32");
    expect(await ok("cluster-info")).toContain("is running at");
    expect(await ok("explain pod.spec.containers.ports")).toContain("containerPort");
    expect(await ok("auth whoami")).toContain("admin");
    const refused = await kubectl("--context joe get pods");
    expect(refused.err).toContain('User "joe" cannot list resource "pods"');
    const unknown = await kubectl("get nonsense");
    expect(unknown.err).toContain('the server doesn\'t have a resource type "nonsense"');
  }, 30_000);
});
