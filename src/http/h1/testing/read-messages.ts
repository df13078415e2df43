import { ChunkedReader } from "../chunked.ts";
import { FRAMING, type Framing } from "../framing.ts";
import { METHOD } from "../method.ts";
import { RequestHead } from "../request-head.ts";
import { ResponseHead } from "../response-head.ts";
import { latin1Text } from "./heads.ts";

/** A message as this codec reads it. */
export interface Message<Facts> {
  readonly facts: Facts;
  readonly framing: Framing;
  readonly body: string;
  readonly trailers: string | undefined;
  /** The body ended; one that ends with the connection does not. */
  readonly complete: boolean;
}

export interface Stream<Facts> {
  readonly messages: readonly Message<Facts>[];
  /** Why reading stopped before the end of the input. */
  readonly code: string | undefined;
  /** Where the first message begins that was not read whole. */
  readonly end: number;
}

/** Reads requests one behind the other, as a connection does. `facts` is called while the head is valid. */
export function readRequests<Facts>(bytes: Uint8Array, facts: (head: RequestHead) => Facts): Stream<Facts> {
  const head = new RequestHead();
  return readMessages(bytes, {
    parse: (at) => head.parse(bytes, at, bytes.length),
    code: () => head.problem?.code,
    facts: () => facts(head),
    framing: () => head.framing,
    length: () => head.contentLength,
  });
}

/** Reads responses to GET requests. */
export function readResponses<Facts>(bytes: Uint8Array, facts: (head: ResponseHead) => Facts): Stream<Facts> {
  const head = new ResponseHead();
  return readMessages(bytes, {
    parse: (at) => head.parse(bytes, at, bytes.length),
    code: () => head.problem?.code,
    facts: () => facts(head),
    framing: () => head.framingFor(METHOD.GET),
    length: () => head.contentLength,
  });
}

interface Reader<Facts> {
  parse(at: number): number;
  code(): string | undefined;
  facts(): Facts;
  framing(): Framing;
  length(): number;
}

function readMessages<Facts>(bytes: Uint8Array, reader: Reader<Facts>): Stream<Facts> {
  const messages: Message<Facts>[] = [];
  let at = 0;
  while (at < bytes.length) {
    const bodyFrom = reader.parse(at);
    if (bodyFrom <= 0) return { messages, code: reader.code(), end: at };
    const framing = reader.framing();
    const body = readBody(bytes, bodyFrom, { framing, length: reader.length() });
    const { code, end } = body;
    const complete = end !== undefined;
    messages.push({ facts: reader.facts(), framing, body: body.text, trailers: body.trailers, complete });
    if (end === undefined) return { messages, code, end: at };
    at = end;
  }
  return { messages, code: undefined, end: at };
}

interface Body {
  readonly text: string;
  readonly trailers?: string | undefined;
  readonly end?: number | undefined;
  readonly code?: string | undefined;
}

function readBody(bytes: Uint8Array, from: number, how: { framing: Framing; length: number }): Body {
  switch (how.framing) {
    case FRAMING.NONE:
      return { text: "", end: from };
    case FRAMING.CLOSE:
      return { text: latin1Text(bytes.subarray(from)) };
    case FRAMING.LENGTH: {
      const end = from + how.length;
      return { text: latin1Text(bytes.subarray(from, end)), end: end <= bytes.length ? end : undefined };
    }
    default:
      return readChunked(bytes, from);
  }
}

function readChunked(bytes: Uint8Array, from: number): Body {
  const reader = new ChunkedReader();
  let text = "";
  const end = reader.read(bytes, from, bytes.length, {
    onBody(data, begin, to) {
      text += latin1Text(data.subarray(begin, to));
    },
  });
  return {
    text,
    trailers: reader.trailers === undefined ? undefined : latin1Text(reader.trailers),
    end: reader.done ? end : undefined,
    code: reader.problem?.code,
  };
}
