import type { H2Handler, H2Stream } from "#http/h2/types.ts";
import { H2_ERROR } from "#http/h2/constants.ts";
import type { KnownField } from "#http/hpack/field.ts";
import type { Endpoint } from "../endpoint.ts";
import type { EndpointConnections } from "./endpoint-connections.ts";
import type { Exchange } from "./exchange.ts";
import type { Http2Upstream } from "./upstream.ts";

/**
 * One try of a request at one endpoint: the pod's side of an exchange. Counts the endpoint's work in flight from the
 * moment it was chosen until the pod and the client are done with each other.
 *
 *     waiting for a connection --send--> sent --both sides ended, reset, or given up--> over
 *          \-- unreached, given up ----------------------------------------------------^
 */
export class Attempt implements H2Handler {
  readonly endpoint: Endpoint;
  readonly startedMs: number;
  /** Undefined until there is a connection. */
  stream: H2Stream | undefined;
  /** The pod's stream takes no more at the moment: the client's body waits. */
  blocked = false;
  readonly #exchange: Exchange;
  readonly #connections: EndpointConnections;
  #upstream: Http2Upstream | undefined;
  /** The connection was refused on its way: it never was one. */
  dialFailed = false;
  /** Bytes of the answer that the client's stream has taken but not sent. */
  #owed = 0;
  #over = false;

  constructor(
    exchange: Exchange,
    from: {
      readonly endpoint: Endpoint;
      readonly connections: EndpointConnections;
      readonly startedMs: number;
    },
  ) {
    this.#exchange = exchange;
    this.endpoint = from.endpoint;
    this.startedMs = from.startedMs;
    this.#connections = from.connections;
    from.endpoint.inFlight++;
  }

  /** False when the connection takes no more requests now. */
  send(upstream: Http2Upstream): boolean {
    const exchange = this.#exchange;
    const stream = upstream.request(exchange.fields, exchange.headOnly, this);
    if (stream === undefined) return false;
    this.stream = stream;
    this.#upstream = upstream;
    exchange.sent(this, stream);
    return true;
  }

  /** No connection could be had. */
  unreached(reason: "connect-failed" | "overloaded"): void {
    if (this.#over) return;
    this.finish();
    this.#exchange.unreached(this, reason);
  }

  /** The pod hears that nobody wants the answer any more. */
  cancel(): void {
    if (this.#over) return;
    const { stream } = this;
    if (stream === undefined) this.#connections.cancel(this);
    else stream.reset(H2_ERROR.CANCEL);
    this.finish();
  }

  /** Nothing more comes or goes. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.endpoint.inFlight--;
    this.#upstream?.done();
  }

  onHeaders(fields: readonly KnownField[], endStream: boolean): void {
    this.#upstream?.answered();
    if (!this.#over) this.#exchange.answerHeaders(this, fields, endStream);
  }

  onData(chunk: Uint8Array, endStream: boolean): void {
    if (this.#over) return;
    const { length } = chunk;
    this.#upstream?.answered();
    if (this.#exchange.answerData(chunk, endStream)) this.stream?.consumed(length);
    else this.#owed += length;
  }

  /** The client's stream takes more. */
  resume(): void {
    const owed = this.#owed;
    if (owed === 0) return;
    this.#owed = 0;
    this.stream?.consumed(owed);
  }

  onReset(code: number): void {
    if (this.#over) return;
    this.dialFailed = this.#upstream?.untouched === true;
    const untouched = this.dialFailed || code === H2_ERROR.REFUSED_STREAM;
    this.finish();
    this.#exchange.attemptReset(this, { code, untouched });
  }

  onWritable(): void {
    this.blocked = false;
    if (!this.#over) this.#exchange.requestWritable();
  }
}
