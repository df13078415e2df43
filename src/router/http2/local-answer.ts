import { field, type Field } from "#http/hpack/field.ts";
import { grpcStatusFor } from "./grpc.ts";

/** Why a request is answered here and not by a pod; the value of `x-isthmus-reason`. */
export type LocalReason = "no-route" | "no-endpoints" | "connect-failed" | "overloaded" | "reset" | "timeout";

interface Answer {
  readonly status: number;
  readonly text: string;
}

const ANSWERS: Readonly<Record<LocalReason, Answer>> = {
  "no-route": { status: 404, text: "No service answers at this path" },
  "no-endpoints": { status: 503, text: "The service has no endpoint that is ready and reachable" },
  "connect-failed": { status: 503, text: "No endpoint of the service could be reached" },
  overloaded: { status: 503, text: "No endpoint of the service takes more requests" },
  reset: { status: 502, text: "The endpoint broke off before it answered" },
  timeout: { status: 504, text: "The service did not answer in time" },
};

/** An answer that the router gives: a head and a text, or for gRPC only a head that is the trailers as well. */
export interface LocalAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Uint8Array | undefined;
}

/** gRPC hears of it as a `grpc-status`; everyone else as an HTTP status and a line of text. */
export function localAnswer(reason: LocalReason, grpc: boolean): LocalAnswer {
  const known = (grpc ? GRPC : HTTP).get(reason);
  if (known === undefined) throw new Error(`No answer for ${reason}`);
  return known;
}

function httpAnswer(reason: LocalReason): LocalAnswer {
  const { status, text } = ANSWERS[reason];
  const body = Buffer.from(`${text}\n`);
  return {
    status,
    body,
    fields: [
      field(":status", String(status)),
      field("content-type", "text/plain; charset=utf-8"),
      field("content-length", String(body.length)),
      field("x-isthmus-reason", reason),
    ],
  };
}

function grpcAnswer(reason: LocalReason): LocalAnswer {
  const { status, text } = ANSWERS[reason];
  return {
    status,
    body: undefined,
    fields: [
      field(":status", "200"),
      field("content-type", "application/grpc"),
      field("grpc-status", String(grpcStatusFor(status))),
      // Plain ASCII without "%": needs none of gRPC's percent encoding.
      field("grpc-message", text),
      field("x-isthmus-reason", reason),
    ],
  };
}

const REASONS = Object.keys(ANSWERS) as LocalReason[];
const HTTP = new Map(REASONS.map((reason) => [reason, httpAnswer(reason)]));
const GRPC = new Map(REASONS.map((reason) => [reason, grpcAnswer(reason)]));
