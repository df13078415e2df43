import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ApiError, type ExecOptions, type ExecProcess } from "./cluster-api.ts";
import { ADMIN, JOE, type TestServer, testServer } from "./testing.ts";

/** A command whose life the test leads. */
class Command implements ExecProcess {
  readonly options: ExecOptions;
  readonly input: string[] = [];
  readonly sizes: [number, number][] = [];
  readonly end = Promise.withResolvers<number>();
  readonly exited = this.end.promise;
  readonly killed = Promise.withResolvers<void>();
  readonly inputEnded = Promise.withResolvers<void>();
  waitingBytes = 0;
  /** Input stays where it is. */
  deaf = false;

  constructor(options: ExecOptions) {
    this.options = options;
  }

  write(bytes: Uint8Array): void {
    this.input.push(Buffer.from(bytes).toString());
    if (this.deaf) this.waitingBytes += bytes.length;
  }

  endInput(): void {
    this.inputEnded.resolve();
  }

  resize(columns: number, rows: number): void {
    this.sizes.push([columns, rows]);
  }

  kill(): void {
    this.killed.resolve();
    this.end.resolve(137);
  }
}

let t: TestServer;
let started = Promise.withResolvers<Command>();

const node = {
  refusesExec: (_namespace: string, pod: string) =>
    pod === "waiting" ? new ApiError(500, "InternalError", "it does not run") : undefined,
  exec(_namespace: string, _pod: string, options: ExecOptions) {
    const command = new Command(options);
    started.resolve(command);
    return command;
  },
};

/** A client of the subresource: what came, by channel, and how the connection ended. */
async function exec(query: string, { protocols = ["v5.channel.k8s.io"], pod = "p", token = ADMIN } = {}) {
  const url = `${t.url.replace("https", "wss")}/api/v1/namespaces/default/pods/${pod}/exec?${query}`;
  const init = { headers: { authorization: `Bearer ${token}` }, protocols, tls: { ca: t.ca } };
  started = Promise.withResolvers();
  const socket = new WebSocket(url, init);
  socket.binaryType = "arraybuffer";
  const got: [number, string][] = [];
  const closed = Promise.withResolvers<number>();
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("message", ({ data }) => {
    const bytes = new Uint8Array(data as ArrayBuffer);
    got.push([bytes[0] ?? -1, Buffer.from(bytes.subarray(1)).toString()]);
  });
  socket.addEventListener("close", ({ code }) => {
    closed.resolve(code);
    opened.resolve();
  });
  const send = (channel: number, data: string | Uint8Array): void =>
    socket.send(Buffer.concat([Uint8Array.of(channel), Buffer.from(data)]));
  await opened.promise;
  return { socket, got, send, closed: closed.promise };
}

const answer = async (
  path: string,
  init: RequestInit & { token?: string } = {},
): Promise<[number, string]> => {
  const response = await t.fetch(`/api/v1/namespaces/default/pods/${path}`, init);
  return [response.status, ((await response.json()) as { message: string }).message];
};

describe("the subresource exec", () => {
  beforeAll(async () => {
    t = await testServer({ node });
    for (const name of ["p", "waiting"]) {
      const spec = { containers: [{ name: "a", image: "x" }] };
      // oxlint-disable-next-line no-await-in-loop
      await t.json("POST", "/api/v1/namespaces/default/pods", {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name },
        spec,
      });
    }
  });
  afterAll(async () => {
    await t[Symbol.asyncDispose]();
  });

  test("carries both outputs, the input to its end, and success", async () => {
    const client = await exec("command=cat&command=-n&stdin=true&stdout=true&stderr=true&container=a");
    const command = await started.promise;
    expect(command.options).toMatchObject({
      command: ["cat", "-n"],
      stdin: true,
      tty: false,
      container: "a",
    });
    expect(client.socket.protocol).toBe("v5.channel.k8s.io");
    client.send(0, "in");
    client.send(4, '{"Width":80,"Height":24}');
    client.send(4, '{"Width":-1,"Height":24}');
    client.send(4, "no size");
    client.send(255, Uint8Array.of(0));
    await command.inputEnded.promise;
    expect([command.input, command.sizes]).toEqual([["in"], [[80, 24]]]);
    await command.options.output("stdout", Buffer.from("out"));
    await command.options.output("stderr", Buffer.from("err"));
    command.end.resolve(0);
    expect(await client.closed).toBe(1000);
    const status = JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" });
    expect(client.got).toEqual([
      [1, "out"],
      [2, "err"],
      [3, status],
    ]);
  });

  test("tells the exit code as the kubelet does, also to older clients", async () => {
    const client = await exec("command=x&stdout=1", { protocols: ["v4.channel.k8s.io"] });
    (await started.promise).end.resolve(3);
    expect(await client.closed).toBe(1000);
    const [channel, text] = client.got[0] ?? [];
    expect(channel).toBe(3);
    expect(JSON.parse(text ?? "")).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
  });

  test("ends the command when its client leaves", async () => {
    const client = await exec("command=x&stdout=1");
    const command = await started.promise;
    client.socket.close();
    await command.killed.promise;
  });

  test("lets a client go whose input nobody reads", async () => {
    const client = await exec("command=x&stdin=1");
    const command = await started.promise;
    command.deaf = true;
    const chunk = new Uint8Array(2 * 1024 * 1024);
    for (let n = 0; n < 33; n++) client.send(0, chunk);
    expect(await client.closed).toBe(1009);
    await command.killed.promise;
    expect(command.waitingBytes).toBeLessThanOrEqual(64 * 1024 * 1024);
  });

  test("refuses, before anything starts, what it cannot do, and says why", async () => {
    expect(await answer("nobody/exec?command=x")).toEqual([404, 'pods "nobody" not found']);
    expect(await answer("p/exec")).toEqual([400, "you must specify at least 1 command for the container"]);
    expect(await answer("waiting/exec?command=x", { method: "POST" })).toEqual([500, "it does not run"]);
    const [code, why] = await answer("p/exec?command=x", { method: "POST" });
    expect([code, why]).toEqual([
      400,
      "the sandbox runs commands over WebSocket only, with one of v5.channel.k8s.io, v4.channel.k8s.io",
    ]);
    for (const [method, verb] of [
      ["GET", "get"],
      ["POST", "create"],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop
      const [status, message] = await answer("p/exec?command=x", { method, token: JOE });
      expect([status, message.includes(`cannot ${verb} resource "pods/exec"`)]).toEqual([403, true]);
    }
  });

  test("runs 128 commands at once, and no more", async () => {
    const clients = [];
    // oxlint-disable-next-line no-await-in-loop
    for (let n = 0; n < 128; n++) clients.push(await exec("command=x"));
    const headers = {
      "sec-websocket-protocol": "v5.channel.k8s.io",
      upgrade: "websocket",
      connection: "upgrade",
    };
    expect((await answer("p/exec?command=x", { headers }))[0]).toBe(429);
    for (const { socket } of clients) socket.close();
    await Promise.all(clients.map(({ closed }) => closed));
    const after = await exec("command=x");
    (await started.promise).end.resolve(0);
    expect(await after.closed).toBe(1000);
  });
});
