import { FLUSH_BYTES, FRAME, GOAWAY, type GoAwayKind } from "./constants.ts";
import { Decoder, type FrameSink } from "./decode.ts";
import { readText, readU32 } from "./frame.ts";
import { encodeHello, negotiateVersion, parseHello, type Hello } from "./hello.ts";
import type { LaneContext, LaneOwner } from "./lane-context.ts";
import { LaneMemory } from "./lane-memory.ts";
import type { LinkLimits } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import { decodeOpen } from "./open-codec.ts";
import type { ControlPart, Output } from "./output.ts";
import { resetCodeOf } from "./reset-code.ts";
import { RoundTrip } from "./rtt.ts";
import { Sender } from "./sender.ts";
import { NO_HANDLER, Stream, type StreamCarrier } from "./stream.ts";
import type { LaneStats, ProtocolErrorKind, StreamHandler, StreamOpen } from "./types.ts";
import type { Wire, WireHandler } from "./wire.ts";

export interface LaneOptions {
  readonly wire: Wire;
  readonly owner: LaneOwner;
  readonly dialler: boolean;
  readonly hello: Hello;
  readonly context: LaneContext;
}

/**
 * One connection that carries many streams. The wire is open and its peer's certificate accepted.
 *
 *   greeting --HELLO--> up --GOAWAY out and in--> draining --last stream over--> closed
 *      |                 |                           |
 *      +-----------------+---------------------------+-- bad input, silence, wire closed --> closed, streams reset
 */
export class Lane implements WireHandler, FrameSink, StreamCarrier {
  owner: LaneOwner;
  readonly dialler: boolean;
  readonly sender: Sender;
  readonly memory: LaneMemory;
  readonly output: Output;
  readonly rtt = new RoundTrip();
  /** Streams here that proved to carry bulk. */
  bulkStreams = 0;
  readonly maxWindowBytes: number;
  readonly #context: LaneContext;
  readonly #limits: LinkLimits;
  readonly #decoder: Decoder;
  readonly #liveness: Liveness;
  readonly #cancelHandshake: () => void;
  readonly #streams = new Map<number, Stream>();
  #peer: Hello | undefined;
  #nextId: number;
  #lastPeerId = 0;
  #closed = false;
  #goAwaySent = false;
  #goAwayReceived = false;
  #bytesIn = 0;
  #framesOutAtTick = 0;

  constructor(options: LaneOptions) {
    const { wire, owner, dialler, hello, context } = options;
    this.owner = owner;
    this.dialler = dialler;
    this.#context = context;
    this.#limits = context.limits;
    const { limits, soon } = context;
    this.sender = new Sender({
      wire,
      limits,
      soon,
      onEmpty: () => this.#closeWhenDone(),
      onBroken: (unreadBytes) => this.#broken(unreadBytes),
    });
    this.output = this.sender.output;
    this.memory = new LaneMemory({
      budget: context.memory,
      streams: this.#streams,
      soon,
      shed: (stream, heldBytes) => this.#shed(stream, heldBytes),
    });
    this.maxWindowBytes = limits.maxWindowBytes;
    this.#nextId = dialler ? 1 : 2;
    this.#decoder = new Decoder(this);
    const { pingMs, deadMs, handshakeMs } = limits;
    this.#liveness = new Liveness({
      clock: context.clock,
      pingMs,
      deadMs,
      ping: () => this.#ping(),
      dead: (ms) => this.fail(`Nothing was heard from the peer for ${ms} ms`),
      tick: () => this.#tick(),
    });
    this.#cancelHandshake = context.clock.after(handshakeMs, () =>
      this.fail(`The peer sent no HELLO within ${handshakeMs} ms`),
    );
    wire.handler = this;
    this.output.hello(encodeHello(hello));
    this.#ping();
    this.sender.flush();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Takes new streams. */
  get usable(): boolean {
    if (this.#peer === undefined || this.#closed || this.exhausted) return false;
    return !this.#goAwaySent && !this.#goAwayReceived;
  }

  get draining(): boolean {
    return this.#goAwaySent || this.#goAwayReceived;
  }

  get streams(): number {
    return this.#streams.size;
  }

  get full(): boolean {
    return this.#streams.size >= Math.min(this.#limits.maxStreamsPerLane, this.#peer?.maxStreams ?? 0);
  }

  get exhausted(): boolean {
    return this.#nextId > this.#limits.lastStreamId;
  }

  get leastRttMs(): number {
    return this.rtt.leastMs;
  }

  /** Bytes that wait here to be sent. */
  get queuedBytes(): number {
    return this.output.size + this.memory.pendingBytes;
  }

  /** Bytes held for this lane in either direction. */
  get bufferedBytes(): number {
    return this.output.size + this.memory.pendingBytes + this.memory.unconsumedBytes;
  }

  /** The lane is usable and not full, and `open` has no problem. */
  openStream(open: StreamOpen, handler: StreamHandler): Stream {
    const id = this.#nextId;
    this.#nextId += 2;
    this.output.open(id, open);
    const stream = this.#addStream(id, open, handler);
    this.sender.written();
    if (this.exhausted) this.owner.onExhausted(this);
    return stream;
  }

  /** Tells the peer, or asks it. After LANE or LINK this lane closes when its streams are done. */
  goAway(kind: GoAwayKind, reason: string): void {
    if (this.#closed) return;
    if (kind !== GOAWAY.REPLACE) this.#goAwaySent = true;
    this.output.goAway(kind, reason);
    this.sender.written();
    this.#closeWhenDone();
  }

  sendControl(kind: number, seq: number, part?: ControlPart): void {
    this.output.control(kind, seq, part);
    this.sender.written();
  }

  /** Closes the lane and tells the peer why; its streams are reset with LINK_LOST. */
  fail(reason: string): void {
    if (this.#closed) return;
    this.output.goAway(GOAWAY.CLOSE, reason);
    this.#close(reason);
  }

  stats(): LaneStats {
    return {
      streams: this.#streams.size,
      rttMs: this.rtt.smoothedMs,
      queuedBytes: this.queuedBytes,
      bytesIn: this.#bytesIn,
      bytesOut: this.output.bytesOut,
      framesIn: this.#decoder.framesIn,
      framesOut: this.output.framesOut,
      socketWrites: this.output.socketWrites,
      draining: this.draining,
    };
  }

  // As the handler of its wire.

  onData(chunk: Uint8Array): void {
    this.#liveness.heard = true;
    this.#bytesIn += chunk.length;
    this.#decoder.feed(chunk);
    if (this.sender.contended && !this.#closed) this.sender.takeTurns();
  }

  onDrain(): void {
    this.sender.drained();
    if (!this.#closed && this.sender.hasRoom(FLUSH_BYTES)) this.owner.onRoom(this);
  }

  onClose(reason: string): void {
    this.#close(reason);
  }

  // As the sink of its decoder.

  onDataFrame(streamId: number, piece: Uint8Array): void {
    const stream = this.#streams.get(streamId) ?? this.#absent(streamId);
    if (stream === undefined) return;
    const problem = stream.receive(piece);
    if (problem !== undefined) this.onMalformed(problem, `DATA on stream ${streamId}`);
  }

  onFrame(type: number, streamId: number, bytes: Uint8Array, from: number, to: number): void {
    if (this.#peer === undefined && type !== FRAME.HELLO) {
      if (type === FRAME.GOAWAY) this.#onGoAway(bytes, from, to);
      else this.onMalformed("noHello", `A frame of type ${type} came before HELLO`);
      return;
    }
    switch (type) {
      case FRAME.WINDOW:
        this.#onWindow(streamId, readU32(bytes, from));
        break;
      case FRAME.OPEN:
        this.#onOpen(streamId, bytes, from, to);
        break;
      case FRAME.FIN: {
        const stream = this.#streams.get(streamId) ?? this.#absent(streamId);
        if (stream?.receiveFin() === false) this.onMalformed("badStream", `Second FIN on stream ${streamId}`);
        break;
      }
      case FRAME.RESET: {
        const stream = this.#streams.get(streamId) ?? this.#absent(streamId);
        stream?.receiveReset(resetCodeOf(bytes[from]!), readText(bytes, from + 1, to));
        break;
      }
      case FRAME.PING:
        this.output.pong(bytes, from);
        this.sender.written();
        break;
      case FRAME.PONG:
        this.#onPong(readU32(bytes, from));
        break;
      case FRAME.CONTROL:
        this.owner.onControl(this, bytes.subarray(from, to));
        break;
      case FRAME.GOAWAY:
        this.#onGoAway(bytes, from, to);
        break;
      case FRAME.HELLO:
        this.#onHello(bytes.subarray(from, to));
        break;
      default:
        this.onMalformed("unknownType", `Frame of type ${type}`);
    }
  }

  onMalformed(kind: ProtocolErrorKind, detail: string): void {
    if (this.#closed) return;
    this.#context.errors[kind]++;
    this.fail(`Protocol error ${kind}: ${detail}`);
  }

  // As the carrier of its streams.

  nowMs(): number {
    return this.#context.clock.monotonicMs();
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream.id);
    if (this.#streams.size === 0) this.#closeWhenDone();
  }

  bulkChanged(delta: 1 | -1): void {
    this.bulkStreams += delta;
  }

  #addStream(id: number, open: StreamOpen, handler: StreamHandler): Stream {
    const stream = new Stream({
      id,
      open,
      handler,
      carrier: this,
      sendCredit: this.#peer?.windowBytes ?? 0,
      receiveWindow: this.#limits.initialWindowBytes,
    });
    this.#streams.set(id, stream);
    return stream;
  }

  /** The id is not in use: a stream that is over may still get frames that were on their way, another must not. */
  #absent(streamId: number): undefined {
    if (this.#peer === undefined) {
      this.onMalformed("noHello", `A frame for stream ${streamId} came before HELLO`);
    } else if (this.#isOwn(streamId) ? streamId >= this.#nextId : streamId > this.#lastPeerId) {
      this.onMalformed("badStream", `Stream ${streamId} was never opened`);
    }
    return undefined;
  }

  #isOwn(streamId: number): boolean {
    return ((streamId & 1) === 1) === this.dialler;
  }

  #onHello(payload: Uint8Array): void {
    if (this.#peer !== undefined) return this.onMalformed("secondHello", "A second HELLO");
    const hello = parseHello(payload);
    if (hello === undefined) return this.onMalformed("badPayload", "HELLO cannot be read");
    if (negotiateVersion(hello.versions) === undefined) {
      return this.onMalformed("version", `The peer speaks versions ${hello.versions.join(", ")}, we speak 1`);
    }
    this.#cancelHandshake();
    this.#peer = hello;
    const refusal = this.owner.onHello(this, hello);
    if (refusal !== undefined) this.fail(refusal);
  }

  #onOpen(streamId: number, bytes: Uint8Array, from: number, to: number): void {
    if (this.#isOwn(streamId) || streamId <= this.#lastPeerId) {
      return this.onMalformed("badStream", `OPEN with stream id ${streamId} after ${this.#lastPeerId}`);
    }
    const open = decodeOpen(bytes, from, to);
    if (open === undefined)
      return this.onMalformed("badPayload", `OPEN of stream ${streamId} cannot be read`);
    this.#lastPeerId = streamId;
    if (this.#goAwaySent || this.#streams.size >= this.#limits.maxStreamsPerLane) {
      this.output.reset(streamId, "REFUSED", this.#goAwaySent ? "The link drains" : "Too many streams");
      this.sender.written();
      return;
    }
    const stream = this.#addStream(streamId, open, NO_HANDLER);
    this.owner.onStream(stream);
    if (stream.handler === NO_HANDLER) stream.reset("REFUSED", "Nobody took the stream");
  }

  #onWindow(streamId: number, credit: number): void {
    const stream = this.#streams.get(streamId) ?? this.#absent(streamId);
    if (stream?.receiveCredit(credit) === false) {
      this.onMalformed("badPayload", `WINDOW of stream ${streamId} is too large`);
    }
  }

  #onPong(token: number): void {
    if (!this.rtt.answered(token, this.nowMs())) return;
    if (this.rtt.settled) this.owner.onRtt(this);
    else this.#ping();
  }

  #onGoAway(bytes: Uint8Array, from: number, to: number): void {
    const kind = bytes[from]!;
    const reason = readText(bytes, from + 1, to);
    if (kind === GOAWAY.CLOSE) return this.#close(reason);
    const drains = kind === GOAWAY.LANE || kind === GOAWAY.LINK;
    if (drains) this.#goAwayReceived = true;
    this.owner.onGoAway(this, kind, reason);
    // The answer says that no OPEN of ours follows: the peer may close when all streams are over.
    if (drains && !this.#goAwaySent) this.goAway(kind, "");
    this.#closeWhenDone();
  }

  #ping(): void {
    this.output.ping(this.rtt.sent(this.nowMs()));
    this.sender.written();
  }

  #tick(): void {
    if (this.output.framesOut === this.#framesOutAtTick) this.output.trim();
    this.#framesOutAtTick = this.output.framesOut;
  }

  #shed(stream: Stream, heldBytes: number): void {
    const reason = `Out of memory for streams: this one held ${heldBytes} bytes`;
    this.output.reset(stream.id, "OVERLOAD", reason);
    this.sender.written();
    stream.receiveReset("OVERLOAD", reason);
  }

  #broken(unreadBytes: number): void {
    if (unreadBytes > 0) this.onMalformed("notReading", `The peer left ${unreadBytes} bytes unread`);
    else this.#close("The connection is closed");
  }

  #closeWhenDone(): void {
    if (!this.#goAwaySent || !this.#goAwayReceived || this.#streams.size > 0 || this.#closed) return;
    this.sender.flush();
    if (this.output.size === 0) this.#close("Drained");
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#decoder.stop();
    this.#liveness.stop();
    this.#cancelHandshake();
    this.sender.stop();
    const streams = [...this.#streams.values()];
    for (const stream of streams) stream.receiveReset("LINK_LOST", reason);
    this.memory.leave();
    this.owner.onClosed(this, reason);
  }
}
