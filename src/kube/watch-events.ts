import type { KubeObject } from "#api/object.ts";
import { messageOf } from "#core/errors.ts";
import type { Connection } from "./connection.ts";
import { KubeError, type Attempt } from "./kube-error.ts";
import { lines } from "./lines.ts";
import { statusError } from "./status-error.ts";

/**
 * One event of a watch. A BOOKMARK's object carries only `metadata.resourceVersion`: all that happened up to there
 * has been sent.
 */
export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** What a line holds before its type is known; of an ERROR the object is a Status. */
interface RawEvent<T> {
  readonly type: string;
  readonly object: T & { readonly code?: unknown };
}

/**
 * Reads watch events, one JSON document a line. An ERROR event is thrown as the KubeError of its Status (410 as
 * GoneError); half an event at the end of the stream is dropped, since the watch resumes before it. Throws PROTOCOL
 * on what is no event.
 */
export async function* watchEvents<T extends KubeObject>(
  chunks: AsyncIterable<Uint8Array>,
  context: { readonly connection: Connection; readonly attempt: Attempt },
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  for await (const line of lines(chunks)) {
    const event = parse<T>(line, context.connection);
    if (event.type === "ERROR") {
      const { code } = event.object;
      throw statusError(context.connection, {
        status: typeof code === "number" ? code : 500,
        body: JSON.stringify(event.object),
        attempt: context.attempt,
      });
    }
    // A type of a later Kubernetes is not for us.
    if (isKnown(event.type)) yield { type: event.type, object: event.object };
  }
}

function parse<T extends KubeObject>(line: string, connection: Connection): RawEvent<T> {
  let event: RawEvent<T> | null;
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw notAnEvent(connection, messageOf(cause));
  }
  if (typeof event !== "object" || event === null) throw notAnEvent(connection, "it is not an object");
  if (typeof event.type !== "string" || typeof event.object !== "object" || event.object === null) {
    throw notAnEvent(connection, "type or object is missing");
  }
  return event;
}

function isKnown(type: string): type is WatchEvent["type"] {
  return type === "ADDED" || type === "MODIFIED" || type === "DELETED" || type === "BOOKMARK";
}

function notAnEvent(connection: Connection, why: string): KubeError {
  return new KubeError("PROTOCOL", `A line of the watch is not an event (${connection.origin}): ${why}`, {
    source: "upstream",
    retryable: true,
  });
}
