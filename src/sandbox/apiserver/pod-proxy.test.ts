import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ADMIN, JOE, type TestServer, testServer } from "./testing.ts";

const KUBECTL = Bun.which("kubectl");
const PODS = "/api/v1/namespaces/default/pods";

/** What the pod of these tests serves. */
const served = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/moved")
      return new Response(null, { status: 302, headers: { location: "/there?x=1" } });
    if (pathname === "/teapot") return new Response("short and stout", { status: 418 });
    const { authorization, cookie, "x-own": own } = Object.fromEntries(request.headers);
    return Response.json({ method: request.method, pathname, search, authorization, cookie, own });
  },
});
const rude = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: { data: (socket) => void socket.end() },
});
let t: TestServer;

beforeAll(async () => {
  t = await testServer();
  const containers = [{ name: "c", image: "i", ports: [{ containerPort: served.port ?? 0 }] }];
  for (const name of ["web", "new"]) {
    await t.json("POST", PODS, { apiVersion: "v1", kind: "Pod", metadata: { name }, spec: { containers } });
  }
  const ready = { status: { podIP: "127.0.0.1", phase: "Running" } };
  await t.json("PATCH", `${PODS}/web/status`, ready, "application/merge-patch+json");
});
afterAll(async () => {
  await t[Symbol.asyncDispose]();
  rude.stop(true);
  await served.stop(true);
});

const proxy = (pod: string, rest: string, init?: Parameters<TestServer["fetch"]>[1]): Promise<Response> =>
  t.fetch(`${PODS}/${pod}/proxy${rest}`, { redirect: "manual", ...init });

async function refusal(response: Response): Promise<[number, string]> {
  const body = (await response.json()) as { kind: string; code: number; message: string };
  expect({ kind: body.kind, code: body.code }).toEqual({ kind: "Status", code: response.status });
  return [response.status, body.message];
}

test("a GET reaches the pod with its path, query and fields, and without the caller's credentials", async () => {
  const headers = { "x-own": "1", cookie: "a=b" };
  const response = await proxy(`web:${served.port}`, "/a//b%2Fc/?watch=true&q=%20", { headers });
  expect(await response.json()).toEqual({
    method: "GET",
    pathname: "/a//b%2Fc/",
    search: "?watch=true&q=%20",
    own: "1",
  });
  expect(await (await proxy("web", "")).json()).toMatchObject({ pathname: "/" });
  const head = await proxy("http:web:", "/x", { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("the pod's own status and body come back as they are; a redirect stays under the proxy", async () => {
  const teapot = await proxy("web", "/teapot");
  expect([teapot.status, await teapot.text()]).toEqual([418, "short and stout"]);
  const moved = await proxy(`web:${served.port}`, "/moved");
  const place = `${PODS}/${encodeURIComponent(`web:${served.port}`)}/proxy/there?x=1`;
  expect([moved.status, moved.headers.get("location")]).toEqual([302, place]);
});

test("what cannot be reached is a Status: no such pod, no address, refused, broken off", async () => {
  expect(await refusal(await proxy("nobody", "/"))).toEqual([404, 'pods "nobody" not found']);
  expect(await refusal(await proxy("new", "/"))).toEqual([
    503,
    'error trying to reach service: pod "new" has no address yet',
  ]);
  const [status, message] = await refusal(await proxy("web:1", "/"));
  expect([status, message]).toEqual([
    503,
    "error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused",
  ]);
  expect((await refusal(await proxy(`web:${rude.port}`, "/")))[0]).toBe(502);
  expect((await refusal(await proxy("web:http", "/")))[0]).toBe(400);
  expect((await refusal(await proxy("https:web:1", "/")))[0]).toBe(400);
});

test("only GET and HEAD, and only for whoever may get pods/proxy", async () => {
  expect((await refusal(await proxy("web", "/", { method: "POST", body: "x" })))[0]).toBe(405);
  const [status, message] = await refusal(await proxy("web", "/", { token: JOE }));
  expect(status).toBe(403);
  expect(message).toContain('User "joe" cannot get resource "pods/proxy" in API group ""');
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const rules = [{ apiGroups: [""], resources: ["pods/proxy"], verbs: ["get"] }];
  await t.json("POST", `${rbac}/roles`, { metadata: { name: "look" }, rules });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "look" };
  const subjects = [{ kind: "User", name: "joe", apiGroup: "rbac.authorization.k8s.io" }];
  await t.json("POST", `${rbac}/rolebindings`, { metadata: { name: "look" }, roleRef, subjects });
  expect((await proxy("web", "/?watch=true", { token: JOE })).status).toBe(200);
});

test.skipIf(KUBECTL === null)(
  "kubectl get --raw works with it",
  async () => {
    const dir = join(t.dir, "raw");
    mkdirSync(dir);
    const config = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "t",
      clusters: [{ name: "t", cluster: { server: t.url, "certificate-authority": join(t.dir, "ca.crt") } }],
      users: [{ name: "u", user: { token: ADMIN } }],
      contexts: [{ name: "t", context: { cluster: "t", user: "u" } }],
    };
    writeFileSync(join(dir, "kubeconfig"), JSON.stringify(config), { mode: 0o600 });
    const raw = async (path: string): Promise<{ code: number; out: string; err: string }> => {
      const child = Bun.spawn([KUBECTL ?? "", "get", "--raw", path], {
        env: { HOME: dir, KUBECONFIG: join(dir, "kubeconfig") },
        stdout: "pipe",
        stderr: "pipe",
        timeout: 15_000,
      });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      return { code: await child.exited, out, err };
    };
    const good = await raw(`${PODS}/web:${served.port}/proxy/v1/explain?service=a/b`);
    expect(JSON.parse(good.out)).toMatchObject({ pathname: "/v1/explain", search: "?service=a%2Fb" });
    const bad = await raw(`${PODS}/web:1/proxy/`);
    expect(bad.code).toBe(1);
    expect(bad.err).toContain("error trying to reach service: dial tcp 127.0.0.1:1");
  },
  20_000,
);
