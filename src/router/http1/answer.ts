import { ChunkedReader } from "#http/h1/chunked.ts";
import { FRAMING, type Framing } from "#http/h1/framing.ts";
import type { RequestHead } from "#http/h1/request-head.ts";
import { ResponseHead } from "#http/h1/response-head.ts";
import { HeadReader } from "./head-reader.ts";
import { JOIN_BYTES } from "./limits.ts";
import type { Outlet } from "./outlet.ts";

/** How an answer goes to the client; filled in by the exchange once the head is known. */
export interface AnswerEdit {
  clientMinor: 0 | 1;
  close: boolean;
  chunk: boolean;
  extra: string | undefined;
  upgrade: boolean;
}

/** Whose answer it is. */
export interface AnswerOwner {
  readonly request: RequestHead;
  /** The first byte came. */
  answerBegan(): void;
  /**
   * A final head is read. False: it goes no further, and this answer was reset for another attempt. `inHand` says
   * whether the whole answer has arrived.
   */
  finalHead(edit: AnswerEdit, inHand: boolean): boolean;
  /** 100 or another 1xx, except 101. */
  interimHead(): void;
  /** 101 as it was asked for: the rest of the connection, from `at` in `chunk`, is not HTTP. Returns how many bytes of it were passed on. */
  switched(chunk: Uint8Array, at: number): number;
  /** All of it was sent. The pod's connection can be used again if `reusable`. Nothing of this answer is touched afterwards. */
  answered(reusable: boolean): void;
  /** It cannot be understood, or was cut short; `why` is for counters. */
  answerBroke(why: string): void;
}

/**
 * The answer to one request on its way from a pod to the client: head parsed and written anew, body read out of the
 * pod's framing and framed for the client.
 *
 *     head --1xx--> head          body --last byte, or FIN where the end of the connection delimits it--> answered
 *       |--101--> switched         |
 *       |--final, no body--> answered; else --> body
 *       \---------- problem, FIN, reset -------------------------> broken
 *
 * Back-pressure: what the client has not taken is counted here, and told to the pod's end when it has gone.
 */
export class Answer {
  readonly head = new ResponseHead();
  /** A byte of it came. */
  begun = false;
  /** The final head went to the client. */
  headSent = false;
  /** Bytes passed on that the client's end holds; the pod's source was told less. */
  owedBytes = 0;
  readonly #owner: AnswerOwner;
  readonly #outlet: Outlet;
  readonly #edit: AnswerEdit = {
    clientMinor: 1,
    close: false,
    chunk: false,
    extra: undefined,
    upgrade: false,
  };
  #inBody = false;
  #framing: Framing = FRAMING.NONE;
  #left = 0;
  #chunks: ChunkedReader | undefined;
  readonly #reader = new HeadReader();

  constructor(owner: AnswerOwner, outlet: Outlet) {
    this.#owner = owner;
    this.#outlet = outlet;
  }

  /** Ready for the next answer. */
  reset(): void {
    this.head.reset();
    this.begun = false;
    this.headSent = false;
    this.owedBytes = 0;
    this.#inBody = false;
    this.#reader.reset();
  }

  /** Bytes from the pod. Returns how many were passed on. */
  onData(chunk: Uint8Array): number {
    if (this.#inBody) return this.#body(chunk, 0);
    if (!this.begun) {
      this.begun = true;
      this.#owner.answerBegan();
    }
    return this.#heads(chunk, 0);
  }

  /** The pod ended its side. */
  onFin(): void {
    if (this.#inBody && this.#framing === FRAMING.CLOSE) this.#end(false);
    else this.#owner.answerBroke(this.begun ? "cut-short" : "closed");
  }

  /** `bytes` that the client's end had held have gone: returns how many the pod's source may be told. */
  onTaken(bytes: number): number {
    const gone = this.#outlet.end.held === 0 ? this.owedBytes : Math.min(bytes, this.owedBytes);
    this.owedBytes -= gone;
    return gone;
  }

  /** From the reader of chunks. */
  onBody(bytes: Uint8Array, from: number, to: number): void {
    if (this.#edit.chunk) this.#outlet.chunk(bytes, from, to);
    else this.#outlet.put(bytes, from, to);
  }

  #heads(chunk: Uint8Array, from: number): number {
    const { head } = this;
    const end = this.#reader.read(head, chunk, from);
    if (end > 0) return head.status < 200 ? this.#interim(chunk, end) : this.#final(chunk, end);
    return end < 0 ? this.#refused(chunk) : chunk.length;
  }

  #refused(chunk: Uint8Array): number {
    this.#owner.answerBroke(this.head.problem?.code ?? "head");
    return chunk.length;
  }

  /** 1xx: goes on to clients that know it (RFC 9110 section 15.2), and another head follows. */
  #interim(chunk: Uint8Array, at: number): number {
    const { head } = this;
    const edit = this.#edit;
    const { request } = this.#owner;
    if (head.status === 101) {
      if (request.upgrade === 0 || head.upgrade !== request.upgrade) return this.#refusedSwitch(chunk);
      edit.upgrade = true;
      head.write(this.#outlet.out, edit);
      edit.upgrade = false;
      this.#outlet.flush();
      return at + this.#owner.switched(chunk, at);
    }
    if (request.minor === 1) {
      head.write(this.#outlet.out, edit);
      this.#outlet.flush();
    }
    this.#owner.interimHead();
    return at < chunk.length ? this.#heads(chunk, at) : chunk.length;
  }

  #refusedSwitch(chunk: Uint8Array): number {
    this.#owner.answerBroke("unasked-upgrade");
    return chunk.length;
  }

  #final(chunk: Uint8Array, at: number): number {
    const { head } = this;
    const edit = this.#edit;
    const { request } = this.#owner;
    const framing = head.framingFor(request.method);
    const here = chunk.length - at;
    const inHand = framing === FRAMING.NONE || (framing === FRAMING.LENGTH && head.contentLength <= here);
    edit.clientMinor = request.minor;
    edit.close = false;
    edit.extra = undefined;
    edit.chunk = framing >= FRAMING.CHUNKED && request.minor === 1;
    if (framing >= FRAMING.CHUNKED && request.minor === 0) edit.close = true;
    if (!this.#owner.finalHead(edit, inHand)) return chunk.length;
    const { out } = this.#outlet;
    head.write(out, edit);
    this.headSent = true;
    if (inHand) {
      const length = framing === FRAMING.NONE ? 0 : head.contentLength;
      if (length <= JOIN_BYTES) out.copy(chunk, at, at + length);
      else this.#outlet.put(chunk, at, at + length);
      this.#outlet.flush();
      this.#owner.answered(head.keepAlive && length === here);
      return chunk.length;
    }
    this.#inBody = true;
    this.#framing = framing;
    if (framing === FRAMING.LENGTH) this.#left = head.contentLength;
    else if (framing === FRAMING.CHUNKED) {
      this.#chunks ??= new ChunkedReader();
      this.#chunks.reset();
    }
    return this.#body(chunk, at);
  }

  #body(chunk: Uint8Array, from: number): number {
    const to = chunk.length;
    switch (this.#framing) {
      case FRAMING.LENGTH: {
        const length = Math.min(this.#left, to - from);
        this.#left -= length;
        this.#outlet.put(chunk, from, from + length);
        if (this.#left === 0) return this.#endIn(chunk, from + length);
        break;
      }
      case FRAMING.CHUNKED: {
        const chunks = this.#chunks as ChunkedReader;
        const at = chunks.read(chunk, from, to, this);
        if (at < 0) {
          this.#outlet.out.clear();
          this.#owner.answerBroke(chunks.problem?.code ?? "chunk");
          return to;
        }
        if (chunks.done) return this.#endIn(chunk, at);
        break;
      }
      default:
        if (to > from) this.onBody(chunk, from, to);
    }
    this.#outlet.flush();
    if (this.#outlet.end.held === 0) return to;
    this.owedBytes += to;
    return 0;
  }

  #endIn(chunk: Uint8Array, at: number): number {
    this.#end(this.head.keepAlive && at === chunk.length);
    return chunk.length;
  }

  #end(reusable: boolean): void {
    if (this.#edit.chunk) {
      const trailers = this.#framing === FRAMING.CHUNKED ? this.#chunks?.trailers : undefined;
      this.#outlet.lastChunk(trailers);
    }
    this.#outlet.flush();
    this.#owner.answered(reusable);
  }
}
