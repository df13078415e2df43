import { consoleAssets } from "../assets.ts";
import { secured } from "../headers.ts";
import { assetAnswer } from "../static-assets.ts";
import { flowMatches } from "#observe/model/flow-filter.ts";
import type {
  AboutView,
  Control,
  FlowFilter,
  FlowView,
  ServicesUpdate,
  ServicesView,
} from "#observe/views.ts";
import { GeneratedWorld } from "./generated-world.ts";
import type { WorldSize } from "./world/services.ts";

export const SMALL: WorldSize = { sites: 3, services: 8, podsPerService: 4 };
export const LARGE: WorldSize = { sites: 8, services: 1000, podsPerService: 6 };

export interface GeneratedObserverOptions {
  readonly size?: WorldSize;
  readonly port?: number;
  readonly sandbox?: boolean;
  /** Time of the streams; tests may let it pass faster. */
  readonly everyMs?: number;
  /** Fixed: the world stands still, for pictures. */
  readonly nowMs?: () => number;
  /** How long it was observed before [15 min]. */
  readonly historyMs?: number;
}

/** The console with the API of `#observe/views.ts` over a generated world: for building it, its browser tests and its measurements. */
export async function generatedObserver(options: GeneratedObserverOptions = {}): Promise<{
  readonly url: string;
  readonly world: GeneratedWorld;
  stop(): Promise<void>;
}> {
  const {
    size = SMALL,
    port = 0,
    sandbox = true,
    everyMs = 1000,
    nowMs = Date.now,
    historyMs = 900_000,
  } = options;
  const world = new GeneratedWorld(size, nowMs());
  const assets = await consoleAssets();
  const flows: FlowView[] = world.flows(400, nowMs());
  const about: AboutView = {
    version: "0.1.0",
    site: "c1",
    network: "demo",
    sandbox,
    csrf: "generated",
    startedMs: world.startMs,
    historyFromMs: world.startMs - historyMs,
    cli: "isthmus --context sandbox-c1 -n interconnect",
  };

  // As the real one does: a round at a time, and everybody gets what it made.
  const rounds = new Map<string, { readonly round: number; readonly made: unknown }>();
  const inRound = (key: string, make: () => unknown): unknown => {
    const round = Math.floor(nowMs() / everyMs);
    const last = rounds.get(key);
    if (last?.round === round) return last.made;
    const made = make();
    rounds.set(key, { round, made });
    return made;
  };
  const view = (request: Request, make: () => unknown): Response => {
    if (!wantsStream(request)) return answer(make());
    return stream(request, (send) => {
      send("view", make());
      const timer = setInterval(() => send("view", make()), everyMs);
      return () => clearInterval(timer);
    });
  };

  const api = async (request: Request, url: URL): Promise<Response> => {
    const parts = url.pathname.slice("/api/v1/".length).split("/").map(decodeURIComponent);
    const [what, a = "", b = "", detail] = parts;
    const number = (name: string, fallback: number): number => Number(url.searchParams.get(name) ?? fallback);
    if (what === "about") return answer(about);
    if (what === "network") return view(request, network);
    if (what === "activity") return view(request, () => ({ items: activity(url) }));
    if (what === "sites") return answer(world.site(a, nowMs()));
    if (what === "controls") {
      if (request.headers.get("x-isthmus-csrf") !== about.csrf) return refuse(403, "DENIED", "No token");
      return answer({ ok: true, message: world.control((await request.json()) as Control, nowMs()) });
    }
    if (what === "flows") return flowsOf(request, url);
    if (what !== "services") return refuse(404, "NOT_FOUND", `There is no ${url.pathname}`);
    if (a === "") return services(request);
    const key = `${a}/${b}`;
    if (world.row(key, nowMs()) === undefined) return refuse(404, "NOT_FOUND", `No service ${key}`);
    if (detail === "explain") return answer(world.explain(key, nowMs()));
    if (detail === "history") {
      const toMs = number("to", nowMs());
      const range = { toMs, fromMs: number("from", toMs - 900_000), stepMs: number("step", 5000) };
      return answer(world.history(key, range));
    }
    return view(request, () => world.service(key, nowMs()));
  };

  const activity = (url: URL): unknown[] => {
    const [service, site, before] = ["service", "site", "before"].map((name) => url.searchParams.get(name));
    return world
      .activity()
      .filter(
        (item) =>
          (service === null || item.service === service) &&
          (site === null || item.site === site || item.siteId === site) &&
          (before === null || item.id < Number(before)),
      )
      .slice(0, Number(url.searchParams.get("limit") ?? 100));
  };

  const network = (): unknown => inRound("network", () => world.network(nowMs()));
  const all = (): unknown =>
    inRound("services", () => ({ atMs: nowMs(), services: world.rows(nowMs()) }) satisfies ServicesView);
  const services = (request: Request): Response => {
    if (!wantsStream(request)) return answer(all());
    return stream(request, (send) => {
      send("view", all());
      const timer = setInterval(() => {
        const { atMs, services: changed } = all() as ServicesView;
        const update: ServicesUpdate = { atMs, changed, removed: [] };
        send("update", update);
      }, everyMs);
      return () => clearInterval(timer);
    });
  };

  const flowsOf = (request: Request, url: URL): Response => {
    const { limit = "100", before, minDurationMs, ...rest } = Object.fromEntries(url.searchParams);
    const filter: FlowFilter = {
      ...rest,
      ...(before === undefined ? {} : { before: Number(before) }),
      ...(minDurationMs === undefined ? {} : { minDurationMs: Number(minDurationMs) }),
    };
    const first = {
      atMs: nowMs(),
      flows: flows
        .filter((flow) => flowMatches(flow, filter) && flow.id < (filter.before ?? Infinity))
        .toReversed()
        .slice(0, Number(limit)),
      unsampled: 0,
      lost: 0,
    };
    if (!wantsStream(request)) return answer(first);
    return stream(request, (send) => {
      send("view", first);
      const timer = setInterval(() => {
        const fresh = world.flows(12, nowMs());
        flows.push(...fresh);
        flows.splice(0, flows.length - 5000);
        const shown = fresh.filter((flow) => flowMatches(flow, filter));
        if (shown.length > 0) send("flows", { ...first, atMs: nowMs(), flows: shown });
      }, everyMs);
      return () => clearInterval(timer);
    });
  };

  network();
  all();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    idleTimeout: 0,
    async fetch(request) {
      const url = new URL(request.url);
      if (url.pathname.startsWith("/api/")) return secured(await api(request, url));
      const asset = assetAnswer(url.pathname, { assets, request });
      return secured(asset ?? new Response("not found\n", { status: 404 }));
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, world, stop: () => server.stop(true) };
}

function wantsStream(request: Request): boolean {
  return request.headers.get("accept")?.includes("text/event-stream") === true;
}

/** A stream of events, until its reader goes. */
function stream(
  request: Request,
  say: (send: (event: string, data: unknown) => void) => () => void,
): Response {
  let stopped: (() => void) | undefined;
  const stop = (): void => stopped?.();
  request.signal.addEventListener("abort", stop);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      stopped = say((event, data) => {
        controller.enqueue(new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      });
    },
    cancel: stop,
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

function answer(body: unknown): Response {
  return body === undefined ? refuse(404, "NOT_FOUND", "No such thing") : Response.json(body);
}

function refuse(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}

if (import.meta.main) {
  const size = process.argv.includes("--large") ? LARGE : SMALL;
  const { url } = await generatedObserver({ size, port: Number(process.env["PORT"] ?? 8461) });
  process.stdout.write(`${url}\n`);
}
