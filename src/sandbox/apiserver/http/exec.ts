import { ApiError, type ExecProcess, type KubeObject } from "../cluster-api.ts";
import { badRequest, methodNotAllowed, notFound } from "../errors.ts";
import type { Call, ServerContext, SocketSession } from "./context.ts";
import type { ResourcePath } from "./path.ts";

/** The newest first; v5 is v4 with a signal that the client's input has ended. */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Commands at once in all pods of the cluster. */
const MAX_EXECS = 128;
/** Input that the command did not read yet. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;
const NORMAL_CLOSE = 1000;
const TOO_BIG = 1009;

/**
 * The subresource `exec` of a pod, over WebSocket: one byte of channel, then data. The error channel gets a Status when the command
 * is over. SPDY is not spoken; a client that tries it is told so.
 */
export function execInPod(context: ServerContext, call: Call, path: ResourcePath): Response | undefined {
  const { request, method, query } = call;
  const { namespace, name } = path;
  if (method !== "GET" && method !== "POST") throw methodNotAllowed();
  if (context.api.get("pods", namespace, name) === undefined)
    throw notFound({ group: "", resource: "pods" }, name);
  const command = query.getAll("command");
  if (command.length === 0) throw badRequest("you must specify at least 1 command for the container");
  const container = query.get("container") || undefined;
  // A client that is refused over WebSocket comes again with SPDY, and shows what it hears then.
  const refusal = context.node.refusesExec(namespace, name, container);
  if (refusal !== undefined) throw refusal;
  const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((word) => word.trim());
  const protocol = PROTOCOLS.find((each) => offered.includes(each));
  if (protocol === undefined) {
    throw badRequest(`the sandbox runs commands over WebSocket only, with one of ${PROTOCOLS.join(", ")}`);
  }
  if (context.execs.size >= MAX_EXECS)
    throw new ApiError(429, "TooManyRequests", `${MAX_EXECS} commands run in pods already`);
  const is = (flag: string): boolean => ["1", "true"].includes(query.get(flag) ?? "");
  const session = new ExecSession(context.execs, (output) =>
    context.node.exec(namespace, name, {
      ...(container === undefined ? {} : { container }),
      command,
      stdin: is("stdin"),
      tty: is("tty"),
      output,
    }),
  );
  // Started before the answer, so that a refusal is one.
  const refused = session.start();
  if (refused !== undefined) throw refused;
  if (call.upgrade(session, protocol)) return undefined;
  session.close();
  throw badRequest("the request does not ask for a WebSocket");
}

type Output = (from: "stdout" | "stderr", bytes: Uint8Array) => void | Promise<void>;

/** One command and the socket of its client. Whoever of the two ends, the other ends with it. */
class ExecSession implements SocketSession {
  readonly #all: Set<unknown>;
  readonly #launch: (output: Output) => ExecProcess | ApiError;
  readonly #opened = Promise.withResolvers<void>();
  #socket: Bun.ServerWebSocket<SocketSession> | undefined;
  #process: ExecProcess | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(all: Set<unknown>, launch: (output: Output) => ExecProcess | ApiError) {
    this.#all = all;
    this.#launch = launch;
  }

  start(): ApiError | undefined {
    const started = this.#launch((from, bytes) => this.#output(from, bytes));
    if (started instanceof ApiError) return started;
    this.#process = started;
    this.#all.add(this);
    void started.exited.then((code) => this.#exited(code));
    return undefined;
  }

  open(socket: Bun.ServerWebSocket<SocketSession>): void {
    this.#socket = socket;
    this.#opened.resolve();
  }

  message(bytes: Uint8Array): void {
    const process = this.#process;
    if (process === undefined || bytes.length === 0) return;
    // The memory is the runtime's, for the time of this call.
    const data = bytes.slice(1);
    switch (bytes[0]) {
      case CHANNEL.stdin:
        if (process.waitingBytes + data.length > MAX_INPUT_BYTES)
          this.#socket?.close(TOO_BIG, "the command does not read its input");
        else process.write(data);
        break;
      case CHANNEL.resize:
        resize(process, data);
        break;
      case CHANNEL.close:
        if (data[0] === CHANNEL.stdin) process.endInput();
        break;
      default:
    }
  }

  drain(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#opened.resolve();
    this.drain();
    this.#process?.kill();
    this.#all.delete(this);
  }

  async #output(from: "stdout" | "stderr", bytes: Uint8Array): Promise<void> {
    await this.#opened.promise;
    await this.#send(CHANNEL[from], bytes);
  }

  /** Resolves when the client has room for more. */
  async #send(channel: number, bytes: Uint8Array): Promise<void> {
    if (this.#closed || this.#socket === undefined) return;
    const framed = new Uint8Array(bytes.length + 1);
    framed[0] = channel;
    framed.set(bytes, 1);
    // -1: kept for when there is room.
    if (this.#socket.sendBinary(framed) >= 0) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  async #exited(code: number): Promise<void> {
    this.#all.delete(this);
    await this.#opened.promise;
    await this.#send(CHANNEL.error, Buffer.from(JSON.stringify(statusOf(code))));
    this.#socket?.close(NORMAL_CLOSE);
  }
}

/** As the kubelet says it: clients take their exit code from the cause. */
function statusOf(code: number): Omit<KubeObject, "metadata"> & { metadata: object } {
  const status = { kind: "Status", apiVersion: "v1", metadata: {} };
  if (code === 0) return { ...status, status: "Success" };
  return {
    ...status,
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}

function resize(process: ExecProcess, data: Uint8Array): void {
  try {
    const { Width, Height } = JSON.parse(Buffer.from(data).toString()) as { Width?: number; Height?: number };
    if (isSize(Width) && isSize(Height)) process.resize(Width, Height);
  } catch {
    // Not a size: the terminal stays as it is.
  }
}

function isSize(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value > 0 && value < 65_536;
}
