import type { Clock } from "#core/clock.ts";
import { HpackDecoder } from "#http/hpack/decoder.ts";
import { type Field, field, type KnownField } from "#http/hpack/field.ts";
import { DEFAULT_WINDOW_BYTES, FLAG, FRAME, H2_ERROR, MAX_STREAM_ID, PREFACE } from "./constants.ts";
import type { H2CounterName, H2Counters } from "./counters.ts";
import { FrameDecoder, type FrameSink } from "./decode.ts";
import { describeFrame, frameError, type FrameHeader, readU31, readU32 } from "./frame.ts";
import { type FloodKind, Guard } from "./guard.ts";
import { HeaderBlock } from "./header-block.ts";
import { CLIENT_LIMITS, type H2Limits, SERVER_LIMITS } from "./limits.ts";
import { MessageFacts, requestProblem, responseProblem, trailerProblem } from "./message.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { RecentlyReset } from "./recently-reset.ts";
import { Sender } from "./sender.ts";
import { PeerSettings } from "./settings.ts";
import { NO_HANDLER, Stream, type StreamCarrier } from "./stream.ts";
import { Watch } from "./watch.ts";
import type { H2Handler, H2Stream, SessionEvents, SessionOptions } from "./types.ts";

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
  readonly #counters: H2Counters;
  readonly #events: SessionEvents;
  readonly #decoder = new FrameDecoder(this);
  readonly #hpack: HpackDecoder;
  readonly #guard: Guard;
  readonly #peer = new PeerSettings();
  readonly #watch: Watch;
  readonly #facts = new MessageFacts();
  readonly #streams = new Map<number, Stream>();
  readonly #recentlyReset = new RecentlyReset();
  readonly #receive: ReceiveWindow;
  /** How much of the preface a client has still to send. */
  #prefaceLeft: number;
  #block: HeaderBlock | undefined;
  /** The stream whose DATA frame is being read; none when its data is dropped. */
  #dataStream: Stream | undefined;
  #dataBytes = 0;
  /** The last stream the peer opened. */
  #lastPeerId = 0;
  /** The id of our next stream. */
  #nextId = 1;
  /** Streams of the peer above this are not taken. */
  #lastTaken = MAX_STREAM_ID;
  #leaving: "no" | "announced" | "yes" = "no";
  #peerLeaves = false;
  #closed = false;
  #heldBytes = 0;

  constructor(options: SessionOptions) {
    this.#server = options.role === "server";
    const limits: H2Limits = { ...(this.#server ? SERVER_LIMITS : CLIENT_LIMITS), ...options.limits };
    this.#limits = limits;
    this.#clock = options.clock;
    this.#counters = options.counters;
    this.#events = options.events;
    this.#hpack = new HpackDecoder(limits.maxHeaderListBytes);
    this.#guard = new Guard(options.clock);
    this.#receive = new ReceiveWindow(Math.max(limits.connectionWindowBytes, DEFAULT_WINDOW_BYTES));
    this.#prefaceLeft = this.#server ? PREFACE.length : 0;
    this.sender = new Sender({
      send: (bytes) => options.send(bytes),
      soon: options.soon ?? setImmediate,
      maxOutputBytes: limits.maxOutputBytes,
      onNotReading: () => this.#calm("notReading", "The peer does not read"),
    });
    this.#watch = new Watch({ limits, nowMs: options.clock.monotonicMs() });
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
      this.#nextId <= MAX_STREAM_ID
    );
  }

  /** Data of all streams that waits for the peer. */
  get heldBytes(): number {
    return this.#heldBytes;
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
        this.#fail(H2_ERROR.PROTOCOL_ERROR, "Not the preface of HTTP/2");
        return;
      }
    }
    if (from < chunk.length) this.#decoder.feed(from === 0 ? chunk : chunk.subarray(from));
  }

  /** Client: opens a stream. Undefined when there is no room; see `canOpen`. */
  request(fields: readonly Field[], endStream: boolean, handler: H2Handler): H2Stream | undefined {
    if (!this.canOpen) return undefined;
    const id = this.#nextId;
    this.#nextId += 2;
    const head = fields.some(({ name, value }) => name === ":method" && value === "HEAD");
    const stream = this.#open(id, handler, { head });
    stream.headers(fields, endStream);
    return stream;
  }

  /** Takes no new streams, and closes when those there are have ended. With an error code, requests on their way are refused too. */
  goAway(code: number = H2_ERROR.NO_ERROR): void {
    if (this.#closed || this.#leaving === "yes") return;
    if (this.#server && code === H2_ERROR.NO_ERROR && this.#leaving === "no" && this.#peer.received) {
      this.#leaving = "announced";
      this.sender.output.goAway(MAX_STREAM_ID, code, "");
      this.sender.output.ping(this.#watch.pinged("leave", this.#clock.monotonicMs()));
      this.sender.written();
      return;
    }
    if (this.#leaving === "announced" && code === H2_ERROR.NO_ERROR) return;
    this.#leave(code);
  }

  /** Ends the connection: the peer is told why, and all streams are reset with `code`. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.sender.output.goAway(this.#lastPeerId, code, reason);
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
      blockSinceMs: this.#block?.sinceMs,
      streams: this.#streams.size,
    });
    if (late === "ping") {
      sender.output.ping(this.#watch.pinged("alive", nowMs));
      sender.written();
    } else if (late !== undefined) {
      this.#counters[late.counter]++;
      this.close(late.code, late.reason);
      return;
    }
    if (this.#heldBytes > 0) this.#resetStalled(nowMs);
    if (this.#streams.size === 0) sender.output.trim();
  }

  // Frames.

  onFrameHeader(frame: FrameHeader): boolean {
    const error = frameError(frame);
    if (error !== H2_ERROR.NO_ERROR) return this.#fail(error, `${describeFrame(frame)} is not valid`);
    const { type, streamId } = frame;
    if (this.#block === undefined ? type === FRAME.CONTINUATION : type !== FRAME.CONTINUATION) {
      return this.#fail(H2_ERROR.PROTOCOL_ERROR, `${describeFrame(frame)} in the wrong place`);
    }
    if (!this.#peer.received && (type !== FRAME.SETTINGS || (frame.flags & FLAG.ACK) !== 0)) {
      return this.#fail(H2_ERROR.PROTOCOL_ERROR, `${describeFrame(frame)} before SETTINGS`);
    }
    if (type === FRAME.DATA) return this.#beginData(frame);
    if (type === FRAME.PRIORITY) return this.#spend("priorityFlood") && false;
    if (type > FRAME.CONTINUATION) return this.#spend("unknownFrameFlood") && false;
    if (type === FRAME.PUSH_PROMISE) return this.#fail(H2_ERROR.PROTOCOL_ERROR, "PUSH_PROMISE");
    return this.#block === undefined || this.#block.streamId === streamId
      ? true
      : this.#fail(H2_ERROR.PROTOCOL_ERROR, `${describeFrame(frame)} inside the header block of another`);
  }

  onFrame(frame: FrameHeader, bytes: Uint8Array, from: number, to: number): void {
    switch (frame.type) {
      case FRAME.HEADERS:
        this.#onHeaders(frame, { bytes, from, to });
        break;
      case FRAME.CONTINUATION:
        this.#onContinuation(frame, bytes.subarray(from, to));
        break;
      case FRAME.RST_STREAM:
        this.#onReset(frame.streamId, readU32(bytes, from));
        break;
      case FRAME.SETTINGS:
        this.#onSettings(frame, { bytes, from, to });
        break;
      case FRAME.PING:
        this.#onPing(frame, bytes, from);
        break;
      case FRAME.GOAWAY:
        this.#onGoAway(readU31(bytes, from), readU32(bytes, from + 4));
        break;
      case FRAME.WINDOW_UPDATE:
        this.#onWindowUpdate(frame.streamId, readU31(bytes, from));
        break;
    }
  }

  onBadPadding(frame: FrameHeader): void {
    this.#fail(H2_ERROR.PROTOCOL_ERROR, `More padding than there is in ${describeFrame(frame)}`);
  }

  #beginData(frame: FrameHeader): boolean {
    const { streamId, length, flags } = frame;
    if (!this.#receive.take(length)) {
      return this.#fail(H2_ERROR.FLOW_CONTROL_ERROR, "Data past the window of the connection");
    }
    if (length === 0 && (flags & FLAG.END_STREAM) === 0) {
      if (!this.#spend("emptyDataFlood")) return false;
    }
    this.#dataBytes = length;
    const stream = this.#streams.get(streamId);
    this.#dataStream = stream;
    if (stream === undefined) {
      if (!this.#forClosed(frame)) return false;
      this.credit(length);
      return false;
    }
    if (stream.remoteEnded || !stream.headersDone) {
      this.credit(length);
      this.#refuse(stream, stream.remoteEnded ? H2_ERROR.STREAM_CLOSED : H2_ERROR.PROTOCOL_ERROR, {
        counter: "malformed",
        reason: stream.remoteEnded ? "Data after END_STREAM" : "Data before a response",
      });
      return false;
    }
    if (stream.receiveFrame(length)) return true;
    this.credit(length);
    this.#refuse(stream, H2_ERROR.FLOW_CONTROL_ERROR, {
      counter: "streamFlowControl",
      reason: "Data past the window of the stream",
    });
    return false;
  }

  onDataPiece(frame: FrameHeader, piece: Uint8Array, last: boolean): void {
    const { length } = piece;
    if (length > 0) this.#guard.dataReceived();
    else if (this.#dataBytes > 0 && this.#dataBytes === frame.length && !this.#spend("emptyDataFlood"))
      return;
    this.#dataBytes -= length;
    const stream = this.#dataStream;
    if (stream === undefined || stream.over) {
      // It was reset within the frame.
      this.credit(last ? length + this.#dataBytes : length);
      return;
    }
    // What is left of a frame that is complete was padding.
    if (last && this.#dataBytes > 0) stream.receivePadding(this.#dataBytes);
    const endStream = last && (frame.flags & FLAG.END_STREAM) !== 0;
    if (length === 0 && !endStream) return;
    if (!stream.receiveData(piece, endStream))
      this.#malformed(stream, "Data that content-length does not allow");
  }

  #onHeaders(frame: FrameHeader, payload: { bytes: Uint8Array; from: number; to: number }): void {
    const { flags, streamId } = frame;
    let { from, to } = payload;
    if ((flags & FLAG.PADDED) !== 0) to -= payload.bytes[from++] ?? 0;
    if ((flags & FLAG.PRIORITY) !== 0) from += 5;
    if (from > to) {
      this.#fail(H2_ERROR.PROTOCOL_ERROR, `More padding than there is in ${describeFrame(frame)}`);
      return;
    }
    const endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.#onBlock(streamId, endStream, { bytes: payload.bytes, from, to });
      return;
    }
    this.#block = new HeaderBlock({ streamId, endStream, sinceMs: this.#clock.monotonicMs() });
    this.#block.add(payload.bytes.subarray(from, to));
  }

  #onContinuation(frame: FrameHeader, fragment: Uint8Array): void {
    const block = this.#block!;
    block.continuations++;
    // A list that is allowed is hardly ever larger encoded than it counts.
    const tooMuch = block.length + fragment.length > this.#limits.maxHeaderListBytes;
    if (tooMuch || block.continuations > this.#limits.maxContinuations) {
      this.#calm("continuationFlood", "A header block that does not end");
      return;
    }
    block.add(fragment);
    if ((frame.flags & FLAG.END_HEADERS) === 0) return;
    this.#block = undefined;
    this.#onBlock(block.streamId, block.endStream, { bytes: block.bytes, from: 0, to: block.length });
  }

  /** A header block that is complete. It is decoded whatever its stream is, so that both ends' tables stay alike. */
  #onBlock(id: number, endStream: boolean, block: { bytes: Uint8Array; from: number; to: number }): void {
    const fields = this.#hpack.decode(block.bytes, block.from, block.to);
    if (fields === undefined) {
      this.#fail(H2_ERROR.COMPRESSION_ERROR, this.#hpack.problem ?? "");
      return;
    }
    if (this.#hpack.listBytes > this.#limits.maxHeaderListBytes * BOMB) {
      this.#calm("headerListBomb", `A header list of ${this.#hpack.listBytes} bytes`);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream !== undefined) this.#onMore(stream, fields, endStream);
    else if (this.#server && id % 2 === 1 && id > this.#lastPeerId) this.#onRequest(id, fields, endStream);
    else if (this.#forClosed({ type: FRAME.HEADERS, streamId: id, length: 0, flags: 0 })) return;
  }

  #onRequest(id: number, fields: KnownField[], endStream: boolean): void {
    this.#lastPeerId = id;
    if (id > this.#lastTaken) {
      this.#recentlyReset.add(id);
      return;
    }
    if (this.#streams.size >= this.#limits.maxStreams) {
      this.#counters.refusedStreams++;
      this.#resetUnopened(id, H2_ERROR.REFUSED_STREAM);
      this.#spend("refusedStreamFlood");
      return;
    }
    const tooLarge = this.#hpack.tooLarge;
    const problem = tooLarge ? undefined : requestProblem(fields, this.#facts);
    const { contentLength, connect } = this.#facts;
    if (problem !== undefined || (!tooLarge && endStream && contentLength > 0)) {
      this.#counters.malformed++;
      this.#resetUnopened(id, H2_ERROR.PROTOCOL_ERROR);
      this.#spend("provokedReset");
      return;
    }
    const stream = this.#open(id, NO_HANDLER);
    stream.expect(contentLength);
    if (endStream) stream.receiveEnd();
    if (tooLarge || connect) {
      if (tooLarge) this.#counters.headerListTooLarge++;
      stream.headers(tooLarge ? TOO_LARGE : NOT_IMPLEMENTED, true);
      stream.reset(H2_ERROR.NO_ERROR);
      this.#spend("provokedReset");
      return;
    }
    this.#events.onStream?.(stream, fields, endStream);
    if (stream.handler === NO_HANDLER && !stream.over) stream.reset(H2_ERROR.REFUSED_STREAM);
  }

  /** A response, an informational response or trailers. */
  #onMore(stream: Stream, fields: KnownField[], endStream: boolean): void {
    if (stream.remoteEnded) {
      this.#refuse(stream, H2_ERROR.STREAM_CLOSED, {
        counter: "malformed",
        reason: "HEADERS after END_STREAM",
      });
      return;
    }
    if (this.#hpack.tooLarge) {
      this.#refuse(stream, H2_ERROR.ENHANCE_YOUR_CALM, {
        counter: "headerListTooLarge",
        reason: `A header list of ${this.#hpack.listBytes} bytes`,
      });
      return;
    }
    const problem = stream.headersDone
      ? (trailerProblem(fields) ?? (endStream ? undefined : "Trailers without END_STREAM"))
      : this.#response(stream, fields, endStream);
    if (problem !== undefined) this.#malformed(stream, problem);
    else if (endStream && !stream.complete) this.#malformed(stream, "Less data than content-length says");
    else stream.receiveHeaders(fields, endStream);
  }

  #response(stream: Stream, fields: KnownField[], endStream: boolean): string | undefined {
    const problem = responseProblem(fields, this.#facts);
    if (problem !== undefined) return problem;
    const { status, contentLength } = this.#facts;
    if (status < 200) return endStream ? "An informational response with END_STREAM" : undefined;
    stream.headersDone = true;
    if (!stream.head && status !== 304) stream.expect(contentLength);
    return undefined;
  }

  #onReset(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      if (this.#isIdle(id)) this.#fail(H2_ERROR.PROTOCOL_ERROR, `RST_STREAM for stream ${id}, which is idle`);
      else this.#spend("closedStreamFlood");
      return;
    }
    stream.lose(code, "The peer reset the stream");
    if (this.#server) this.#spend("rapidReset");
  }

  #onSettings(frame: FrameHeader, payload: { bytes: Uint8Array; from: number; to: number }): void {
    if ((frame.flags & FLAG.ACK) !== 0) {
      if (!this.#watch.settingsAcknowledged()) this.#spend("settingsFlood");
      return;
    }
    if (!this.#spend("settingsFlood")) return;
    const before = this.#peer.initialWindowBytes;
    const error = this.#peer.read(payload, !this.#server);
    if (error !== H2_ERROR.NO_ERROR) {
      this.#fail(error, "SETTINGS with a value that is not valid");
      return;
    }
    const { output } = this.sender;
    output.hpack.setMaxTableBytes(this.#peer.headerTableBytes);
    output.settingsAck();
    this.sender.written();
    const delta = this.#peer.initialWindowBytes - before;
    if (delta !== 0) {
      for (const stream of this.#streams.values()) {
        if (stream.creditSend(delta)) continue;
        this.#fail(H2_ERROR.FLOW_CONTROL_ERROR, "SETTINGS make a window too large");
        return;
      }
    }
    this.#events.onSettings?.();
  }

  #onPing(frame: FrameHeader, bytes: Uint8Array, from: number): void {
    if ((frame.flags & FLAG.ACK) !== 0) {
      const ping = this.#watch.answered(readU32(bytes, from + 4));
      if (ping === undefined) this.#spend("pingFlood");
      else if (ping === "leave" && this.#leaving === "announced") this.#leave(H2_ERROR.NO_ERROR);
      return;
    }
    this.#guard.dataSent(this.sender.dataFrames);
    if (!this.#spend("pingFlood")) return;
    this.sender.output.pingAck(bytes, from);
    this.sender.written();
  }

  #onGoAway(lastId: number, code: number): void {
    if (!this.#spend("settingsFlood")) return;
    this.#peerLeaves = true;
    if (!this.#server) {
      for (const [id, stream] of this.#streams) {
        if (id > lastId)
          stream.lose(H2_ERROR.REFUSED_STREAM, "The peer goes away and did not process the request");
      }
    }
    this.#events.onGoAway(lastId, code);
    this.#closeWhenDone();
  }

  #onWindowUpdate(id: number, increment: number): void {
    this.#guard.dataSent(this.sender.dataFrames);
    if (!this.#spend("windowUpdateFlood")) return;
    if (id === 0) {
      if (increment === 0) this.#fail(H2_ERROR.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
      else if (!this.sender.credit(increment)) {
        this.#fail(H2_ERROR.FLOW_CONTROL_ERROR, "WINDOW_UPDATE past 2^31-1");
      }
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      if (this.#isIdle(id))
        this.#fail(H2_ERROR.PROTOCOL_ERROR, `WINDOW_UPDATE for stream ${id}, which is idle`);
    } else if (increment === 0 || !stream.creditSend(increment)) {
      const code = increment === 0 ? H2_ERROR.PROTOCOL_ERROR : H2_ERROR.FLOW_CONTROL_ERROR;
      this.#refuse(stream, code, { counter: "streamFlowControl", reason: `WINDOW_UPDATE of ${increment}` });
    }
  }

  // As the carrier of its streams.

  credit(bytes: number): void {
    const grant = this.#receive.give(bytes);
    if (grant === 0 || this.#closed) return;
    this.sender.output.windowUpdate(0, grant);
    this.sender.written();
  }

  heldChanged(delta: number): void {
    this.#heldBytes += delta;
    if (delta > 0 && this.#heldBytes > this.#limits.maxHeldBytes) this.sender.later(this.#shed);
  }

  forget(stream: Stream, ended: boolean): void {
    this.#streams.delete(stream.id);
    if (ended) this.#guard.streamDone();
    else this.#recentlyReset.add(stream.id);
    if (this.#streams.size > 0 || this.#closed) return;
    if (this.#peerLeaves || this.#leaving === "yes") this.sender.later(this.#closeWhenDone);
  }

  #open(id: number, handler: H2Handler, request?: { readonly head: boolean }): Stream {
    const stream = new Stream({
      id,
      handler,
      carrier: this,
      sendWindow: this.#peer.initialWindowBytes,
      receive: new ReceiveWindow(this.#limits.streamWindowBytes),
      ...(request === undefined ? {} : { request }),
    });
    this.#streams.set(id, stream);
    return stream;
  }

  #isIdle(id: number): boolean {
    const ours = (id % 2 === 0) === this.#server;
    return ours ? this.#server || id >= this.#nextId : id > this.#lastPeerId;
  }

  /** DATA or HEADERS for a stream that is not open. False when the connection ended by it. */
  #forClosed(frame: FrameHeader): boolean {
    const { streamId } = frame;
    if (this.#isIdle(streamId)) {
      return this.#fail(H2_ERROR.PROTOCOL_ERROR, `${describeFrame(frame)} for a stream that is not open`);
    }
    if (!this.#spend("closedStreamFlood")) return false;
    if (this.#recentlyReset.has(streamId)) return true;
    return this.#fail(H2_ERROR.STREAM_CLOSED, `${describeFrame(frame)} for a stream that is over`);
  }

  #resetUnopened(id: number, code: number): void {
    this.#recentlyReset.add(id);
    this.sender.output.reset(id, code);
    this.sender.written();
  }

  #malformed(stream: Stream, reason: string): void {
    this.#refuse(stream, H2_ERROR.PROTOCOL_ERROR, { counter: "malformed", reason });
  }

  /** Resets a stream for what the peer did. */
  #refuse(stream: Stream, code: number, why: { counter: H2CounterName; reason: string }): void {
    this.#counters[why.counter]++;
    stream.abort(code, why.reason);
    if (this.#server) this.#spend("provokedReset");
  }

  /** False when it is too much: the connection is closed. */
  #spend(kind: FloodKind): boolean {
    return this.#guard.allows(kind) || this.#calm(kind, `Too many: ${kind}`);
  }

  #calm(counter: H2CounterName, reason: string): false {
    if (this.#closed) return false;
    this.#counters[counter]++;
    this.close(H2_ERROR.ENHANCE_YOUR_CALM, reason);
    return false;
  }

  #fail(code: number, reason: string): false {
    if (this.#closed) return false;
    this.#counters[ERROR_COUNTERS[code] ?? "protocolError"]++;
    this.close(code, reason);
    return false;
  }

  #resetStalled(nowMs: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.heldBytes === 0 || stream.moved) {
        stream.moved = false;
        stream.movedMs = nowMs;
      } else if (nowMs - stream.movedMs >= this.#limits.stalledMs) {
        this.#counters.stalled++;
        stream.abort(H2_ERROR.CANCEL, "The peer takes no more data");
      }
    }
  }

  readonly #shed = (): void => {
    while (!this.#closed && this.#heldBytes > this.#limits.maxHeldBytes) {
      let largest: Stream | undefined;
      for (const stream of this.#streams.values()) {
        if (largest === undefined || stream.heldBytes > largest.heldBytes) largest = stream;
      }
      if (largest === undefined) return;
      this.#counters.stalled++;
      largest.abort(H2_ERROR.ENHANCE_YOUR_CALM, "Too much data waits for the peer");
    }
  };

  #leave(code: number): void {
    this.#leaving = "yes";
    this.#lastTaken = this.#lastPeerId;
    this.sender.output.goAway(this.#lastPeerId, code, "");
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
    const streams = [...this.#streams.values()];
    for (const stream of streams) stream.lose(code, reason);
    this.#streams.clear();
    this.#events.onClosed(reason, code);
  }
}

/** A header list so many times larger than allowed was made to hurt. */
const BOMB = 4;

const TOO_LARGE: readonly Field[] = [field(":status", "431"), field("content-length", "0")];
const NOT_IMPLEMENTED: readonly Field[] = [field(":status", "501"), field("content-length", "0")];

const ERROR_COUNTERS: Readonly<Record<number, H2CounterName>> = {
  [H2_ERROR.PROTOCOL_ERROR]: "protocolError",
  [H2_ERROR.FLOW_CONTROL_ERROR]: "flowControlError",
  [H2_ERROR.FRAME_SIZE_ERROR]: "frameSizeError",
  [H2_ERROR.COMPRESSION_ERROR]: "compressionError",
  [H2_ERROR.STREAM_CLOSED]: "streamClosedError",
};
