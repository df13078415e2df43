import { createHash, timingSafeEqual } from "node:crypto";
import type { ServerWebSocket } from "bun";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { RouterConfig } from "#router/config.ts";
import {
  MAX_CONTROL_MESSAGE_BYTES,
  readRouterMessage,
  type RouterMessage,
} from "#router/control/control-protocol.ts";
import type { RouterState } from "#router/state.ts";
import { ConfigText } from "./config-text.ts";

export interface ControlServerOptions {
  readonly hostname: string;
  /** 0 = any. */
  readonly port: number;
  readonly tls: { readonly certificate: string; readonly key: string };
  /** The bearer token of this site's routers. */
  readonly token: string;
  readonly clock: Clock;
  /** A router came, went, took up a configuration or has news of the network. */
  readonly onChange: (what: "routers" | "state") => void;
}

/** A router that is connected now. */
export interface ConnectedRouter {
  readonly id: string;
  readonly version: string;
  /** Generation of the configuration that it works by; 0 before the first. */
  readonly applied: number;
  /** What it refused in the newest one: `field: message`. */
  readonly problem: string | undefined;
  readonly state: RouterState | undefined;
}

interface Connection {
  id: string | undefined;
  version: string;
  applied: number;
  problem: string | undefined;
  state: RouterState | undefined;
  /** Order of the last news, for merging: later wins. */
  newsAt: number;
  /** The newest configuration did not fit into the socket and is sent when it drains. */
  behind: boolean;
  cancelHello: () => void;
}

type Socket = ServerWebSocket<Connection>;

const HELLO_MS = 10_000;
const MAX_ROUTERS = 200;
const log = logFor("site", "control");

/**
 * The control channel: routers dial in (WebSocket over TLS, bearer token), get the whole configuration at once and on each change, and
 * report what they took up and what they see. A router that cannot take messages misses intermediate configurations,
 * never the newest one.
 */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #token: Buffer;
  readonly #server: Bun.Server<Connection>;
  readonly #sockets = new Set<Socket>();
  #generation = 0;
  readonly #texts = new ConfigText();
  #configText: string | undefined;
  #message: string | undefined;
  #news = 0;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#token = digest(options.token);
    this.#server = Bun.serve<Connection>({
      hostname: options.hostname,
      port: options.port,
      tls: { cert: options.tls.certificate, key: options.tls.key },
      development: false,
      // Else two processes share the port, and a request comes to either.
      reusePort: false,
      maxRequestBodySize: 1024,
      fetch: (request, server) => this.#upgrade(request, server),
      error: () => new Response(null, { status: 500 }),
      websocket: {
        maxPayloadLength: MAX_CONTROL_MESSAGE_BYTES,
        // Pings are sent by the server itself; a router that is silent for so long is gone, seconds.
        idleTimeout: 16,
        sendPings: true,
        backpressureLimit: 2 * MAX_CONTROL_MESSAGE_BYTES,
        open: (socket) => this.#open(socket),
        message: (socket, message) => this.#receive(socket, message),
        drain: (socket) => {
          if (socket.data.behind) this.#send(socket);
        },
        close: (socket) => this.#gone(socket),
      },
    });
  }

  get port(): number {
    return this.#server.port ?? this.#options.port;
  }

  /** Generation of the configuration that routers shall have; 0 before the first. */
  get generation(): number {
    return this.#generation;
  }

  /** Gives all routers this configuration; does nothing when it is the one they have. Says whether it was new. */
  setConfig(config: RouterConfig): boolean {
    const text = this.#texts.of(config);
    if (text === this.#configText) return false;
    this.#configText = text;
    // Grows over restarts of the controller too, as long as the clock does.
    this.#generation = Math.max(this.#generation + 1, this.#options.clock.now());
    this.#message = `{"type":"config","generation":${this.#generation},"config":${text}}`;
    for (const socket of this.#sockets) if (socket.data.id !== undefined) this.#send(socket);
    return true;
  }

  /** Routers that are connected, the one with the oldest news first. */
  routers(): ConnectedRouter[] {
    return [...this.#sockets]
      .map((socket) => socket.data)
      .filter((data) => data.id !== undefined)
      .toSorted((a, b) => a.newsAt - b.newsAt)
      .map(({ id, version, applied, problem, state }) => ({
        id: id ?? "",
        version,
        applied,
        problem,
        state,
      }));
  }

  /** Closes all connections (1013: try again later); routers go on and dial again. */
  sendAway(reason: string): void {
    for (const socket of this.#sockets) socket.close(1013, reason);
  }

  async close(): Promise<void> {
    // 1012: service restart; routers come back by themselves.
    for (const socket of this.#sockets) socket.close(1012, "The controller stops");
    await this.#server.stop(true);
  }

  #upgrade(request: Request, server: Bun.Server<Connection>): Response | undefined {
    const given = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
    if (!timingSafeEqual(digest(given), this.#token)) {
      log.warning("Refused a router without the right token", {
        source: server.requestIP(request)?.address ?? "",
      });
      return new Response(null, { status: 401 });
    }
    if (this.#sockets.size >= MAX_ROUTERS) return new Response(null, { status: 503 });
    const data: Connection = {
      id: undefined,
      version: "",
      applied: 0,
      problem: undefined,
      state: undefined,
      newsAt: 0,
      behind: false,
      cancelHello: () => {},
    };
    return server.upgrade(request, { data }) ? undefined : new Response(null, { status: 426 });
  }

  #open(socket: Socket): void {
    this.#sockets.add(socket);
    socket.data.cancelHello = this.#options.clock.after(HELLO_MS, () => socket.close(1008, "No hello"));
  }

  #gone(socket: Socket): void {
    socket.data.cancelHello();
    if (!this.#sockets.delete(socket) || socket.data.id === undefined) return;
    log.info("A router went", { router: socket.data.id });
    this.#options.onChange("routers");
  }

  #send(socket: Socket): void {
    if (this.#message === undefined) return;
    if (socket.getBufferedAmount() > 0) {
      socket.data.behind = true;
      return;
    }
    socket.data.behind = false;
    socket.send(this.#message);
  }

  #receive(socket: Socket, raw: string | Buffer): void {
    const message = readRouterMessage(typeof raw === "string" ? raw : raw.toString("utf8"));
    if (message === undefined) {
      log.warning("A message of a router is not understood", { router: socket.data.id ?? "" });
      socket.close(1007, "Message not understood");
      return;
    }
    this.#handle(socket, message);
  }

  #handle(socket: Socket, message: RouterMessage): void {
    const { data } = socket;
    if (message.type === "hello") {
      data.cancelHello();
      data.id = message.router.id;
      data.version = message.router.version;
      log.info("A router came", { router: data.id, version: data.version });
      this.#send(socket);
      this.#options.onChange("routers");
      return;
    }
    if (data.id === undefined) {
      socket.close(1008, "Expected hello first");
      return;
    }
    if (message.type === "applied") {
      data.applied = message.generation;
      const [problem] = message.problems;
      if (message.generation >= this.#generation || problem !== undefined) {
        data.problem = problem === undefined ? undefined : `${problem.field}: ${problem.message}`;
      }
      this.#options.onChange("routers");
    } else if (message.type === "state") {
      data.state = message.state;
      data.newsAt = ++this.#news;
      this.#options.onChange("state");
    }
  }
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
