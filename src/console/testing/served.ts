import type { Controls } from "../controls.ts";
import { type Console, type ConsoleOptions, serveConsole } from "../server.ts";

const ASSETS: ConsoleOptions["assets"] = new Map(
  Object.entries({
    "/index.html": ["<!doctype html><title>Isthmus</title>", "text/html; charset=utf-8"],
    "/assets/main-1.js": ["export {};", "text/javascript; charset=utf-8"],
  }).map(([path, [text = "", type = ""]]) => [
    path,
    { body: new TextEncoder().encode(text), type, etag: `"${text.length}"` },
  ]),
);

/** What the console of a test performed. */
export interface Served extends AsyncDisposable {
  readonly console: Console;
  readonly performed: unknown[];
  /** Asks it as a program would; `path` begins with "/". Redirects are not followed. */
  ask(path: string, init?: RequestInit & { tls?: { ca: string } }): Promise<Response>;
}

/** A console over an observer that answers one view, on a port of its own. */
export function served({
  readOnly = false,
  ...options
}: Partial<ConsoleOptions> & { readOnly?: boolean } = {}): Served {
  const performed: unknown[] = [];
  const controls: Controls = {
    perform: (control) => {
      performed.push(control);
      return Promise.resolve("done");
    },
  };
  const console = serveConsole({
    api: (request) => Promise.resolve(stubApi(request)),
    assets: ASSETS,
    about: () => ({
      version: "0",
      site: "c1",
      network: "n",
      sandbox: true,
      startedMs: 0,
      historyFromMs: 0,
      cli: "isthmus",
    }),
    ...(readOnly ? {} : { controls }),
    listen: { hostname: "127.0.0.1", port: 0 },
    ...options,
  });
  return {
    console,
    performed,
    ask: (path, init) => fetch(`${console.url}${path}`, { redirect: "manual", ...init }),
    [Symbol.asyncDispose]: () => console.stop(),
  };
}

function stubApi(request: Request): Response | undefined {
  const { pathname } = new URL(request.url);
  if (pathname !== "/api/v1/network") return undefined;
  if (request.headers.get("accept")?.includes("text/event-stream") !== true)
    return Response.json({ atMs: 1, sites: [], links: [], traffic: [] });
  const body = new ReadableStream({
    start: (controller) => controller.enqueue("event: view\ndata: {}\n\n"),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** The token that /api/v1/about gives to whoever sends these headers. */
export async function csrfOf(server: Served, headers: Record<string, string> = {}): Promise<string> {
  const about: unknown = await (await server.ask("/api/v1/about", { headers })).json();
  return typeof about === "object" && about !== null && "csrf" in about ? String(about.csrf) : "";
}

/** Sends bytes as they are; gives what came back until the other end closed, or this long had passed. */
export async function rawRequest(
  port: number,
  text: string,
  timeoutMs = 2000,
): Promise<{ answer: string; closed: boolean }> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let answer = "";
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => {
        answer += chunk.toString();
      },
      close: () => resolve(true),
      error: () => resolve(true),
    },
  });
  socket.write(text);
  const timer = setTimeout(() => resolve(false), timeoutMs);
  const closed = await promise;
  clearTimeout(timer);
  socket.end();
  return { answer, closed };
}
