import { IsthmusError } from "#core/errors.ts";
import { GOAWAY } from "./constants.ts";
import { CONTROL_KIND, ControlChannel } from "./control.ts";
import { readU32 } from "./frame.ts";
import type { Lane } from "./lane.ts";
import type { LaneContext, LaneOwner } from "./lane-context.ts";
import { problemOfOpen } from "./open-codec.ts";
import { RefusedStream } from "./refused-stream.ts";
import type { Stream } from "./stream.ts";
import type {
  Link,
  LinkHandler,
  LinkRemote,
  LinkStats,
  LinkStream,
  StreamHandler,
  StreamOpen,
} from "./types.ts";

export interface SessionOptions {
  readonly name: string;
  readonly direction: "dialled" | "accepted";
  readonly remote: LinkRemote;
  readonly cost: number;
  readonly handler: LinkHandler;
  readonly context: LaneContext;
  /** A lane must be replaced: its certificate or its ids run out. Only for the dialler. */
  readonly onReplace?: (lane: Lane) => void;
  readonly onLaneClosed?: (lane: Lane, reason: string) => void;
  /** The link takes no more streams; `leaving` when this router said so by `goAway`. */
  readonly onDown: (reason: string, leaving: boolean) => void;
  /** Nothing of the link is left. */
  readonly onEnd?: () => void;
}

/**
 * A link: one or more lanes to one router, from the first lane's HELLO until the last lane is gone.
 *
 *   up --GOAWAY LINK sent or received--> down, streams finish --last lane closed--> ended
 *    +---------------- last lane lost, close() ----------------------------------->
 */
export class LinkSession implements Link, LaneOwner {
  readonly name: string;
  readonly direction: "dialled" | "accepted";
  readonly remote: LinkRemote;
  readonly #options: SessionOptions;
  readonly #context: LaneContext;
  readonly #lanes: Lane[] = [];
  readonly #control: ControlChannel;
  #cost: number;
  #down = false;
  #opened = 0;
  #accepted = 0;
  /** Of lanes that are gone. */
  #pastBytesIn = 0;
  #pastBytesOut = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#context = options.context;
    this.name = options.name;
    this.direction = options.direction;
    this.remote = options.remote;
    this.#cost = options.cost;
    const { maxControlBytes, maxControlQueueBytes } = options.context.limits;
    this.#control = new ControlChannel({
      maxMessageBytes: maxControlBytes,
      maxQueueBytes: maxControlQueueBytes,
      lane: () => this.#lanes.find((lane) => !lane.closed),
      soon: options.context.soon,
      deliver: (kind, message) => this.#deliver(kind, message),
      overflow: () => this.#context.soon(() => this.close("The peer takes no control messages")),
    });
  }

  get cost(): number {
    return this.#cost;
  }

  get rttMs(): number {
    let least = 0;
    for (const { rtt } of this.#lanes) {
      if (rtt.smoothedMs > 0 && (least === 0 || rtt.smoothedMs < least)) least = rtt.smoothedMs;
    }
    return least;
  }

  get lanes(): number {
    return this.#lanes.reduce((count, lane) => count + (lane.usable ? 1 : 0), 0);
  }

  /** It takes no more streams. */
  get down(): boolean {
    return this.#down;
  }

  get allLanes(): readonly Lane[] {
    return this.#lanes;
  }

  open(open: StreamOpen, handler: StreamHandler): LinkStream {
    const problem = problemOfOpen(open);
    const lane = problem === undefined && !this.#down ? this.#pick() : undefined;
    if (lane !== undefined) {
      this.#opened++;
      return lane.openStream(open, handler);
    }
    const reason = problem ?? (this.#down ? "The link is down" : "No lane has room for another stream");
    return new RefusedStream(open, { handler, reason, soon: this.#context.soon });
  }

  sendControl(payload: Uint8Array): void {
    const { maxControlBytes } = this.#context.limits;
    if (payload.length > maxControlBytes) {
      throw new IsthmusError(
        "INVALID",
        `Cannot send a control message of ${payload.length} bytes: expected at most ${maxControlBytes}`,
      );
    }
    if (this.#lanes.length > 0) this.#control.send(CONTROL_KIND.USER, payload.slice());
  }

  /** Sets the cost at both ends. */
  setCost(cost: number): void {
    if (cost === this.#cost) return;
    this.#cost = cost;
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, cost, true);
    if (this.#lanes.length > 0) this.#control.send(CONTROL_KIND.COST, bytes);
  }

  goAway(): void {
    for (const lane of this.#lanes.slice()) lane.goAway(GOAWAY.LINK, "The router drains");
    this.#goDown("This router drains the link", true);
  }

  close(reason: string): void {
    for (const lane of this.#lanes.slice()) lane.fail(reason);
    this.#goDown(reason);
  }

  stats(): LinkStats {
    const lanes = this.#lanes.map((lane) => lane.stats());
    return {
      lanes,
      streams: lanes.reduce((sum, lane) => sum + lane.streams, 0),
      bufferedBytes:
        this.#lanes.reduce((sum, lane) => sum + lane.bufferedBytes, 0) + this.#control.queuedBytes,
      streamsOpened: this.#opened,
      streamsAccepted: this.#accepted,
      bytesIn: lanes.reduce((sum, lane) => sum + lane.bytesIn, this.#pastBytesIn),
      bytesOut: lanes.reduce((sum, lane) => sum + lane.bytesOut, this.#pastBytesOut),
    };
  }

  /** Adds a lane whose peer is this link's. The first one brings the link up. */
  join(lane: Lane): void {
    lane.owner = this;
    this.#lanes.push(lane);
    if (this.#lanes.length === 1) this.#options.handler.onUp(this);
    this.#control.pump();
  }

  /** Has `lane` replaced by a new one, without a moment in which the link has none. */
  replace(lane: Lane, reason: string): void {
    if (this.direction === "accepted") lane.goAway(GOAWAY.REPLACE, reason);
    else this.#options.onReplace?.(lane);
  }

  // As the owner of its lanes.

  onHello(): undefined {
    return undefined;
  }

  onStream(stream: Stream): void {
    this.#accepted++;
    this.#options.handler.onStream(stream, this);
  }

  onControl(lane: Lane, payload: Uint8Array): void {
    const problem = this.#control.receive(lane, payload);
    if (problem !== undefined) lane.onMalformed("badPayload", problem);
  }

  onGoAway(lane: Lane, kind: number, reason: string): void {
    if (kind === GOAWAY.LINK) this.#goDown(reason === "" ? "The peer drains the link" : reason);
    else if (kind === GOAWAY.REPLACE) this.#options.onReplace?.(lane);
  }

  onRtt(): void {
    this.#options.handler.onRtt?.(this);
  }

  onRoom(): void {
    this.#control.pump();
  }

  onExhausted(lane: Lane): void {
    this.replace(lane, "The lane has no stream ids left");
  }

  onClosed(lane: Lane, reason: string): void {
    const at = this.#lanes.indexOf(lane);
    if (at < 0) return;
    this.#lanes.splice(at, 1);
    const { bytesIn, bytesOut } = lane.stats();
    this.#pastBytesIn += bytesIn;
    this.#pastBytesOut += bytesOut;
    if (this.#lanes.length > 0) this.#control.pump();
    else this.#goDown(reason);
    this.#options.onLaneClosed?.(lane, reason);
    if (this.#lanes.length === 0) this.#options.onEnd?.();
  }

  /**
   * The lane with the least waiting; among those alike, the one with the fewest streams of bulk, so that small requests keep
   * away from it. Else the first: frames of many streams in one write are cheaper than the same in two.
   */
  #pick(): Lane | undefined {
    let best: Lane | undefined;
    let bestLoad = 0;
    for (const lane of this.#lanes) {
      if (!lane.usable || lane.full) continue;
      const load = Math.floor(lane.queuedBytes / QUEUE_STEP_BYTES) * 65_536 + lane.bulkStreams;
      if (best !== undefined && load >= bestLoad) continue;
      best = lane;
      bestLoad = load;
    }
    return best;
  }

  #deliver(kind: number, message: Uint8Array): void {
    if (kind === CONTROL_KIND.USER) this.#options.handler.onControl(this, message);
    if (kind !== CONTROL_KIND.COST || message.length !== 4 || this.direction === "dialled") return;
    this.#cost = Math.max(1, readU32(message, 0));
    this.#options.handler.onCost?.(this);
  }

  #goDown(reason: string, leaving = false): void {
    if (this.#down) return;
    this.#down = true;
    this.#options.onDown(reason, leaving);
    this.#options.handler.onDown(this, reason);
  }
}

/** Differences in what waits that are smaller than this do not matter. */
const QUEUE_STEP_BYTES = 65_536;
