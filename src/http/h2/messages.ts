import { type Field, field } from "#http/hpack/field.ts";
import { FLAG, H2_ERROR } from "./constants.ts";
import { describeFrame, type FrameHeader } from "./frame.ts";
import type { HeaderList } from "./header-blocks.ts";
import type { H2Limits } from "./limits.ts";
import { MessageFacts, requestProblem, responseProblem, trailerProblem } from "./message.ts";
import type { Police } from "./police.ts";
import type { ReceiveWindow } from "./receive-window.ts";
import type { Sender } from "./sender.ts";
import type { StreamTable } from "./stream-table.ts";
import { NO_HANDLER, type Stream } from "./stream.ts";
import type { SessionEvents } from "./types.ts";

export interface MessagesOptions {
  readonly limits: H2Limits;
  readonly police: Police;
  readonly streams: StreamTable;
  readonly sender: Sender;
  /** What the peer may send on all streams together. */
  readonly window: ReceiveWindow;
  readonly events: SessionEvents;
  /** Makes a stream for a request. */
  readonly open: (id: number) => Stream;
  /** So many bytes need no place in the connection's window any more. */
  readonly credit: (bytes: number) => void;
}

/** Takes header lists and data to their streams, and judges them by RFC 9113 sections 5.1 and 8. */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #facts = new MessageFacts();
  /** The stream whose DATA frame is being read; none when its data is dropped. */
  #dataStream: Stream | undefined;
  /** What is missing of that frame's payload. */
  #dataBytes = 0;

  constructor(options: MessagesOptions) {
    this.#options = options;
  }

  headers(list: HeaderList): void {
    const { streams } = this.#options;
    const stream = streams.get(list.streamId);
    if (stream !== undefined) this.#more(stream, list);
    else if (streams.opens(list.streamId)) this.#request(list);
    else this.#withoutStream(list.streamId, "HEADERS");
  }

  /** A DATA frame begins. False: its payload is not wanted. */
  beginData(frame: FrameHeader): boolean {
    const { police, streams, window, credit } = this.#options;
    const { streamId, length, flags } = frame;
    if (!window.take(length)) {
      return police.fail(H2_ERROR.FLOW_CONTROL_ERROR, "Data past the window of the connection");
    }
    if (length === 0 && (flags & FLAG.END_STREAM) === 0 && !police.spend("emptyDataFlood")) return false;
    const stream = streams.get(streamId);
    this.#dataStream = stream;
    this.#dataBytes = length;
    const refused = stream !== undefined && this.#refusesData(stream, length);
    if (stream !== undefined && !refused) return true;
    if (stream === undefined && !this.#withoutStream(streamId, describeFrame(frame))) return false;
    credit(length);
    return false;
  }

  dataPiece(frame: FrameHeader, piece: Uint8Array, last: boolean): void {
    const { police, credit } = this.#options;
    const { length } = piece;
    const endStream = last && (frame.flags & FLAG.END_STREAM) !== 0;
    const missing = this.#dataBytes;
    this.#dataBytes -= length;
    if (length > 0) police.guard.dataReceived();
    // Nothing but padding.
    else if (missing === frame.length && missing > 0 && !endStream && !police.spend("emptyDataFlood")) return;
    const stream = this.#dataStream;
    if (stream === undefined || stream.over) {
      // It was reset within the frame.
      credit(last ? missing : length);
      return;
    }
    if (last && missing > length) stream.receivePadding(missing - length);
    if (length === 0 && !endStream) return;
    if (!stream.receiveData(piece, endStream))
      this.#malformed(stream, "Data that content-length does not allow");
  }

  #refusesData(stream: Stream, length: number): boolean {
    const { police } = this.#options;
    if (stream.remoteEnded) {
      police.refuse(stream, H2_ERROR.STREAM_CLOSED, {
        counter: "malformed",
        reason: "Data after END_STREAM",
      });
    } else if (!stream.headersDone) {
      this.#malformed(stream, "Data before a response");
    } else if (!stream.receiveFrame(length)) {
      const reason = "Data past the window of the stream";
      police.refuse(stream, H2_ERROR.FLOW_CONTROL_ERROR, { counter: "streamFlowControl", reason });
    }
    return stream.over;
  }

  /** DATA or HEADERS for a stream that is not open. False when the connection ended by it. */
  #withoutStream(id: number, what: string): boolean {
    const { police, streams } = this.#options;
    if (streams.isIdle(id)) {
      return police.fail(H2_ERROR.PROTOCOL_ERROR, `${what} for stream ${id}, which is not open`);
    }
    if (streams.letsLateFramesPass) return true;
    if (!police.spend("closedStreamFlood")) return false;
    return (
      streams.wasReset(id) ||
      police.fail(H2_ERROR.STREAM_CLOSED, `${what} for stream ${id}, which came to its end`)
    );
  }

  #request({ streamId: id, endStream, fields, tooLarge }: HeaderList): void {
    const { limits, police, streams, events } = this.#options;
    streams.lastPeerId = id;
    if (id > streams.lastTaken) {
      streams.rememberReset(id);
      return;
    }
    if (streams.size >= limits.maxStreams) {
      police.count("refusedStreams");
      this.#resetUnopened(id, H2_ERROR.REFUSED_STREAM);
      police.spend("refusedStreamFlood");
      return;
    }
    const problem = tooLarge ? undefined : requestProblem(fields, this.#facts);
    const { contentLength, connect } = this.#facts;
    if (problem !== undefined || (!tooLarge && endStream && contentLength > 0)) {
      police.count("malformed");
      this.#resetUnopened(id, H2_ERROR.PROTOCOL_ERROR);
      police.spend("provokedReset");
      return;
    }
    const stream = this.#options.open(id);
    stream.expect(contentLength);
    if (endStream) stream.receiveEnd();
    if (tooLarge || connect) {
      if (tooLarge) police.count("headerListTooLarge");
      stream.headers(tooLarge ? TOO_LARGE : NOT_IMPLEMENTED, true);
      stream.reset(H2_ERROR.NO_ERROR);
      police.spend("provokedReset");
      return;
    }
    events.onStream?.(stream, fields, endStream);
    if (stream.handler === NO_HANDLER) stream.reset(H2_ERROR.REFUSED_STREAM);
  }

  /** A response, an informational response or trailers. */
  #more(stream: Stream, { endStream, fields, tooLarge }: HeaderList): void {
    const { police } = this.#options;
    if (stream.remoteEnded) {
      const reason = "HEADERS after END_STREAM";
      police.refuse(stream, H2_ERROR.STREAM_CLOSED, { counter: "malformed", reason });
      return;
    }
    if (tooLarge) {
      const reason = "A header list that is too large";
      police.refuse(stream, H2_ERROR.ENHANCE_YOUR_CALM, { counter: "headerListTooLarge", reason });
      return;
    }
    const problem = stream.headersDone
      ? (trailerProblem(fields) ?? (endStream ? undefined : "Trailers without END_STREAM"))
      : this.#response(stream, fields, endStream);
    if (problem !== undefined) this.#malformed(stream, problem);
    else if (endStream && !stream.complete) this.#malformed(stream, "Less data than content-length says");
    else stream.receiveHeaders(fields, endStream);
  }

  #response(stream: Stream, fields: HeaderList["fields"], endStream: boolean): string | undefined {
    const problem = responseProblem(fields, this.#facts);
    if (problem !== undefined) return problem;
    const { status, contentLength } = this.#facts;
    if (status < 200) return endStream ? "An informational response with END_STREAM" : undefined;
    stream.headersDone = true;
    if (!stream.head && status !== 304) stream.expect(contentLength);
    return undefined;
  }

  #malformed(stream: Stream, reason: string): void {
    this.#options.police.refuse(stream, H2_ERROR.PROTOCOL_ERROR, { counter: "malformed", reason });
  }

  #resetUnopened(id: number, code: number): void {
    const { police, streams, sender } = this.#options;
    police.guard.streamReset();
    streams.rememberReset(id);
    sender.output.reset(id, code);
    sender.written();
  }
}

const TOO_LARGE: readonly Field[] = [field(":status", "431"), field("content-length", "0")];
const NOT_IMPLEMENTED: readonly Field[] = [field(":status", "501"), field("content-length", "0")];
