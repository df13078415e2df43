import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ConfigMap, Deployment } from "#api/builtin.ts";
import { dnsRules } from "#site/dns/dns-manifests.ts";
import { parseObjects } from "../object-file.ts";
import { type SiteServer, siteServer } from "../testing/site-server.ts";

const COREFILE = ".:53 {\n    errors\n    kubernetes cluster.local\n    reload\n}\n";
const PATH = "/api/v1/namespaces/kube-system/configmaps";
let site: SiteServer;

beforeAll(async () => {
  site = await siteServer(["shop", "other"]);
  await site.server.json("POST", "/api/v1/namespaces", { metadata: { name: "kube-system" } });
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

async function corefile(): Promise<string | undefined> {
  const found = (await site.server.json("GET", `${PATH}/coredns`)) as ConfigMap;
  return found.data?.["Corefile"];
}

async function giveCoreDns(text: string): Promise<void> {
  await site.server.fetch(`${PATH}/coredns`, { method: "DELETE" });
  await site.server.json("POST", PATH, { metadata: { name: "coredns" }, data: { Corefile: text } });
}

test("it prints what it would apply: two replicas, restricted, with the rights to list and watch two kinds", async () => {
  const { code, out } = await site.run("dns install --strict --ttl 17 --image registry.example/isthmus:2");
  const objects = parseObjects(out);
  expect(code).toBe(0);
  expect(objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`)).toEqual(
    [
      "ServiceAccount shop/isthmus-dns",
      "ClusterRole /isthmus-dns",
      "ClusterRoleBinding /isthmus-dns",
      "Service shop/isthmus-dns",
      "Deployment shop/isthmus-dns",
    ],
  );
  // What `isthmus uninstall` takes away has another.
  for (const { metadata } of objects)
    expect(metadata.labels?.["app.kubernetes.io/managed-by"]).toBe("isthmus-dns");
  const { spec } = objects.at(-1) as Deployment;
  const pod = spec.template.spec;
  const [container] = pod.containers;
  expect(spec.replicas).toBe(2);
  expect(pod.securityContext).toMatchObject({
    runAsNonRoot: true,
    seccompProfile: { type: "RuntimeDefault" },
  });
  expect(container?.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container?.image).toBe("registry.example/isthmus:2");
  expect(container?.args?.join(" ")).toBe(
    "dns run --all-namespaces --listen [$(POD_IP)]:5353 --metrics [$(POD_IP)]:9153 --zone clusterset.local --ttl 17 --drain 5s --strict",
  );
  expect(container?.readinessProbe).toMatchObject({ httpGet: { path: "/readyz", port: 9153 } });
  expect(dnsRules().flatMap(({ resources = [] }) => resources)).toEqual(["serviceimports", "endpointslices"]);
  for (const { verbs } of dnsRules()) expect(verbs).toEqual(["list", "watch"]);
});

test("--coredns shows the change of the Corefile and changes nothing; with --apply it is made, once; uninstall undoes all of it", async () => {
  await giveCoreDns(COREFILE);
  const shown = await site.run("dns install --coredns");
  expect(shown.code).toBe(0);
  expect(shown.out).toStartWith("--- Corefile\n+++ Corefile\n@@ -");
  expect(shown.out).toContain("+    forward . <cluster IP of Service shop/isthmus-dns>\n");
  expect(await corefile()).toBe(COREFILE);

  // Without controllers in this cluster nothing gives the Service an address, so it has one of ours.
  const services = "/api/v1/namespaces/shop/services";
  const spec = { clusterIP: "10.96.0.53", ports: [{ port: 53 }] };
  await site.server.json("POST", services, { metadata: { name: "isthmus-dns" }, spec });
  const made = await site.run("dns install --coredns --apply --wait=false");
  expect({ code: made.code, err: made.err }).toEqual({ code: 0, err: "" });
  expect(made.out).toContain("+    forward . 10.96.0.53\n");
  expect(await corefile()).toContain("clusterset.local:53 {\n");

  const again = await site.run("dns install --coredns --apply --wait=false");
  expect(again.out).toEndWith('CoreDNS sends "clusterset.local" here already\n');
  const second = await site.run("dns install --apply --wait=false -n other");
  expect(second.code).toBe(1);
  expect(second.err).toContain('DNS is installed in namespace "shop" already');
  expect(second.err).toContain("hint: Use that one, or first: isthmus -n shop dns uninstall");
  const elsewhere = await site.run("dns uninstall -n other");
  expect(elsewhere.out).toContain('in namespace "shop", not in "other"');

  const gone = await site.run("dns uninstall");
  expect(gone.out).toContain("-    forward . 10.96.0.53\n");
  expect(gone.out).toEndWith('DNS is gone from namespace "shop"\n');
  expect(await corefile()).toBe(COREFILE);
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  for (const path of [
    `${rbac}/clusterroles/isthmus-dns`,
    `${rbac}/clusterrolebindings/isthmus-dns`,
    `${services}/isthmus-dns`,
  ])
    expect((await site.server.json("GET", path)).code).toBe(404);
  expect((await site.run("dns uninstall")).out).toBe('DNS is not installed in namespace "shop"\n');
});

test("a CoreDNS that serves the zone itself is left alone; somebody else's block is not touched; without CoreDNS it says what to do", async () => {
  const native = COREFILE.replace(
    "cluster.local\n",
    "cluster.local clusterset.local {\n      multicluster clusterset.local\n    }\n",
  );
  await giveCoreDns(native);
  const left = await site.run("dns install --coredns");
  expect(left).toMatchObject({
    code: 0,
    out: 'CoreDNS serves "clusterset.local" by itself (multicluster): it is left as it is\n',
  });

  const foreign = `${COREFILE}clusterset.local:53 {\n    forward . 10.1.1.1\n}\n`;
  await giveCoreDns(foreign);
  const refused = await site.run("dns install --coredns");
  expect(refused.code).toBe(1);
  expect(refused.err).toContain('sends "clusterset.local" elsewhere already (line 6)');
  expect(refused.err).toContain("hint: Take that block out");
  expect(await corefile()).toBe(foreign);

  await site.server.fetch(`${PATH}/coredns`, { method: "DELETE" });
  const none = await site.run("dns install --coredns");
  expect(none.code).toBe(1);
  expect(none.err).toContain('There is no ConfigMap kube-system/coredns with a "Corefile"');
  expect(none.err).toContain("docs/dns.md");
});

test("a Corefile that nobody reloads, or that somebody else owns, is said", async () => {
  await giveCoreDns(`${COREFILE.replace("    reload\n", "")}import custom/*.server\n`);
  await site.server.json("POST", "/api/v1/namespaces/shop/services", {
    metadata: { name: "isthmus-dns" },
    spec: { clusterIP: "10.96.0.53", ports: [{ port: 53 }] },
  });
  const { code, err } = await site.run("dns install --coredns --apply --wait=false");
  expect(code).toBe(0);
  expect(err).toContain(
    "hint: CoreDNS does not reload its Corefile: kubectl --context admin -n kube-system rollout restart",
  );
  expect(err).toContain("hint: This Corefile may be written anew");
  await site.run("dns uninstall");
  const nowhere = await site.run("-n nowhere dns install --apply");
  expect(nowhere.err).toContain('error: There is no namespace "nowhere"');
});

test("what it made is taken away when it may not make all of it", async () => {
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const rules = [{ apiGroups: ["*"], resources: ["serviceaccounts", "clusterrolebindings"], verbs: ["*"] }];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "some" };
  await site.server.json("POST", `${rbac}/clusterroles`, { metadata: { name: "some" }, rules });
  await site.server.json("POST", `${rbac}/clusterrolebindings`, {
    metadata: { name: "some" },
    roleRef,
    subjects: [{ kind: "User", name: "joe", apiGroup: "rbac.authorization.k8s.io" }],
  });
  const { code, err } = await site.run("--context joe dns install --apply --wait=false");
  expect(code).not.toBe(0);
  expect(err).toContain("clusterroles");
  expect((await site.server.json("GET", "/api/v1/namespaces/shop/serviceaccounts/isthmus-dns")).code).toBe(
    404,
  );
});
