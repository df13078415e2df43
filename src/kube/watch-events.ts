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

const TYPES: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

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
    const event = parse(line, context.connection);
    if (event.type === "ERROR") {
      const status = (event.object as { code?: unknown }).code;
      throw statusError(context.connection, {
        status: typeof status === "number" ? status : 500,
        body: JSON.stringify(event.object),
        attempt: context.attempt,
      });
    }
    // A type of a later Kubernetes is not for us.
    if (TYPES.has(event.type)) yield event as WatchEvent<T>;
  }
}

function parse(line: string, connection: Connection): { type: string; object: object } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw notAnEvent(connection, messageOf(cause));
  }
  if (typeof value !== "object" || value === null) throw notAnEvent(connection, "it is not an object");
  const { type, object } = value as { type?: unknown; object?: unknown };
  if (typeof type !== "string" || typeof object !== "object" || object === null) {
    throw notAnEvent(connection, "type or object is missing");
  }
  return { type, object };
}

function notAnEvent(connection: Connection, why: string): KubeError {
  return new KubeError("PROTOCOL", `A line of the watch is not an event (${connection.origin}): ${why}`, {
    source: "upstream",
    retryable: true,
  });
}
