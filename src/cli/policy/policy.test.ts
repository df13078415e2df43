import { afterAll, beforeAll, expect, test } from "bun:test";
import { type SiteServer, siteServer } from "../testing/site-server.ts";

const POLICIES = "/apis/isthmus.dev/v1alpha1/namespaces/shop/trafficpolicies";
let site: SiteServer;

beforeAll(async () => {
  site = await siteServer();
  const service = { metadata: { name: "web" }, spec: { ports: [{ port: 80 }] } };
  await site.server.json("POST", "/api/v1/namespaces/shop/services", service);
});
afterAll(() => site[Symbol.asyncDispose]());

interface Read {
  metadata: { annotations?: Record<string, string>; generation: number };
  spec: Record<string, unknown>;
}

async function read(): Promise<Read> {
  return (await site.server.json("GET", `${POLICIES}/web`)) as unknown as Read;
}

/** What the controller would say of the policy as it is now. */
async function report(status: object): Promise<void> {
  await site.server.json("PATCH", `${POLICIES}/web/status`, { status }, "application/merge-patch+json");
}

async function reportReady(): Promise<void> {
  const { metadata } = await read();
  const condition = (type: string, ok: boolean, message: string) => ({
    type,
    status: ok ? "True" : "False",
    reason: "Test",
    message,
    lastTransitionTime: "2026-01-01T00:00:00Z",
    observedGeneration: metadata.generation,
  });
  const conditions = [condition("Ready", true, ""), condition("TargetsFound", false, "Nobody knows: moon")];
  await report({ conditions, summary: "west 100%" });
}

test("what is set is the whole policy: earlier fields go and are named, labels and annotations stay", async () => {
  const first = await site.run("policy set web --target west@1 --failback Manual --retries 1 --wait=false");
  expect(first).toEqual({ code: 0, out: 'Traffic to "web": mode Failover, spread Endpoints\n', err: "" });
  const note = { metadata: { annotations: { note: "mine" } } };
  await site.server.json("PATCH", `${POLICIES}/web`, note, "application/merge-patch+json");
  const second = await site.run("policy set web --mode ActiveActive --target east=0 --wait=false");
  expect(second).toEqual({
    code: 0,
    out: 'Traffic to "web": mode ActiveActive, spread Endpoints\n',
    err: "No longer said by the policy: failover, retries\n",
  });
  const { metadata, spec } = await read();
  expect(spec).toEqual({
    mode: "ActiveActive",
    spread: "Endpoints",
    targets: [{ cluster: "east", weight: 0 }],
  });
  expect(metadata.annotations).toEqual({ note: "mine" });
});

test("waiting ends with the shares, and targets that nobody knows are told", async () => {
  const setting = site.run("policy set web --target moon --failback Manual");
  while ((await read()).spec["failover"] === undefined) {
    // oxlint-disable-next-line no-await-in-loop -- until it is written
    await Bun.sleep(5);
  }
  await reportReady();
  const { code, out, err } = await setting;
  expect({ code, out }).toEqual({
    code: 0,
    out: 'Traffic to "web": mode Failover, spread Endpoints; now west 100%\n',
  });
  expect(err).toContain("warning: Nobody knows: moon\n");
});

test("failback sets the annotation, and waits until the controller has acted upon it", async () => {
  const going = site.run("policy failback web");
  let value: string | undefined;
  while ((value = (await read()).metadata.annotations?.["isthmus.dev/failback"]) === undefined) {
    // oxlint-disable-next-line no-await-in-loop
    await Bun.sleep(5);
  }
  await report({ failback: { value, resume: 1 } });
  expect((await going).out).toBe('Traffic to "web" goes back to the best cluster that is healthy\n');
  await site.run("policy set web --wait=false");
  expect((await site.run("policy failback web")).out).toContain("Nothing to do");
});

test("a policy is deleted by its service's name; what is not there is said with the next command", async () => {
  const unknown = await site.run("policy set nobody");
  expect(unknown.err).toContain('There is no Service "nobody" in namespace "shop"');
  const other = await site.run("policy delete shop");
  expect(other.err).toContain('Namespace "shop" has no policy of "shop": there are those of web');
  expect(await site.run("policy delete web")).toEqual({
    code: 0,
    out: 'The policy of "web" is gone\n',
    err: "",
  });
  const gone = await site.run("policy failback web");
  expect([gone.code, gone.err]).toEqual([
    1,
    'error: Namespace "shop" has no policy of "web": there is none\nhint: kubectl get trafficpolicies\n',
  ]);
});
