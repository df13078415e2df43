import type { Socket } from "bun";
import { messageOf } from "#core/errors.ts";

/** What came back; `status` 0 means that no answer came, and `error` says why. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Header `x-pod`: who answered. */
  readonly pod?: string;
  readonly error?: string;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

const HEAD_END = "\r\n\r\n";
const CLOSE_WAIT_MS = 1000;

/**
 * One HTTP/1.1 connection that sends GETs one after another (RFC 9112). Small on purpose: what it does to the
 * network is exactly what the load says, with no pool and no retry behind its back.
 */
export class HttpConnection {
  readonly #target: Target;
  readonly #timeoutMs: number;
  #socket: Socket | undefined;
  #received = "";
  #settle: ((answer: Answer) => void) | undefined;
  #closed: Promise<void> = Promise.resolve();
  #onClosed: () => void = () => {};

  constructor(target: Target, timeoutMs: number) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends one GET and gives its answer; never throws. With `last`, the server is told to close after it. */
  async get(path: string, last: boolean): Promise<Answer> {
    const socket = this.#socket ?? (await this.#connect());
    if (typeof socket === "string") return { status: 0, body: "", error: socket };
    this.#received = "";
    const answer = new Promise<Answer>((resolve) => {
      const timer = setTimeout(() => {
        this.#finish({ status: 0, body: "", error: `no answer within ${this.#timeoutMs} ms` });
        socket.terminate();
      }, this.#timeoutMs);
      this.#settle = (value) => {
        clearTimeout(timer);
        resolve(value);
      };
    });
    const connection = last ? "close" : "keep-alive";
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${this.#target.host}:${this.#target.port}\r\nConnection: ${connection}\r\n\r\n`,
    );
    return answer;
  }

  /** Ends the connection and waits until it is gone. */
  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.end();
    const timer = setTimeout(() => socket.terminate(), CLOSE_WAIT_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  /** The open socket, or why there is none. */
  async #connect(): Promise<Socket | string> {
    this.#closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    const gone = (error: string): void => {
      this.#socket = undefined;
      this.#finish({ status: 0, body: "", error });
      this.#onClosed();
    };
    try {
      this.#socket = await Bun.connect({
        hostname: this.#target.host,
        port: this.#target.port,
        socket: {
          data: (_, chunk) => this.#onData(chunk),
          close: () => gone("connection closed before the answer was complete"),
          error: (_, error) => gone(error.message),
        },
      });
      return this.#socket;
    } catch (error) {
      this.#onClosed();
      return isRefusal(error) ? "connection refused" : messageOf(error);
    }
  }

  #onData(chunk: Uint8Array): void {
    this.#received += Buffer.from(chunk).toString("latin1");
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.slice(0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.#finish({ status: 0, body: "", error: "answer without Content-Length" });
      return;
    }
    const body = this.#received.slice(headEnd + HEAD_END.length);
    if (body.length < Number(length)) return;
    const pod = /\r\nx-pod: *([^\r]*)/i.exec(head)?.[1];
    this.#finish({
      status: Number(head.slice(9, 12)),
      body: Buffer.from(body, "latin1").toString("utf8"),
      ...(pod === undefined ? {} : { pod }),
    });
  }

  #finish(answer: Answer): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(answer);
  }
}

function isRefusal(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "ECONNREFUSED";
}
