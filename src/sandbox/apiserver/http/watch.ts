import { ApiError, type KubeObject } from "../cluster-api.ts";
import { badRequest, gone, statusOf } from "../errors.ts";
import { resourceKey } from "../resources.ts";
import { selectableOf } from "../selectors.ts";
import type { Change } from "../store/store.ts";
import type { Call, ServerContext } from "./context.ts";
import type { Forms } from "./forms.ts";
import { inScope, type Scope, select, selectorFrom } from "./list.ts";

/** A watcher that has this much unread gets no more than that; it can resume from its last revision. */
export const WATCH_BUFFER_BYTES = 16 * 1024 * 1024;
/** And is cut off when it then takes nothing for this long. */
const SLOW_WATCHER_SECONDS = 10;
const BOOKMARK_EVERY_MS = 60_000;
const DEFAULT_TIMEOUT_SECONDS = 3600;

/**
 * Streams the changes of a resource as lines of JSON. Without a revision (or "0") the existing objects come first.
 * A revision that the log no longer holds, or that this cluster never had, is answered by an ERROR event with 410.
 */
export function watch(context: ServerContext, call: Call, target: { scope: Scope; forms: Forms }): Response {
  const { scope, forms } = target;
  const { store } = context.objects;
  const { query } = call;
  const selector = selectorFrom(query);
  const since = query.get("resourceVersion") ?? "";
  const sendInitial = query.get("sendInitialEvents") === "true" || since === "" || since === "0";
  const bookmarks = query.get("allowWatchBookmarks") === "true" || query.get("allowWatchBookmarks") === "1";
  if (!sendInitial && !/^\d+$/.test(since)) {
    throw badRequest(`Invalid value for query parameter "resourceVersion": ${since}`);
  }
  const resource = resourceKey(scope.resource);
  let first = true;
  const event = (type: string, object: KubeObject): string => {
    const line = `{"type":"${type}","object":${forms.text(object, first)}}\n`;
    first = false;
    return line;
  };
  const eventOf = (change: Change): string | undefined => {
    if (!inScope(change.object, scope)) return undefined;
    if (selector === undefined) return event(change.type, change.object);
    const before = change.before !== undefined && selector(change.before);
    const now = change.type !== "DELETED" && selector(selectableOf(change.object));
    if (now) return event(before ? "MODIFIED" : "ADDED", change.object);
    return before ? event("DELETED", change.object) : undefined;
  };

  let seen = store.revision;
  let initial = "";
  try {
    if (sendInitial) {
      initial = select(store, scope, selector)
        .map((object) => event("ADDED", object))
        .join("");
      if (query.get("sendInitialEvents") === "true" && bookmarks)
        initial += `${forms.bookmark(seen, true)}\n`;
    } else {
      const from = Number(since);
      if (from > seen) throw gone(`too old resource version: ${from} (this cluster is at ${seen})`);
      initial = store
        .changesSince(resource, from)
        .map((change) => eventOf(change) ?? "")
        .join("");
    }
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 410) throw error;
    return lines(`${JSON.stringify({ type: "ERROR", object: statusOf(error) })}\n`);
  }

  call.keepOpen();
  const encoder = new TextEncoder();
  // Bun sends the response header with the first byte of the body: an empty line lets a quiet watch open at once.
  const head = encoder.encode(initial === "" ? "\n" : initial);
  let stop = nothing;
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let open = true;
        const send = (line: string): void => {
          if (!open) return;
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(line));
          else {
            call.limitIdle(SLOW_WATCHER_SECONDS);
            finish();
          }
        };
        const finish = (): void => {
          if (!open) return;
          stop();
          controller.close();
        };
        const stopChanges = store.onChange(resource, (change) => {
          if (change.revision <= seen) return;
          seen = change.revision;
          const line = eventOf(change);
          if (line !== undefined) send(line);
        });
        const bookmark = (): void => {
          if (bookmarks) send(`${forms.bookmark(Math.max(seen, store.revision), false)}\n`);
        };
        const stopBookmarks = context.clock.every(BOOKMARK_EVERY_MS, bookmark);
        const seconds = Number(query.get("timeoutSeconds") ?? 0) || DEFAULT_TIMEOUT_SECONDS;
        const stopTimeout = context.clock.after(seconds * 1000, () => {
          bookmark();
          finish();
        });
        const onAbort = (): void => finish();
        call.request.signal.addEventListener("abort", onAbort, { once: true });
        stop = () => {
          open = false;
          stopChanges();
          stopBookmarks();
          stopTimeout();
          call.request.signal.removeEventListener("abort", onAbort);
          context.openStreams.delete(finish);
        };
        context.openStreams.add(finish);
        controller.enqueue(head);
      },
      cancel: () => stop(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: WATCH_BUFFER_BYTES + head.length }),
  );
  return lines(body);
}

function lines(body: string | ReadableStream<Uint8Array>): Response {
  return new Response(body, {
    headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
  });
}

function nothing(): void {}
