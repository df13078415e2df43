import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerWebSocket } from "bun";
import { createServerCertificate } from "#pki/tls-server.ts";
import { readRouterMessage, type RouterMessage } from "./control/control-protocol.ts";
import { runRouter } from "./run.ts";
import { TestClient } from "./testing/client.ts";
import { EchoBackend } from "./testing/backend.ts";
import { eventually, listener, service } from "./testing/routers.ts";

const site = { id: "a", name: "a" };

function scratch(): { readonly dir: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-run-"));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A router process as the CLI runs it. */
function spawnRouter(config: string): Bun.Subprocess<"ignore", "ignore", "pipe"> {
  const script = `
    import { startLogging } from "#core/log.ts";
    import { runRouter } from "#router/run.ts";
    await startLogging("info");
    try { process.exit(await runRouter({ config: process.argv[1] })); }
    catch (error) { console.error(error.code, error.message); process.exit(error.exitCode ?? 70); }`;
  return Bun.spawn([process.execPath, "-e", script, config], {
    cwd: join(import.meta.dir, "../.."),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
}

test("a router process serves, reloads its file, keeps the last good one, and drains on SIGTERM with exit 0", async () => {
  using place = scratch();
  const backend = new EchoBackend("p0");
  const path = join(place.dir, "router.json");
  const probe = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const admin = `127.0.0.1:${probe.port}`;
  await probe.stop(true);
  const config = { site, admin: { listen: admin }, listeners: [listener()], services: [service([backend])] };
  writeFileSync(path, JSON.stringify(config));
  const router = spawnRouter(path);
  const state = async (): Promise<
    { listeners: { listen: string }[]; problems: { field: string }[] } | undefined
  > => {
    try {
      return (await (await fetch(`http://${admin}/v1/state`)).json()) as never;
    } catch {
      return undefined;
    }
  };
  const until = async (
    met: (now: NonNullable<Awaited<ReturnType<typeof state>>>) => boolean,
  ): Promise<string> => {
    for (let n = 0; n < 500; n++) {
      const now = await state();
      if (now !== undefined && met(now)) return now.listeners[0]?.listen ?? "";
      await Bun.sleep(10);
    }
    throw new Error("State was not reached");
  };
  try {
    const port = Number((await until(() => true)).split(":")[1]);
    const client = await TestClient.connect(port);
    await client.until((one) => one.text === "p0\n");
    writeFileSync(path, JSON.stringify({ ...config, lissteners: [] }));
    await until(({ problems }) => problems[0]?.field === "lissteners");
    writeFileSync(path, JSON.stringify({ ...config, services: [] }));
    await until(({ problems }) => problems.length === 0);
    for (const page of ["healthz", "readyz", "metrics", "v1/routes", "v1/streams"]) {
      expect((await fetch(`http://${admin}/${page}`)).status).toBe(200);
    }
    router.kill("SIGTERM");
    await eventually(() => router.exitCode === null);
    client.send("bye");
    await client.until((one) => one.text === "p0\nbye");
    client.fin();
    await client.ended();
    expect(client.ending).toBe("fin");
    expect(await router.exited).toBe(0);
    const log = await new Response(router.stderr).text();
    expect(log).toContain('"field":"lissteners"');
  } finally {
    router.kill("SIGKILL");
    backend.stop();
  }
}, 15_000);

test("a port in use ends the process with one clear line and a non-zero code", async () => {
  using place = scratch();
  const backend = new EchoBackend();
  const path = join(place.dir, "router.json");
  const listen = `127.0.0.1:${backend.port}`;
  writeFileSync(path, JSON.stringify({ site, listeners: [{ service: "ns/app", port: 80, listen }] }));
  const router = spawnRouter(path);
  try {
    expect(await router.exited).toBe(1);
    expect(await new Response(router.stderr).text()).toContain(`ADDRESS_IN_USE Cannot listen on "${listen}"`);
  } finally {
    router.kill("SIGKILL");
    backend.stop();
  }
}, 15_000);

test("from a control channel: configured, state on change, last good kept for when the controller is away", async () => {
  using place = scratch();
  const backend = new EchoBackend("p0");
  const tls = await createServerCertificate({ hosts: ["127.0.0.1"], now: Date.now(), days: 1 });
  const heard: RouterMessage[] = [];
  let socket: ServerWebSocket | undefined;
  const serve = (port: number): Bun.Server<undefined> =>
    Bun.serve({
      hostname: "127.0.0.1",
      port,
      tls: { cert: tls.certificate, key: tls.key },
      fetch: (request, server) =>
        request.headers.get("authorization") === "Bearer sesame" && server.upgrade(request)
          ? undefined
          : new Response("", { status: 401 }),
      websocket: {
        open: (one) => {
          socket = one;
        },
        message: (_one, data) => {
          const message = readRouterMessage(String(data));
          if (message !== undefined) heard.push(message);
        },
      },
    });
  let controller = serve(0);
  const port = controller.port as number;
  const options = {
    control: `wss://127.0.0.1:${port}`,
    stateDir: join(place.dir, "state"),
    env: {
      ISTHMUS_CONTROL_TOKEN: "sesame",
      ISTHMUS_CONTROL_CA: tls.ca,
      POD_IP: "127.0.0.1",
      HOSTNAME: "pod-1",
    },
  };
  const ends: (() => void)[] = [];
  const start = (): Promise<number> =>
    runRouter({ ...options, until: new Promise<void>((resolve) => ends.push(resolve)) });
  const send = (generation: number, config: object): void =>
    void socket?.send(JSON.stringify({ type: "config", generation, config }));
  try {
    const first = start();
    await eventually(() => heard.some(({ type }) => type === "hello"));
    expect(heard[0]).toEqual({
      type: "hello",
      router: { id: "pod-1", version: expect.any(String), podIp: "127.0.0.1" },
    });
    const config = {
      site,
      listeners: [{ ...listener(), listen: "${POD_IP}:0" }],
      services: [service([backend])],
    };
    send(1, config);
    await eventually(() => heard.some((one) => one.type === "state" && one.state.listeners.length === 1));
    expect(heard.find(({ type }) => type === "applied")).toEqual({
      type: "applied",
      generation: 1,
      problems: [],
    });
    send(2, { ...config, drain: 1 });
    await eventually(() => heard.some((one) => one.type === "applied" && one.generation === 2));
    expect(heard.find((one) => one.type === "applied" && one.generation === 2)).toMatchObject({
      problems: [{ field: "drain" }],
    });
    const saved = join(options.stateDir, "router-config.json");
    expect(statSync(saved).mode & 0o777).toBe(0o600);
    expect((JSON.parse(readFileSync(saved, "utf8")) as { generation: number }).generation).toBe(1);
    await controller.stop(true);
    heard.length = 0;
    controller = serve(port);
    await eventually(() => heard.some(({ type }) => type === "state"));
    ends[0]?.();
    expect(await first).toBe(0);
    await controller.stop(true);
    let again = 0;
    const second = runRouter({
      ...options,
      until: new Promise<void>((resolve) => ends.push(resolve)),
      onReady: (router) => {
        again = Number(router.state().listeners[0]?.listen.split(":")[1]);
      },
    });
    await eventually(() => again > 0);
    const client = await TestClient.connect(again);
    await client.until((one) => one.text === "p0\n");
    client.reset();
    ends[1]?.();
    expect(await second).toBe(0);
  } finally {
    for (const end of ends) end();
    backend.stop();
    await controller.stop(true);
  }
}, 15_000);
