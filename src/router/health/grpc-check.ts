import { H2Counters } from "#http/h2/counters.ts";
import { Session } from "#http/h2/session.ts";
import type { H2Handler } from "#http/h2/types.ts";
import { field, type KnownField } from "#http/hpack/field.ts";
import { authorityOf, type Check, type CheckOptions } from "./check.ts";

const METHOD = field(":method", "POST");
const SCHEME = field(":scheme", "http");
const PATH = field(":path", "/grpc.health.v1.Health/Check");
const TYPE = field("content-type", "application/grpc");
const TE = field("te", "trailers");
const AGENT = field("user-agent", "isthmus-health");

/** Compressed flag and length before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;
/** HealthCheckResponse.ServingStatus. */
const SERVING = 1;
const STATUS_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
/** An answer is a few octets. */
const MAX_ANSWER_BYTES = 1024;

/** grpc.health.v1.Health/Check over cleartext HTTP/2: healthy when the status is SERVING. An empty name asks about the whole server. */
export class GrpcCheck implements Check, H2Handler {
  readonly #options: CheckOptions;
  readonly #session: Session;
  #answer = new Uint8Array(0);
  #status: string | undefined;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#session = new Session({
      role: "client",
      clock: options.clock,
      counters: new H2Counters(),
      // Nothing of it is used again, so the memory may be kept.
      send: (bytes) => options.send(bytes),
      events: {
        onGoAway: () => undefined,
        onClosed: (reason) => options.verdict(`HTTP/2 ended: ${reason}`),
      },
    });
  }

  begin(): void {
    const { target } = this.#options;
    this.#session.start();
    const authority = field(":authority", authorityOf(target));
    const stream = this.#session.request([METHOD, SCHEME, authority, PATH, TYPE, TE, AGENT], false, this);
    if (stream === undefined) this.#options.verdict("HTTP/2 takes no request");
    else stream.data(questionFor(target.path ?? ""), true);
  }

  receive(chunk: Uint8Array): void {
    this.#session.receive(chunk);
  }

  end(): void {
    // The connection says what it means.
  }

  onHeaders(fields: readonly KnownField[], endStream: boolean): void {
    const status = fields.find(({ name }) => name === ":status")?.value;
    if (status !== undefined && status !== "200") {
      this.#options.verdict(`answered ${status}`);
      return;
    }
    this.#status = fields.find(({ name }) => name === "grpc-status")?.value ?? this.#status;
    if (endStream) this.#judge();
  }

  onData(chunk: Uint8Array, endStream: boolean): void {
    if (this.#answer.length + chunk.length > MAX_ANSWER_BYTES) {
      this.#options.verdict("the answer is too long");
      return;
    }
    const answer = new Uint8Array(this.#answer.length + chunk.length);
    answer.set(this.#answer);
    answer.set(chunk, this.#answer.length);
    this.#answer = answer;
    if (endStream) this.#judge();
  }

  onReset(_code: number, reason: string): void {
    this.#options.verdict(`the request was reset: ${reason}`);
  }

  onWritable(): void {
    // The question is sent as one.
  }

  #judge(): void {
    const { verdict } = this.#options;
    if (this.#status !== "0") {
      verdict(this.#status === undefined ? "no grpc-status" : `grpc-status ${this.#status}`);
      return;
    }
    const serving = servingStatusOf(this.#answer);
    if (serving === undefined) verdict("the answer is no HealthCheckResponse");
    else verdict(serving === SERVING ? undefined : `says ${STATUS_NAMES[serving] ?? serving}`);
  }
}

/** HealthCheckRequest { string service = 1; } with its prefix. */
function questionFor(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const message = name.length === 0 ? [] : [0x0a, ...varint(name.length), ...name];
  const { length } = message;
  return Uint8Array.of(
    0,
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
    ...message,
  );
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/** HealthCheckResponse { ServingStatus status = 1; }: 0 when the field is absent; undefined for what is none. */
function servingStatusOf(answer: Uint8Array): number | undefined {
  if (answer.length < PREFIX_BYTES || answer[0] !== 0) return undefined;
  const length = new DataView(answer.buffer, answer.byteOffset).getUint32(1);
  if (answer.length !== PREFIX_BYTES + length) return undefined;
  if (length === 0) return 0;
  return length === 2 && answer[PREFIX_BYTES] === 0x08 ? answer[PREFIX_BYTES + 1] : undefined;
}
