import type { Container, HandlerAction } from "../types.ts";
import type { ProbeOutcome } from "./prober.ts";

export interface ActionContext {
  readonly container: Container;
  readonly podIp: string;
  readonly timeoutMs: number;
  /** Runs a command as if inside the container; its exit code and the end of its output. */
  exec(command: readonly string[], timeoutMs: number): Promise<{ code: number; output: string }>;
}

/** Runs what a probe or a lifecycle hook asks for. Never throws. */
export async function runAction(action: HandlerAction, context: ActionContext): Promise<ProbeOutcome> {
  const { podIp, timeoutMs } = context;
  if (action.exec !== undefined) {
    const { code, output } = await context.exec(action.exec.command ?? [], timeoutMs);
    return code === 0
      ? { ok: true }
      : { ok: false, message: `command failed with exit code ${code}: ${output}` };
  }
  if (action.sleep !== undefined) {
    await Bun.sleep(action.sleep.seconds * 1000);
    return { ok: true };
  }
  const target = action.httpGet ?? action.tcpSocket;
  if (target === undefined) return { ok: true };
  const port = portNumber(target.port, context.container);
  if (port === undefined) return { ok: false, message: `no port named "${target.port}"` };
  const host = target.host ?? podIp;
  if (action.httpGet === undefined) return dial({ host, port, timeoutMs, tls: false });
  const { path = "/", scheme = "HTTP", httpHeaders = [] } = action.httpGet;
  const lines = [`GET ${path.startsWith("/") ? path : `/${path}`} HTTP/1.1`];
  const named = new Set(httpHeaders.map(({ name }) => name.toLowerCase()));
  if (!named.has("host")) lines.push(`Host: ${host}:${port}`);
  if (!named.has("user-agent")) lines.push("User-Agent: kube-probe/1.33");
  lines.push(
    "Accept: */*",
    "Connection: close",
    ...httpHeaders.map(({ name, value }) => `${name}: ${value}`),
  );
  return dial({ host, port, timeoutMs, tls: scheme === "HTTPS", request: `${lines.join("\r\n")}\r\n\r\n` });
}

function portNumber(port: number | string, container: Container): number | undefined {
  if (typeof port === "number") return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? (Number(port) || undefined);
}

interface Dial {
  host: string;
  port: number;
  timeoutMs: number;
  tls: boolean;
  /** Without one, being connected is enough. */
  request?: string;
}

/** Straight on a socket: no proxy settings, no kept connections, and a refusal costs next to nothing. */
function dial({ host, port, timeoutMs, tls, request }: Dial): Promise<ProbeOutcome> {
  const { promise, resolve } = Promise.withResolvers<ProbeOutcome>();
  const timer = setTimeout(
    () => resolve({ ok: false, message: `no answer from ${host}:${port} in ${timeoutMs} ms` }),
    timeoutMs,
  );
  let head = "";
  const connected = Bun.connect({
    hostname: host,
    port,
    ...(tls ? { tls: { rejectUnauthorized: false } } : {}),
    socket: {
      open(socket) {
        if (request === undefined) resolve({ ok: true });
        else if (!tls) socket.write(request);
      },
      handshake(socket) {
        if (request !== undefined) socket.write(request);
      },
      data(_socket, chunk) {
        head += chunk.toString("latin1");
        const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
        if (status === undefined) {
          if (head.length > 64) resolve({ ok: false, message: `no HTTP answer from ${host}:${port}` });
          return;
        }
        const ok = status >= "200" && status < "400";
        resolve(ok ? { ok } : { ok, message: `HTTP probe failed with statuscode: ${status}` });
      },
      close: () => resolve({ ok: false, message: `connection to ${host}:${port} closed without an answer` }),
      connectError: (_socket, error) =>
        resolve({ ok: false, message: `dial tcp ${host}:${port}: ${error.message}` }),
    },
  });
  // The refusal comes to `connectError`; the promise only repeats it.
  connected.then(
    async (socket) => {
      await promise;
      socket.terminate();
    },
    () => undefined,
  );
  void promise.then(() => clearTimeout(timer));
  return promise;
}
