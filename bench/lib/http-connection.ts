/** One keep-alive HTTP/1.1 connection of a load generator or test: one request at a time, on a raw socket. */
import type { Socket } from "bun";

export interface HttpTarget {
  readonly hostname: string;
  readonly port: number;
}

/** How one request ended. `status` is 0 when no whole answer came. */
export interface HttpOutcome {
  readonly status: number;
  /** Absent when a whole answer came. */
  readonly failure?: "connect" | "reset" | "closed" | "timeout" | "malformed";
  /** Lower-case names; the last of doubled ones. */
  readonly header: (name: string) => string | undefined;
  readonly body: Uint8Array;
}

/** Where the answer has got to. */
type Reading =
  | { readonly part: "head" }
  | { readonly part: "length"; left: number }
  | { readonly part: "chunks"; readonly pieces: Uint8Array[] };

const NOTHING = new Uint8Array(0);

/**
 * ```
 * closed -> connecting -> idle <-> busy ;  any -> closed
 * ```
 * Opened by the first request and again by the next one after it was closed. Answers are read strictly enough to tell
 * a cut one from a whole one; bodies need a length or chunks.
 */
export class HttpConnection {
  /** Requests whose answer is awaited: 0 or 1. */
  busy = false;
  /** Connections that this object has opened. */
  opened = 0;
  readonly #target: HttpTarget;
  #socket: Socket<number> | undefined;
  #life = 0;
  #rest: Uint8Array = NOTHING;
  #head = "";
  #status = 0;
  #noBody = false;
  #reading: Reading = { part: "head" };
  #body: Uint8Array[] = [];
  #done: ((outcome: HttpOutcome) => void) | undefined;

  constructor(target: HttpTarget) {
    this.#target = target;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  /** The client's own port, 0 while it is closed. */
  get localPort(): number {
    return this.#socket?.localPort ?? 0;
  }

  /** Sends the whole text of a request. `done` is called once, never within this call. Throws while one is awaited. */
  send(request: string | Uint8Array, done: (outcome: HttpOutcome) => void): void {
    if (this.busy) throw new Error("One request at a time");
    this.busy = true;
    this.#done = done;
    this.#noBody = typeof request === "string" && request.startsWith("HEAD ");
    const bytes = typeof request === "string" ? Buffer.from(request, "latin1") : request;
    if (this.#socket !== undefined) this.#write(this.#socket, bytes);
    else this.#connect(bytes);
  }

  request(request: string | Uint8Array): Promise<HttpOutcome> {
    return new Promise((resolve) => this.send(request, resolve));
  }

  /** Ends the request that is awaited, if any, and closes. */
  abort(failure: HttpOutcome["failure"] = "timeout"): void {
    this.#close();
    this.#finish(failure);
  }

  /** RST. */
  close(): void {
    this.#close();
    this.#finish("closed");
  }

  #connect(first: Uint8Array): void {
    const life = ++this.#life;
    const mine = (socket: Socket<number>): boolean => socket.data === life && this.#life === life;
    Bun.connect<number>({
      ...this.#target,
      data: life,
      socket: {
        data: (socket, chunk) => {
          if (mine(socket)) this.#read(chunk);
        },
        end: (socket) => {
          if (mine(socket)) this.#lost("closed");
        },
        close: (socket, error) => {
          if (mine(socket)) this.#lost(error === undefined ? "closed" : "reset");
        },
        error: (socket) => {
          if (mine(socket)) this.#lost("reset");
        },
      },
    }).then(
      (socket) => {
        if (this.#life !== life) {
          socket.terminate();
          return;
        }
        this.opened++;
        this.#socket = socket;
        this.#write(socket, first);
      },
      () => {
        if (this.#life === life) this.#lost("connect");
      },
    );
  }

  /** Requests here are far smaller than a socket's buffer; one that is not taken whole is a fault of the test. */
  #write(socket: Socket<number>, bytes: Uint8Array): void {
    const taken = socket.write(bytes);
    if (taken < 0) queueMicrotask(() => this.#lost("reset"));
    else if (taken < bytes.length) throw new Error("The request did not fit into the socket");
  }

  #lost(failure: "connect" | "reset" | "closed"): void {
    this.#close();
    this.#finish(failure);
  }

  #close(): void {
    this.#life++;
    this.#socket?.terminate();
    this.#socket = undefined;
    this.#rest = NOTHING;
    this.#body = [];
    this.#reading = { part: "head" };
  }

  #finish(failure?: HttpOutcome["failure"]): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.busy = false;
    const head = this.#head;
    const body = this.#body.length === 1 ? (this.#body[0] ?? NOTHING) : Buffer.concat(this.#body);
    this.#body = [];
    const header = (name: string): string | undefined => headerOf(head, name);
    done(
      failure === undefined
        ? { status: this.#status, header, body }
        : { status: 0, failure, header: () => undefined, body: NOTHING },
    );
  }

  #read(chunk: Uint8Array): void {
    if (this.#done === undefined) {
      // Bytes that nobody asked for: the stream is out of step.
      this.#close();
      return;
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NOTHING;
    const used = this.#advance(bytes);
    if (used < 0) {
      this.#close();
      this.#finish("malformed");
      return;
    }
    if (used < bytes.length) this.#rest = bytes.slice(used);
  }

  /** Reads on from the start of `bytes`; gives how many it used, -1 for what is no answer. */
  #advance(bytes: Uint8Array): number {
    let at = 0;
    for (;;) {
      const reading = this.#reading;
      if (reading.part === "head") {
        const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const end = view.indexOf("\r\n\r\n", at, "latin1");
        if (end === -1) return at;
        this.#head = view.toString("latin1", at, end);
        at = end + 4;
        this.#status = Number(this.#head.slice(9, 12));
        if (!this.#head.startsWith("HTTP/1.") || !(this.#status >= 100)) return -1;
        if (this.#status < 200) continue;
        const next = this.#bodyOf(this.#head);
        if (next === undefined) return -1;
        this.#reading = next;
      } else if (reading.part === "length") {
        const taken = Math.min(reading.left, bytes.length - at);
        if (taken > 0) this.#body.push(bytes.slice(at, at + taken));
        reading.left -= taken;
        at += taken;
        if (reading.left > 0) return at;
        this.#whole();
        return at;
      } else {
        const used = readChunk(bytes, at, reading.pieces);
        if (used === undefined) return at;
        if (used.problem) return -1;
        at = used.at;
        if (!used.last) continue;
        this.#body = reading.pieces;
        this.#whole();
        return at;
      }
    }
  }

  #bodyOf(head: string): Reading | undefined {
    if (this.#noBody || this.#status === 204 || this.#status === 304) return { part: "length", left: 0 };
    if (headerOf(head, "transfer-encoding") === "chunked") return { part: "chunks", pieces: [] };
    const length = Number(headerOf(head, "content-length") ?? Number.NaN);
    return Number.isSafeInteger(length) ? { part: "length", left: length } : undefined;
  }

  #whole(): void {
    this.#reading = { part: "head" };
    if (/\r\nconnection: *close/i.test(this.#head)) {
      const body = this.#body;
      this.#close();
      this.#body = body;
    }
    this.#finish();
  }
}

/** The next chunk, its bytes put into `pieces`; undefined while it is not whole. */
function readChunk(
  bytes: Uint8Array,
  at: number,
  pieces: Uint8Array[],
): { at: number; last: boolean; problem: boolean } | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const line = view.indexOf("\r\n", at, "latin1");
  if (line === -1) return undefined;
  const size = Number.parseInt(view.toString("latin1", at, line), 16);
  if (!Number.isSafeInteger(size)) return { at, last: false, problem: true };
  if (size > 0) {
    const end = line + 2 + size;
    if (bytes.length < end + 2) return undefined;
    pieces.push(bytes.slice(line + 2, end));
    return { at: end + 2, last: false, problem: false };
  }
  const noTrailers = view.toString("latin1", line, line + 4) === "\r\n\r\n";
  const end = noTrailers ? line : view.indexOf("\r\n\r\n", line, "latin1");
  return end === -1 ? undefined : { at: end + 4, last: true, problem: false };
}

function headerOf(head: string, name: string): string | undefined {
  const lower = head.toLowerCase();
  const at = lower.lastIndexOf(`\r\n${name}:`);
  if (at === -1) return undefined;
  const from = at + name.length + 3;
  const end = head.indexOf("\r\n", from);
  return head.slice(from, end === -1 ? undefined : end).trim();
}
