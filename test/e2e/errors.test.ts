import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRoot } from "#pki/authority.ts";
import { complaintOf, Playground } from "./lib/playground.ts";

const NAMESPACE = "shop";
let playground: Playground;

function at(cluster: string): string[] {
  return ["--context", `sandbox-${cluster}`, "-n", NAMESPACE];
}

/** kubectl, or nothing to say about the cluster without it. */
async function kubectl(cluster: string, ...words: string[]): Promise<string> {
  const kubeconfig = (await playground.must("sandbox", "kubeconfig")).trim();
  const child = Bun.spawn(["kubectl", "--kubeconfig", kubeconfig, ...at(cluster), ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`kubectl ${words.join(" ")}: ${stderr}`);
  return stdout;
}

/** A router configuration. */
function config(admin: string, more: string): string {
  return `site: {id: s1, name: s1}\nadmin: {listen: "${admin}"}\n${more}`;
}

/** Names of what there is of that kind. */
async function names(cluster: string, kind: string): Promise<string[]> {
  return (await kubectl(cluster, "get", kind, "-o", "name")).split("\n").filter((line) => line !== "");
}

/** What a refused token could have left. */
async function linkObjects(cluster: string): Promise<string[]> {
  const secrets = (await names(cluster, "secrets")).filter((name) => name.startsWith("secret/token-"));
  return [...(await names(cluster, "accesstokens")), ...(await names(cluster, "links")), ...secrets];
}

beforeAll(async () => {
  playground = new Playground();
  await playground.must("sandbox", "up", "e1", "e2", "e3");
  await Promise.all(["e1", "e2", "e3"].map((cluster) => kubectl(cluster, "create", "namespace", NAMESPACE)));
  await Promise.all(["e1", "e2", "e3"].map((cluster) => playground.must("init", ...at(cluster))));
}, 120_000);

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
}, 60_000);

test("a token is for its owner's eyes, works once, and is refused the second time with nothing left behind", async () => {
  const file = playground.file("once.yaml");
  await playground.must("token", "create", file, ...at("e1"));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await playground.must("link", "create", file, ...at("e2"))).toContain(
    'Link "e1" to site "e1" is up',
  );
  const { error, hint } = complaintOf(await playground.run("link", "create", file, ...at("e3")));
  expect(error).toContain("already used");
  expect(hint).toContain("isthmus token create");
  expect(await linkObjects("e3")).toEqual([]);
  const again = complaintOf(await playground.run("link", "create", file, ...at("e2")));
  expect(again.error).toBe('The token was used already in this site: it made link "e1"');
  expect(again.hint).toContain("link status e1");
}, 60_000);

test("an expired token is refused, with nothing left behind", async () => {
  const file = playground.file("expired.yaml");
  await playground.must("token", "create", file, "--expiry", "4s", ...at("e1"));
  await Bun.sleep(4500);
  const { error, hint } = complaintOf(await playground.run("link", "create", file, ...at("e3")));
  expect(error).toContain("expired");
  expect(hint).toContain("isthmus token create");
  expect(await linkObjects("e3")).toEqual([]);
}, 60_000);

test("a token that expires before the site takes it up is told at once, and leaves neither grant nor file", async () => {
  const before = await names("e1", "accessgrants");
  const file = playground.file("too-short.yaml");
  const began = performance.now();
  const { error, hint } = complaintOf(
    await playground.run("token", "create", file, "--expiry", "1ms", ...at("e1")),
  );
  expect(error).toBe("The token expired before the site took it up");
  expect(hint).toContain("--expiry 15m");
  expect(performance.now() - began).toBeLessThan(30_000);
  expect(await names("e1", "accessgrants")).toEqual(before);
  expect(existsSync(file)).toBe(false);
}, 60_000);

test("a token with the authority of somebody else is refused, with nothing left behind", async () => {
  const file = playground.file("foreign.yaml");
  await playground.must("token", "create", file, ...at("e1"));
  const { certificate } = await createRoot({ network: "other", now: Date.now() });
  const indented = certificate.trim().replaceAll("\n", "\n    ");
  const token = readFileSync(file, "utf8");
  const forged = token.replace(/-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----/, indented);
  expect(forged).not.toBe(token);
  writeFileSync(file, forged);
  const finished = await playground.run("link", "create", file, ...at("e3"));
  expect(finished.code).toBe(3);
  const { error, hint } = complaintOf(finished);
  expect(error).toContain("certificate");
  expect(hint).toContain("isthmus token create");
  expect(await linkObjects("e3")).toEqual([]);
}, 60_000);

test("a token that cannot be written, or that nobody grants, leaves neither grant nor file", async () => {
  const before = await names("e1", "accessgrants");
  const nowhere = complaintOf(
    await playground.run("token", "create", playground.file("no/such/dir.yaml"), ...at("e1")),
  );
  expect(nowhere.error).toContain("Cannot write the token");
  expect(await names("e1", "accessgrants")).toEqual(before);
  const file = playground.file("nobody.yaml");
  const nobody = complaintOf(
    await playground.run("token", "create", file, "--context", "sandbox-e1", "-n", "default"),
  );
  expect(nobody.error).toContain('There is no site in namespace "default"');
  expect(nobody.hint).toBe("isthmus --context sandbox-e1 -n default init");
  expect(existsSync(file)).toBe(false);
}, 60_000);

test("an unknown context lists those that there are", async () => {
  const { error, hint } = complaintOf(await playground.run("status", "--context", "sandbox-e9"));
  expect(error).toContain("sandbox-e1, sandbox-e2, sandbox-e3");
  expect(hint).toBe("isthmus sandbox up e9");
});

test("a port in use and a field that does not exist are named, and the router does not start", async () => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const file = playground.file("router.yaml");
  writeFileSync(file, config(`127.0.0.1:${taken.port}`, ""));
  const port = complaintOf(await playground.run("router", "run", "--config", file));
  expect(port.error).toContain(`127.0.0.1:${taken.port}`);
  writeFileSync(file, config("127.0.0.1:0", "lisseners: []\n"));
  const field = await playground.run("router", "run", "--config", file);
  expect(field.code).toBe(2);
  expect(complaintOf(field).error).toContain("lisseners");
  expect(complaintOf(await playground.run("router", "run", "--config", "/no/such/file")).error).toContain(
    "/no/such/file",
  );
}, 30_000);

test("a Service or Deployment that does not exist is named, and nothing is exported", async () => {
  const service = complaintOf(await playground.run("expose", "service/nope", ...at("e1")));
  expect(service.error).toContain('There is no Service "nope" in namespace "shop"');
  expect(service.hint).toBe("kubectl --context sandbox-e1 -n shop get services");
  const deployment = complaintOf(
    await playground.run("expose", "deployment/nope", "--port", "80", ...at("e1")),
  );
  expect(deployment.error).toContain('There is no Deployment "nope"');
  const policy = complaintOf(await playground.run("policy", "set", "nope", "--spread", "Cost", ...at("e1")));
  expect(policy.error).toContain('There is no Service "nope"');
  const gone = complaintOf(await playground.run("unexpose", "service/nope", ...at("e1")));
  expect(gone.error).toContain('Service "nope" of namespace "shop" is not exposed');
  expect(await names("e1", "serviceexports")).toEqual([]);
  expect(await names("e1", "trafficpolicies")).toEqual([]);
}, 30_000);

test("a second site in a namespace is refused by init, and marked when it was applied", async () => {
  const { error, hint } = complaintOf(await playground.run("init", "--site-name", "other", ...at("e1")));
  expect(error).toContain('has the site "e1" already');
  expect(hint).toContain("uninstall");
  expect(await names("e1", "sites")).toEqual(["site.isthmus.dev/e1"]);
  const file = playground.file("second.yaml");
  writeFileSync(file, "apiVersion: isthmus.dev/v1alpha1\nkind: Site\nmetadata: {name: zwei}\nspec: {}\n");
  await kubectl("e1", "apply", "-f", file);
  const reason = ["get", "site", "zwei", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].reason}"];
  const endMs = Date.now() + 10_000;
  while ((await kubectl("e1", ...reason)) !== "SecondSite" && Date.now() < endMs) await Bun.sleep(100);
  expect(await kubectl("e1", ...reason)).toBe("SecondSite");
  await kubectl("e1", "delete", "site", "zwei");
  expect(await playground.must("status", ...at("e1"))).toContain("ready");
}, 60_000);

test("a namespace that does not exist is named with the command that makes it", async () => {
  const { error, hint } = complaintOf(
    await playground.run("init", "--context", "sandbox-e1", "-n", "nowhere"),
  );
  expect(error).toContain('There is no namespace "nowhere"');
  expect(hint).toBe("kubectl --context sandbox-e1 create namespace nowhere");
}, 30_000);

test("links and names that do not exist are told with those that do", async () => {
  const { error, hint } = complaintOf(
    await playground.run("link", "update", "c9", "--cost", "2", ...at("e2")),
  );
  expect(error).toBe('There is no link "c9" in namespace "shop": links are e1');
  expect(hint).toBe("isthmus --context sandbox-e2 -n shop link status");
}, 30_000);
