import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IsthmusError } from "#core/errors.ts";
import { sandboxKubeconfig } from "./home.ts";
import { down, type SandboxOptions, status, up } from "./manage.ts";
import { echoDeployment, echoService } from "./node/testing.ts";
import type { Deployment, Pod, Service } from "./node/types.ts";
import { readRecord } from "./cluster-record.ts";

const root = mkdtempSync(join(tmpdir(), "isthmus-sandbox-"));
const entry = new URL("../bin/isthmus.ts", import.meta.url).pathname;
const options: SandboxOptions & { home: string } = {
  home: join(root, "sandbox"),
  program: [process.execPath, entry],
};

afterAll(async () => {
  await down(undefined, options);
  rmSync(root, { recursive: true, force: true });
});

/** Calls the API of a cluster as its administrator. */
async function call<T>(cluster: string, path: string, body?: unknown): Promise<T> {
  const record = readRecord(join(options.home, cluster));
  const { token = "", ca = "", apiPort = 0 } = record?.running ?? {};
  const answer = await fetch(`https://127.${record?.index}.0.1:${apiPort}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    tls: { ca },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as T;
}

const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const SERVICES = "/api/v1/namespaces/default/services";

async function runEcho(cluster: string): Promise<string> {
  await call(cluster, DEPLOYMENTS, echoDeployment("web", { replicas: 2 }));
  await call(cluster, SERVICES, echoService("web"));
  await untilServing(cluster);
  return (await call<Service>(cluster, `${SERVICES}/web`)).spec.clusterIP ?? "";
}

async function untilServing(cluster: string): Promise<void> {
  const until = performance.now() + 8000;
  for (;;) {
    const { status: now } = await call<Deployment>(cluster, `${DEPLOYMENTS}/web`);
    if (now?.availableReplicas === 2) return;
    if (performance.now() > until) throw new Error(`never available: ${JSON.stringify(now)}`);
    await Bun.sleep(10);
  }
}

interface SeenPod {
  readonly name: string;
  readonly ip: string | undefined;
  readonly container: string | undefined;
  readonly restarts: number | undefined;
}

async function podsOf(cluster: string): Promise<readonly SeenPod[]> {
  const { items } = await call<{ items: Pod[] }>(cluster, "/api/v1/namespaces/default/pods");
  return items.map(({ metadata, status: now }) => ({
    name: metadata.name,
    ip: now?.podIP,
    container: now?.containerStatuses?.[0]?.containerID,
    restarts: now?.containerStatuses?.[0]?.restartCount,
  }));
}

const pidOf = (pod: SeenPod | undefined): number =>
  Number(/^process:\/\/(\d+)-/.exec(pod?.container ?? "")?.[1]);

const refused = async (promise: Promise<unknown>): Promise<IsthmusError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(IsthmusError);
  return error as IsthmusError;
};

describe("sandbox clusters", () => {
  test("come up together, serve, and leave nothing behind", async () => {
    const start = performance.now();
    const clusters = await up(["c1", "c2", "c3"], options);
    console.log(`up c1 c2 c3: ${(performance.now() - start).toFixed(0)} ms`);
    expect(clusters.map(({ name, already }) => ({ name, already }))).toEqual(
      ["c1", "c2", "c3"].map((name) => ({ name, already: false })),
    );
    expect((await up(["c2"], options))[0]).toMatchObject({
      name: "c2",
      already: true,
      pid: clusters[1]?.pid,
    });
    const path = sandboxKubeconfig(options.home);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toContain("name: sandbox-c3");

    const address = await runEcho("c2");
    const answer = await fetch(`http://${address}:8080/`);
    expect(await answer.json()).toMatchObject({ cluster: "c2", namespace: "default" });
    expect((await status(options)).map(({ name, state, pods }) => ({ name, state, pods }))).toEqual([
      { name: "c1", state: "Running", pods: 0 },
      { name: "c2", state: "Running", pods: 2 },
      { name: "c3", state: "Running", pods: 0 },
    ]);
    const stopped = await down(undefined, options);
    expect(stopped.map(({ killed }) => killed)).toEqual([0, 0, 0]);
    expect(existsSync(options.home)).toBe(false);
    expect(await status(options)).toEqual([]);
  }, 20_000);

  test("hibernate with their objects and addresses, and come back", async () => {
    await up(["sleeper"], options);
    const address = await runEcho("sleeper");
    await down(["sleeper"], { ...options, keepData: true });
    expect((await status(options))[0]).toMatchObject({ name: "sleeper", state: "Stopped", pods: 0 });
    await up(["sleeper"], options);
    await untilServing("sleeper");
    expect((await fetch(`http://${address}:8080/`)).status).toBe(200);
    await down(["sleeper"], options);
  }, 20_000);

  test("are taken over by up after kill -9 of their process, and swept away by down, pods and all", async () => {
    const [cluster] = await up(["victim"], options);
    const address = await runEcho("victim");
    const before = await podsOf("victim");
    process.kill(cluster?.pid ?? 0, "SIGKILL");
    const until = performance.now() + 3000;
    while ((await status(options))[0]?.state !== "Dead" && performance.now() < until) await Bun.sleep(10);
    expect((await status(options))[0]).toMatchObject({ name: "victim", state: "Dead", pods: 2 });

    // Up takes the pods over as they are, and starts again those that end from then on.
    await up(["victim"], options);
    await untilServing("victim");
    expect(await podsOf("victim")).toEqual(before);
    expect((await fetch(`http://${address}:8080/`)).status).toBe(200);
    const [killed] = before;
    process.kill(pidOf(killed), "SIGKILL");
    const restarted = async (): Promise<boolean> => (await podsOf("victim"))[0]?.restarts === 1;
    for (const endMs = performance.now() + 8000; !(await restarted());) {
      if (performance.now() > endMs)
        throw new Error(`Not restarted: ${JSON.stringify(await podsOf("victim"))}`);
      await Bun.sleep(10);
    }
    await untilServing("victim");
    const [again, other] = await podsOf("victim");
    expect(again).toMatchObject({ name: killed?.name, ip: killed?.ip, restarts: 1 });
    expect(pidOf(again)).not.toBe(pidOf(killed));
    expect(other).toEqual(before[1]);
    process.kill((await status(options))[0]?.pid ?? 0, "SIGKILL");
    await Bun.sleep(20);
    const [stopped] = await down(undefined, options);
    expect(stopped).toMatchObject({ name: "victim", killed: 2 });
    expect(existsSync(options.home)).toBe(false);
  }, 20_000);

  test("refuse bad names and unknown ones, and two homes do not meet", async () => {
    expect((await refused(up(["Not_A_Label"], options))).code).toBe("INVALID");
    expect(existsSync(options.home)).toBe(false);
    expect((await refused(down(["nobody"], options))).message).toBe(
      'There is no sandbox cluster "nobody": there is none',
    );
    const broken = {
      ...options,
      program: [process.execPath, "-e", "console.error('no such thing'); process.exit(4)"],
    };
    expect((await refused(up(["broken"], broken))).message).toContain("no such thing");
    expect(existsSync(options.home)).toBe(false);

    const other = { ...options, home: join(root, "other") };
    const [[mine], [theirs]] = await Promise.all([up(["same"], options), up(["same"], other)]);
    expect(mine?.index).not.toBe(theirs?.index);
    await down(undefined, other);
    expect((await status(options))[0]?.state).toBe("Running");
    await down(undefined, options);
  }, 20_000);
});
