import { Backoff } from "#core/backoff.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { Random } from "#core/random.ts";
import { readControllerMessage, type ControllerMessage, type RouterMessage } from "./control-protocol.ts";

const BASE_MS = 100;
const CAP_MS = 5000;
const CONNECT_TIMEOUT_MS = 5000;
/** Bun answers and sends pings by itself; this finds a controller that is gone without a word. */
const PING_MS = 5000;

const log = logFor("router", "control");

export interface ControlClientOptions {
  /** wss://host:port */
  readonly url: string;
  readonly token: string;
  /** PEM */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** What to say first on each connection. */
  readonly hello: () => readonly RouterMessage[];
  readonly onMessage: (message: ControllerMessage) => void;
}

/**
 * The router's end of the control channel: connects, says hello, and reconnects for ever (full jitter, 100 ms to 5 s).
 * What is sent while it is down is dropped: `hello` says everything again.
 */
export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #backoff: Backoff;
  #socket: WebSocket | undefined;
  #cancel: (() => void) | undefined;
  #stopPing: (() => void) | undefined;
  #answered = true;
  #connected = false;
  #stopped = false;

  constructor(options: ControlClientOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: BASE_MS, capMs: CAP_MS, random: options.random });
    this.#connect();
  }

  get connected(): boolean {
    return this.#connected;
  }

  send(message: RouterMessage): void {
    if (this.#connected) this.#socket?.send(JSON.stringify(message));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#stopPing?.();
    this.#connected = false;
    this.#socket?.close();
  }

  #connect(): void {
    const { url, token, ca, clock } = this.#options;
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, {
        headers: { authorization: `Bearer ${token}` },
        ...(ca === undefined ? {} : { tls: { ca } }),
      });
    } catch (error) {
      this.#again(String(error));
      return;
    }
    this.#socket = socket;
    this.#cancel = clock.after(CONNECT_TIMEOUT_MS, () => this.#lost(socket, "Timeout"));
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", (event) => this.#received(socket, event.data));
    socket.addEventListener("pong", () => {
      this.#answered = true;
    });
    socket.addEventListener("close", (event) =>
      this.#lost(socket, event.reason === "" ? `Closed (${event.code})` : event.reason),
    );
    socket.addEventListener("error", () => this.#lost(socket, "Connection failed"));
  }

  #opened(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#cancel?.();
    this.#connected = true;
    this.#answered = true;
    this.#stopPing = this.#options.clock.every(PING_MS, () => {
      if (!this.#answered) {
        this.#lost(socket, "No answer to ping");
        return;
      }
      this.#answered = false;
      socket.ping();
    });
    log.info("Control channel is up", { url: this.#options.url });
    for (const message of this.#options.hello()) this.send(message);
  }

  #received(socket: WebSocket, data: unknown): void {
    if (socket !== this.#socket) return;
    const message = typeof data === "string" ? readControllerMessage(data) : undefined;
    if (message === undefined) {
      log.warn("Control message was not understood");
      return;
    }
    this.#backoff.reset();
    this.#options.onMessage(message);
  }

  #lost(socket: WebSocket, reason: string): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.#connected = false;
    this.#cancel?.();
    this.#stopPing?.();
    socket.terminate();
    this.#again(reason);
  }

  #again(reason: string): void {
    if (this.#stopped) return;
    const delayMs = Math.round(this.#backoff.nextDelayMs());
    log.info("Control channel is down", { url: this.#options.url, reason, retryInMs: delayMs });
    this.#cancel = this.#options.clock.after(delayMs, () => this.#connect());
  }
}
