import type { Clock } from "#core/clock.ts";
import type { Field } from "#http/hpack/field.ts";
import { DEFAULT_WINDOW_BYTES, FLAG, FRAME, H2_ERROR, MAX_STREAM_ID, PREFACE } from "./constants.ts";
import { Control } from "./control.ts";
import { FrameDecoder, type FrameSink } from "./decode.ts";
import { describeFrame, frameError, type FrameHeader, readU31, readU32 } from "./frame.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { HeldLimit } from "./held-limit.ts";
import { CLIENT_LIMITS, type H2Limits, SERVER_LIMITS } from "./limits.ts";
import { Messages } from "./messages.ts";
import { Police } from "./police.ts";
import { ReceiveWindow, type WindowTerms } from "./receive-window.ts";
import { Sender } from "./sender.ts";
import { PeerSettings } from "./settings.ts";
import { StreamTable } from "./stream-table.ts";
import { NO_HANDLER, Stream, type StreamCarrier } from "./stream.ts";
import type { H2Handler, H2Stream, SessionEvents, SessionOptions } from "./types.ts";
import { Watch } from "./watch.ts";

/**
 * One HTTP/2 connection (RFC 9113), in either role; bytes in and bytes out. Nothing that a peer sends makes it throw.
 *
 *   start --preface, SETTINGS in--> open --goAway()--> leaving --last stream over--> closed
 *     |                              |  GOAWAY in         ^
 *     |                              +--------------------+
 *     +--- bad input, flood, silence, close(), lost() ------------------------------> closed
 *
 * A server leaves in two steps: GOAWAY 2^31-1 and a PING, and when that is answered GOAWAY with the last request it takes, so
 * that no request which was on its way is lost.
 */
export class Session implements FrameSink, StreamCarrier {
  readonly sender: Sender;
  readonly #server: boolean;
  readonly #limits: H2Limits;
  readonly #clock: Clock;
  readonly #events: SessionEvents;
  readonly #police: Police;
  readonly #decoder = new FrameDecoder(this);
  readonly #blocks: HeaderBlocks;
  readonly #messages: Messages;
  readonly #control: Control;
  readonly #streams: StreamTable;
  readonly #peer = new PeerSettings();
  readonly #watch: Watch;
  readonly #held: HeldLimit;
  /** What the peer may send on all streams together. */
  readonly #window: ReceiveWindow;
  /** Of the windows of streams. */
  readonly #windowTerms: WindowTerms;
  /** How much of the preface a client has still to send. */
  #prefaceLeft: number;
  #leaving: "no" | "announced" | "yes" = "no";
  #peerLeaves = false;
  #closed = false;

  constructor(options: SessionOptions) {
    const server = options.role === "server";
    const limits: H2Limits = { ...(server ? SERVER_LIMITS : CLIENT_LIMITS), ...options.limits };
    const { clock, counters, events } = options;
    this.#server = server;
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
    this.#prefaceLeft = server ? PREFACE.length : 0;
    const window = Math.max(limits.connectionWindowBytes, DEFAULT_WINDOW_BYTES);
    this.#window = new ReceiveWindow({ bytes: window, mostBytes: window, clock });
    const { streamWindowBytes, maxStreamWindowBytes } = limits;
    this.#windowTerms = { bytes: streamWindowBytes, mostBytes: maxStreamWindowBytes, clock };
    this.#streams = new StreamTable(server);
    this.#watch = new Watch({ limits, nowMs: clock.monotonicMs() });
    const police = new Police({
      server,
      clock,
      counters,
      close: (code, reason) => this.close(code, reason),
    });
    this.#police = police;
    this.sender = new Sender({
      send: (bytes) => options.send(bytes),
      soon: options.soon ?? setImmediate,
      maxOutputBytes: limits.maxOutputBytes,
      onNotReading: () => void police.end("notReading", H2_ERROR.ENHANCE_YOUR_CALM, "The peer does not read"),
    });
    const soon = (fn: () => void): void => this.sender.later(fn);
    this.#held = new HeldLimit({ limits, police, soon, streams: this.#streams });
    this.#blocks = new HeaderBlocks({ limits, clock, police });
    this.#control = new Control({
      server,
      police,
      events,
      streams: this.#streams,
      sender: this.sender,
      peer: this.#peer,
      watch: this.#watch,
    });
    this.#messages = new Messages({
      limits,
      police,
      events,
      streams: this.#streams,
      sender: this.sender,
      window: this.#window,
      open: (id) => this.#open(id, NO_HANDLER, "nothing"),
      credit: (bytes) => this.credit(bytes),
    });
  }

  /** Streams that are not over. */
  get streams(): number {
    return this.#streams.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Client: whether `request` has room. */
  get canOpen(): boolean {
    return (
      !this.#closed &&
      !this.#server &&
      !this.#peerLeaves &&
      this.#leaving === "no" &&
      this.#streams.size < this.#peer.maxStreams &&
      this.#streams.nextId <= MAX_STREAM_ID
    );
  }

  /** Data of all streams that waits for the peer. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Sends the preface and SETTINGS. */
  start(): void {
    const { output } = this.sender;
    const { maxStreams, streamWindowBytes, connectionWindowBytes, maxHeaderListBytes } = this.#limits;
    if (!this.#server) output.raw(PREFACE);
    output.settings({
      ...(this.#server ? { MAX_CONCURRENT_STREAMS: maxStreams } : { ENABLE_PUSH: 0 }),
      INITIAL_WINDOW_SIZE: streamWindowBytes,
      MAX_HEADER_LIST_SIZE: maxHeaderListBytes,
    });
    const more = connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (more > 0) output.windowUpdate(0, more);
    this.sender.written();
  }

  /** Takes what the transport read. `chunk` must never change afterwards: pieces of it are given on. */
  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#watch.heard = true;
    let from = 0;
    while (this.#prefaceLeft > 0 && from < chunk.length) {
      if (chunk[from++] !== PREFACE[PREFACE.length - this.#prefaceLeft--]) {
        this.#police.fail(H2_ERROR.PROTOCOL_ERROR, "Not the preface of HTTP/2");
        return;
      }
    }
    if (from < chunk.length) this.#decoder.feed(from === 0 ? chunk : chunk.subarray(from));
  }

  /** Client: opens a stream. Undefined when there is no room; see `canOpen`. */
  request(fields: readonly Field[], endStream: boolean, handler: H2Handler): H2Stream | undefined {
    if (!this.canOpen) return undefined;
    const id = this.#streams.nextId;
    this.#streams.nextId += 2;
    const stream = this.#open(id, handler, isHead(fields) ? "responseToHead" : "response");
    stream.headers(fields, endStream);
    return stream;
  }

  /** Takes no new streams and closes when the last one ends. With an error code, requests on their way are not waited for. */
  goAway(code: number = H2_ERROR.NO_ERROR): void {
    if (this.#closed || this.#leaving === "yes") return;
    const gentle = this.#server && code === H2_ERROR.NO_ERROR && this.#peer.received;
    if (!gentle) {
      this.#leave(code);
    } else if (this.#leaving === "no") {
      this.#leaving = "announced";
      this.sender.output.goAway(MAX_STREAM_ID, code, "");
      this.sender.output.ping(this.#watch.pinged("leave", this.#clock.monotonicMs()));
      this.sender.written();
    }
  }

  /** Ends the connection: the peer is told why, and all streams are reset with `code`. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.sender.output.goAway(this.#streams.lastPeerId, code, reason);
    this.#end(code, reason);
  }

  /** The transport is gone. */
  lost(reason: string): void {
    if (this.#closed) return;
    this.sender.drop();
    this.#end(H2_ERROR.INTERNAL_ERROR, reason);
  }

  /** Back-pressure: while the transport takes nothing, data is held. */
  transportBlocked(blocked: boolean): void {
    if (!this.#closed) this.sender.setBlocked(blocked);
  }

  /** Sends now what the end of the turn would. */
  flush(): void {
    if (!this.#closed) this.sender.endTurn();
  }

  /** Asks the peer for a sign of life, whatever the time; when none comes within `pingTimeoutMs`, the connection is closed. */
  ping(): void {
    if (this.#closed) return;
    this.sender.output.ping(this.#watch.pinged("alive", this.#clock.monotonicMs()));
    this.sender.written();
  }

  /** Once in a while, at most some seconds apart: looks for what takes too long. `nowMs` is of the monotonic clock. */
  tick(nowMs: number): void {
    if (this.#closed) return;
    const { sender } = this;
    if (this.#leaving === "announced" && this.#watch.pingAgeMs(nowMs) > this.#limits.pingTimeoutMs) {
      this.#leave(H2_ERROR.NO_ERROR);
    }
    const late = this.#watch.look({
      nowMs,
      handshaken: this.#peer.received,
      blockSinceMs: this.#blocks.openSinceMs,
      streams: this.#streams.size,
    });
    if (late === "ping") {
      sender.output.ping(this.#watch.pinged("alive", nowMs));
      sender.written();
    } else if (late !== undefined) {
      this.#police.end(late.counter, late.code, late.reason);
      return;
    }
    this.#held.look(nowMs);
    if (this.#streams.size > 0) return;
    sender.output.trim();
    this.#blocks.trim();
  }

  // Frames, from the decoder.

  onFrameHeader(frame: FrameHeader): boolean {
    const police = this.#police;
    const error = frameError(frame);
    if (error !== H2_ERROR.NO_ERROR) return police.fail(error, `${describeFrame(frame)} is not valid`);
    const { type } = frame;
    const early = !this.#peer.received && (type !== FRAME.SETTINGS || (frame.flags & FLAG.ACK) !== 0);
    if (early || !this.#blocks.inOrder(frame)) {
      return police.fail(H2_ERROR.PROTOCOL_ERROR, `${describeFrame(frame)} in the wrong place`);
    }
    if (type === FRAME.DATA) return this.#messages.beginData(frame);
    if (type === FRAME.PRIORITY) return police.spend("priorityFlood") && false;
    if (type > FRAME.CONTINUATION) return police.spend("unknownFrameFlood") && false;
    // It is never allowed here: a server must not get it, and a client said so.
    if (type === FRAME.PUSH_PROMISE) return police.fail(H2_ERROR.PROTOCOL_ERROR, describeFrame(frame));
    return true;
  }

  onFrame(frame: FrameHeader, bytes: Uint8Array, from: number, to: number): void {
    switch (frame.type) {
      case FRAME.HEADERS:
      case FRAME.CONTINUATION: {
        const payload = { bytes, from, to };
        const blocks = this.#blocks;
        const list =
          frame.type === FRAME.HEADERS ? blocks.headers(frame, payload) : blocks.continuation(frame, payload);
        if (list !== undefined) this.#messages.headers(list);
        break;
      }
      case FRAME.RST_STREAM:
        this.#control.reset(frame.streamId, readU32(bytes, from));
        break;
      case FRAME.SETTINGS:
        this.#control.settings(frame, { bytes, from, to });
        break;
      case FRAME.PING:
        this.#onPing(frame, bytes, from);
        break;
      case FRAME.GOAWAY:
        this.#onGoAway(readU31(bytes, from), readU32(bytes, from + 4));
        break;
      case FRAME.WINDOW_UPDATE:
        this.#control.windowUpdate(frame.streamId, readU31(bytes, from));
        break;
    }
  }

  onDataPiece(frame: FrameHeader, piece: Uint8Array, last: boolean): void {
    this.#messages.dataPiece(frame, piece, last);
  }

  onBadPadding(frame: FrameHeader): void {
    this.#police.fail(H2_ERROR.PROTOCOL_ERROR, `More padding than there is in ${describeFrame(frame)}`);
  }

  #onPing(frame: FrameHeader, bytes: Uint8Array, from: number): void {
    const police = this.#police;
    if ((frame.flags & FLAG.ACK) !== 0) {
      const ping = this.#watch.answered(readU32(bytes, from + 4));
      if (ping === undefined) police.spend("pingFlood");
      else if (ping === "leave" && this.#leaving === "announced") this.#leave(H2_ERROR.NO_ERROR);
      return;
    }
    police.guard.dataSent(this.sender.dataFrames);
    if (!police.spend("pingFlood")) return;
    this.sender.output.pingAck(bytes, from);
    this.sender.written();
  }

  #onGoAway(lastId: number, code: number): void {
    if (!this.#police.spend("settingsFlood")) return;
    this.#peerLeaves = true;
    if (!this.#server) {
      for (const stream of this.#streams.values()) {
        if (stream.id <= lastId) continue;
        stream.lose(H2_ERROR.REFUSED_STREAM, "The peer goes away and did not process the request");
      }
    }
    this.#events.onGoAway(lastId, code);
    this.#closeWhenDone();
  }

  // As the carrier of its streams.

  credit(bytes: number): void {
    const grant = this.#window.give(bytes);
    if (grant === 0 || this.#closed) return;
    this.sender.output.windowUpdate(0, grant);
    this.sender.written();
  }

  heldChanged(delta: number): void {
    this.#held.changed(delta);
  }

  forget(stream: Stream, ended: boolean): void {
    this.#streams.remove(stream.id);
    if (ended) {
      this.#police.guard.streamDone();
    } else {
      this.#police.guard.streamReset();
      this.#streams.rememberReset(stream.id);
    }
    if (this.#streams.size > 0 || this.#closed) return;
    if (this.#peerLeaves || this.#leaving === "yes") this.sender.later(this.#closeWhenDone);
  }

  #open(id: number, handler: H2Handler, awaits: "nothing" | "response" | "responseToHead"): Stream {
    const terms = this.#windowTerms;
    // A peer that has not read our SETTINGS yet may use the window that all begin with.
    const left = this.#watch.settled ? terms.bytes : Math.max(terms.bytes, DEFAULT_WINDOW_BYTES);
    const stream = new Stream({
      id,
      handler,
      carrier: this,
      sendWindow: this.#peer.initialWindowBytes,
      receive: new ReceiveWindow(terms, left),
      awaits,
    });
    this.#streams.add(stream);
    return stream;
  }

  #leave(code: number): void {
    this.#leaving = "yes";
    this.#streams.lastTaken = this.#streams.lastPeerId;
    this.sender.output.goAway(this.#streams.lastPeerId, code, "");
    this.sender.written();
    this.#closeWhenDone();
  }

  readonly #closeWhenDone = (): void => {
    if (this.#closed || this.#streams.size > 0) return;
    if (this.#leaving === "yes") this.#end(H2_ERROR.NO_ERROR, "Done");
    else if (this.#peerLeaves) this.close(H2_ERROR.NO_ERROR, "The peer goes away");
  };

  #end(code: number, reason: string): void {
    this.#closed = true;
    this.#decoder.stop();
    this.sender.stop();
    for (const stream of this.#streams.values()) stream.lose(code, reason);
    this.#events.onClosed(reason, code);
  }
}

function isHead(fields: readonly Field[]): boolean {
  for (const { name, value } of fields) if (name === ":method") return value === "HEAD";
  return false;
}
