import type { ViewEvent } from "../subscriptions.ts";

/** A comment goes out after so long a silence, so that nobody between takes the stream for dead. */
const SILENCE_MS = 10_000;
/** A client that leaves so much unread is sent away, bytes: it comes back by itself, and gets a whole view. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/**
 * A view as server-sent events (WHATWG HTML, 9.2). `subscribe` is called once, and what it returns when the client has gone.
 * Throws what `subscribe` throws, before anything is sent.
 */
export function eventStream(
  subscribe: (fn: (event: ViewEvent) => void) => () => void,
  { every, onEnd }: { every: (periodMs: number, fn: () => void) => () => void; onEnd: () => void },
): Response {
  const encoder = new TextEncoder();
  const early: Uint8Array[] = [];
  let sink: ReadableStreamDefaultController<Uint8Array> | undefined;
  let spoke = false;
  let ended = false;
  const send = (text: string): void => {
    if (ended) return;
    const bytes = encoder.encode(text);
    spoke = true;
    if (sink === undefined) early.push(bytes);
    else if ((sink.desiredSize ?? 0) < -MAX_UNREAD_BYTES) end(true);
    else sink.enqueue(bytes);
  };
  const unsubscribe = subscribe(({ event, json }) => send(`event: ${event}\ndata: ${json}\n\n`));
  const silence = every(SILENCE_MS, () => {
    if (!spoke) send(":\n\n");
    spoke = false;
  });
  const end = (close: boolean): void => {
    if (ended) return;
    ended = true;
    silence();
    unsubscribe();
    onEnd();
    if (close) sink?.error(new Error("The client does not read"));
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        sink = controller;
        for (const bytes of early.splice(0)) controller.enqueue(bytes);
      },
      cancel: () => end(false),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}
