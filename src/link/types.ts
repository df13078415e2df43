import type { ResetCode } from "./reset-code.ts";

/** What a router proves itself with, and whom it trusts. All PEM; a certificate may be followed by its intermediates. */
export interface LinkIdentity {
  readonly network: string;
  readonly siteId: string;
  /** For dialling: extended key usage clientAuth only. */
  readonly client: { readonly certificate: string; readonly key: string };
  /** For accepting: extended key usage serverAuth only, DNS name `link.isthmus.internal`. */
  readonly server: { readonly certificate: string; readonly key: string };
  /** The root authority of the network. */
  readonly trust: string;
}

/** What a router says of itself in HELLO. The site id is not among it: that comes from the certificate. */
export interface LinkSelf {
  readonly siteName: string;
  readonly routerId: string;
  readonly version: string;
}

export interface LinkRemote extends LinkSelf {
  readonly siteId: string;
}

/** What the opener of a stream says about it. */
export interface StreamOpen {
  /** `namespace/name` */
  readonly service: string;
  readonly port: number;
  /** The endpoint that was chosen, or "" for any. */
  readonly endpoint: string;
  readonly protocol: "tcp";
  /** Address of the client, for records. */
  readonly client: string;
  /** Ids of the sites that the stream passed so far, the opener's first; at most 8. */
  readonly hops: readonly string[];
  readonly trace: string;
}

/**
 * Where a stream reports. After `onReset` nothing more is called; nor after `onFin`, once `fin` was called and what was written
 * before has left the stream. Until then a reset may still come, and says that some of it did not arrive.
 * A handler may call any method of the stream.
 */
export interface StreamHandler {
  /**
   * Bytes, as a part of a larger socket read that lives as long as `chunk` is kept. Nobody writes to it again. Give its length
   * to `consumed` when the bytes have left.
   */
  onData(chunk: Uint8Array): void;
  /** The peer sends no more; all its bytes were given to `onData` before. */
  onFin(): void;
  /** The stream is over and bytes may be missing, in both directions. Not called for an own `reset`. */
  onReset(code: ResetCode, reason: string): void;
  /** `write` returned false before and would return true now. */
  onWritable(): void;
}

export interface LinkStream {
  handler: StreamHandler;
  readonly open: StreamOpen;
  /** Its lane or link is going away: what runs on the stream may end, a protocol begins nothing new on it. */
  readonly draining: boolean;
  /**
   * Sends `chunk`, which may be reused after the call. All of it is taken; false asks to stop reading the source until
   * `onWritable`. On a stream that is over it does nothing and returns false. Throws after `fin`.
   */
  write(chunk: Uint8Array): boolean;
  /**
   * Like `write`, but `chunk` must never change any more: what has to wait is kept and not copied. For what a Bun socket gave to
   * its data callback, or a stream to `onData`, since both are fresh memory.
   */
  give(chunk: Uint8Array): boolean;
  /** No more from this side; sent after all that was written. */
  fin(): void;
  /** Aborts both directions. What was not sent yet is dropped. */
  reset(code: ResetCode, reason?: string): void;
  /** Says that the sink took `bytes` of what `onData` gave, so that the peer may send as many more. */
  consumed(bytes: number): void;
}

/** A link that is up: between `onUp` and `onDown`. After a reconnect there is a new one. */
export interface Link {
  readonly name: string;
  readonly direction: "dialled" | "accepted";
  readonly remote: LinkRemote;
  /** The dialler sets it; both ends have the same. */
  readonly cost: number;
  /** Smoothed round trip time; 0 until the first was measured. */
  readonly rttMs: number;
  /** Lanes that take new streams. */
  readonly lanes: number;
  /** Never throws: where no lane can take the stream, the handler is told REFUSED soon after. */
  open(open: StreamOpen, handler: StreamHandler): LinkStream;
  /**
   * Sends a message that arrives once and in order as long as the link is up, over whichever lane lives. Throws INVALID
   * when it is too long.
   */
  sendControl(payload: Uint8Array): void;
  /** Opens nothing more; the link closes when its streams are done. `onDown` is called now. */
  goAway(): void;
  /** Cuts the link: all its streams are reset at both ends. */
  close(reason: string): void;
  stats(): LinkStats;
}

export interface LinkHandler {
  onUp(link: Link): void;
  /** The link takes no more streams. Those it has run on after a GOAWAY, else they were reset already. */
  onDown(link: Link, reason: string): void;
  /** The peer opened a stream: set its handler now, or it is refused. */
  onStream(stream: LinkStream, link: Link): void;
  /** `payload` may be kept. */
  onControl(link: Link, payload: Uint8Array): void;
  onRtt?(link: Link): void;
  /** The dialler at the other end changed the cost. */
  onCost?(link: Link): void;
}

export interface LaneStats {
  readonly streams: number;
  readonly rttMs: number;
  /** In this process, not yet taken by the socket. */
  readonly queuedBytes: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly socketWrites: number;
  readonly draining: boolean;
}

export interface LinkStats {
  readonly lanes: readonly LaneStats[];
  readonly streams: number;
  /** Held for this link: output of lanes, what waits for credit, and what was received and not consumed. */
  readonly bufferedBytes: number;
  readonly streamsOpened: number;
  readonly streamsAccepted: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** How often each kind of bad input closed a lane. */
export type ProtocolErrorKind =
  | "unknownType"
  | "oversize"
  | "badLength"
  | "badStream"
  | "badPayload"
  | "overCredit"
  | "noHello"
  | "secondHello"
  | "version"
  | "notReading";

export class ProtocolErrorCounts implements Record<ProtocolErrorKind, number> {
  unknownType = 0;
  oversize = 0;
  badLength = 0;
  badStream = 0;
  badPayload = 0;
  overCredit = 0;
  noHello = 0;
  secondHello = 0;
  version = 0;
  notReading = 0;
}
