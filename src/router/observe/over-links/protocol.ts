/*
 * How a router of one site is asked by a router of another: a stream over the links, relayed as any is, to the service key
 * below and the endpoint `site/`, which is any router of that site, or `site/router`, which is that one and no other: sites between
 * route it there, and who is not that router says 404 (it knows by `router=` in the question). Both directions end with FIN.
 *
 *     asker                                       asked
 *       | "/v1/observe?epoch=…\n" FIN -------------> |
 *       | <------------- "200 48213\n" + JSON, FIN   |   status, length of the body in bytes
 *       | <------------------------------ RESET      |   DENIED: it tells other sites nothing; OVERLOAD, TIMEOUT, PROTOCOL
 *
 * A router of a version before this one answers DENIED too: it knows no such service. One that knows it and not `site/router` takes
 * a question as if it were for any; the answer says whose it is.
 */

/** No service: a namespace never begins with "_", and there is no slash. */
export const OBSERVE_SERVICE = "_observe";
/** OPEN wants one, and it says nothing here. */
export const OBSERVE_PORT = 1;

/** What may be asked over links; everything else is refused at both ends. */
export const OBSERVE_PATHS: ReadonlySet<string> = new Set(["/v1/observe", "/v1/explain"]);

export const MAX_ASK_BYTES = 2048;
/** Of an answer. Its asker holds it whole, and so does who is asked. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** From the first byte of the question to the last of the answer, ms. */
export const ASK_TIMEOUT_MS = 5000;
/** Questions to other sites at once, from this router. */
export const MAX_ASKING = 16;
/** Questions of other sites at once. */
export const MAX_ANSWERING = 8;

export interface Answer {
  readonly status: number;
  /** JSON; for a status other than 200 a line for people. */
  readonly body: string;
}

/** The question as it goes over the wire; undefined where it is not one that may be asked. */
export function askOf(pathAndQuery: string): string | undefined {
  const question = `${pathAndQuery}\n`;
  const path = pathAndQuery.split("?", 1)[0] ?? "";
  // What is not plain ASCII was not escaped, so it is no URL.
  return OBSERVE_PATHS.has(path) && question.length <= MAX_ASK_BYTES && /^[!-~]+$/.test(pathAndQuery)
    ? question
    : undefined;
}

export function writeAnswer({ status, body }: Answer): Uint8Array {
  const bytes = Buffer.from(body);
  return Buffer.concat([Buffer.from(`${status} ${bytes.length}\n`), bytes]);
}

/** Reads a whole answer; undefined where it is none, or not all of it. */
export function readAnswer(bytes: Uint8Array): Answer | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = text.indexOf("\n");
  const head = /^([1-5][0-9]{2}) ([0-9]{1,9})$/.exec(text.subarray(0, Math.min(end, 20)).toString("latin1"));
  if (end < 0 || head === null || text.length - end - 1 !== Number(head[2])) return undefined;
  return { status: Number(head[1]), body: text.toString("utf8", end + 1) };
}
