import type { H1Problem } from "#http/h1/problem.ts";
import type { Outlet } from "./outlet.ts";

/** An answer that the router gives itself. */
export interface LocalAnswer {
  readonly status: number;
  /** Value of `x-isthmus-reason`. */
  readonly reason: string;
  /** One line for people, the body. */
  readonly text: string;
}

/** Why the last attempt at an answer failed; "none": there was nobody to try. */
export type Failure = "none" | "connect-failed" | "reset" | "silent";

/** What a client is told when nothing is left to try. `to` is the service and its port. */
export function answerWithout(failure: Failure, to: string): LocalAnswer {
  switch (failure) {
    case "none":
      return { status: 503, reason: "no-endpoints", text: `No endpoint of ${to} is available` };
    case "connect-failed":
      return { status: 503, reason: failure, text: `No endpoint of ${to} could be reached` };
    case "reset":
      return { status: 502, reason: failure, text: `The connection to ${to} broke before it answered` };
    case "silent":
      return { status: 504, reason: failure, text: `The endpoint of ${to} is gone and did not answer` };
    default:
      return failure satisfies never;
  }
}

/** What a client is told of a request that is malformed. */
export function answerTo(problem: H1Problem | undefined): LocalAnswer {
  if (problem === undefined) return { status: 400, reason: "malformed", text: "The request is malformed" };
  return { status: problem.status, reason: problem.code, text: problem.text };
}

const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  404: "Not Found",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** Sends the whole answer. `bodyless` leaves the body out, for HEAD. */
export function sendLocalAnswer(
  outlet: Outlet,
  options: {
    readonly answer: LocalAnswer;
    readonly close: boolean;
    readonly bodyless: boolean;
    readonly clientMinor: number;
  },
): void {
  const { out } = outlet;
  const { answer, close, bodyless, clientMinor } = options;
  const body = `${answer.text}\n`;
  let connection = "";
  if (close) connection = "connection: close\r\n";
  else if (clientMinor === 0) connection = "connection: keep-alive\r\n";
  out.text(
    `HTTP/1.1 ${answer.status} ${PHRASES[answer.status] ?? "Error"}\r\n` +
      `content-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\n` +
      `cache-control: no-store\r\nx-isthmus-reason: ${answer.reason}\r\n${connection}\r\n`,
  );
  if (!bodyless) out.text(body);
  outlet.flush();
}
