import type { ByteWriter } from "#http/byte-writer.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Flow } from "../flow/flow.ts";
import type { HttpClientFacts, HttpContext } from "../http/context.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import type { StreamEnd } from "../flow/stream-end.ts";
import type { LocalAnswer } from "./local-answer.ts";
import type { Upstreams } from "./upstreams.ts";

/** The client's side of an exchange. */
export interface ExchangeClient {
  readonly client: SocketEnd;
  readonly facts: HttpClientFacts;
  readonly flow: Flow;
  /** Bytes that came from pods. */
  received: number;
  /** False: the connection closes after this answer. */
  readonly staysOpen: boolean;
  /** The request's body may be accepted again. */
  bodyMoved(): void;
  /** The client was sent 1xx. */
  interim(): void;
  /** The answer went to the client whole. `close`: it was told that the connection closes. */
  answered(close: boolean): void;
  /** There is no answer but this. */
  answerLocally(answer: LocalAnswer): void;
  /** The answer was cut short after a part of it was sent. */
  cut(): void;
  /** The client's connection is a WebSocket to `end` now; returns how much of `rest` it took. */
  tunnel(to: {
    readonly end: SocketEnd | StreamEnd;
    readonly endpoint: Endpoint;
    readonly rest: Uint8Array;
  }): number;
}

/** What exchanges share. */
export interface ExchangeTools {
  /** Coarse time. */
  readonly nowMs: number;
  readonly context: HttpContext;
  readonly upstreams: Upstreams;
  readonly requestOut: ByteWriter;
  readonly answerOut: ByteWriter;
}

/** `RequestEdit` that is filled in for each request. */
export interface MutableRequestEdit {
  clientAddress: string;
  scheme: "http" | "https";
  stripBytes: number;
  via: string | undefined;
  upgrade: boolean;
  expect: boolean;
}
