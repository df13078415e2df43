import type { Clock } from "#core/clock.ts";
import type { Field, KnownField } from "#http/hpack/field.ts";
import type { H2Counters } from "./counters.ts";
import type { H2Limits } from "./limits.ts";

/** Gets what arrives on a stream. After `onReset`, or `endStream` in both directions, nothing more is called. */
export interface H2Handler {
  /** A response or an informational response (client), or trailers. The list may be kept, not changed. */
  onHeaders(fields: readonly KnownField[], endStream: boolean): void;
  /** `chunk` may be kept and never changes; it is empty only with `endStream`. Say `consumed` when it went on. */
  onData(chunk: Uint8Array, endStream: boolean): void;
  /** The stream is over: the peer reset it, the connection is lost, or this end refused what came. REFUSED_STREAM: not processed. */
  onReset(code: number, reason: string): void;
  /** `data` returned false before, and there is room again. */
  onWritable(): void;
}

/** One request and its response. On a stream that is over, all calls do nothing. */
export interface H2Stream {
  readonly id: number;
  /** Where its events go; a server sets it in `onStream`. */
  handler: H2Handler;
  /** Both directions ended, or it was reset. */
  readonly over: boolean;
  /** Written and not yet in a frame: waits for a window or for the transport. */
  readonly heldBytes: number;
  /**
   * Sends a response, an informational response, or trailers. Trailers wait for the data before them; nothing else waits for
   * anything. The list is read at once, except that of trailers, which must not change.
   */
  headers(fields: readonly Field[], endStream: boolean): void;
  /** All of `chunk` is taken and, when it must wait, kept. False: write no more until `onWritable`. */
  data(chunk: Uint8Array, endStream: boolean): boolean;
  /** Ends both directions at once; what was held is dropped. `onReset` is not called. */
  reset(code: number): void;
  /** So many bytes of `onData` went on: the peer may send as many more. */
  consumed(bytes: number): void;
}

export interface SessionEvents {
  /** Server: a request, valid by RFC 9113 section 8. Set `stream.handler` now, or it is refused. */
  onStream?(stream: H2Stream, fields: readonly KnownField[], endStream: boolean): void;
  /** The peer takes no new streams. Those above `lastId` were reset with REFUSED_STREAM already. */
  onGoAway(lastId: number, code: number): void;
  /** Once. No more output follows; close the transport after what was sent. All streams were reset. */
  onClosed(reason: string, code?: number): void;
  /** The peer's settings are in force: `canOpen` may have changed. */
  onSettings?(): void;
}

export interface SessionOptions {
  readonly role: "server" | "client";
  readonly limits?: Partial<H2Limits>;
  readonly clock: Clock;
  readonly counters: H2Counters;
  /** Runs `fn` at the end of this event-loop turn [setImmediate]. */
  readonly soon?: (fn: () => void) => void;
  /**
   * Takes the output of one turn. Return true when the memory is free again, since the transport took all; else the memory
   * was given away and is not touched any more.
   */
  send(bytes: Uint8Array): boolean | void;
  readonly events: SessionEvents;
}
