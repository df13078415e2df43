import type { ByteWriter } from "#http/byte-writer.ts";

/** An answer that the router gives itself. */
export interface LocalAnswer {
  readonly status: number;
  /** Value of `x-isthmus-reason`. */
  readonly reason: string;
  /** One line for people, the body. */
  readonly text: string;
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

/** Writes the whole answer. `bodyless` leaves the body out, for HEAD. */
export function writeLocalAnswer(
  out: ByteWriter,
  options: {
    readonly answer: LocalAnswer;
    readonly close: boolean;
    readonly bodyless: boolean;
    readonly clientMinor: number;
  },
): void {
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
}
