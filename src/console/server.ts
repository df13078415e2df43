import { type Clock, systemClock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { AboutView } from "#observe/views.ts";
import { type Access, accessOf, type Auth, type Visitor } from "./access.ts";
import { controlAnswer, type Controls } from "./controls.ts";
import { Csrf, CSRF_HEADER } from "./csrf.ts";
import { judgeFetch, type Wanted } from "./fetch-site.ts";
import { secured } from "./headers.ts";
import { AllowedHosts, isLoopback } from "./hosts.ts";
import { Login, loginStyle } from "./login.ts";
import { type Refusal, refusalAnswer, type RefusalReason, refusalText } from "./refusal.ts";
import { busy, noControls, noToken, notFound, tooManyStreams, wrongHost, wrongMethod } from "./refusals.ts";
import { assetAnswer, type Assets, isPage } from "./static-assets.ts";
import { Streams } from "./streams.ts";

export interface ConsoleOptions {
  /** What the observer answers; undefined for what it does not know. `observerApi(observer)`. */
  readonly api: (request: Request) => Promise<Response | undefined>;
  readonly assets: Assets;
  /** What /api/v1/about says, but for the token. */
  readonly about: () => Omit<AboutView, "csrf"> | Promise<Omit<AboutView, "csrf">>;
  /** Without them nothing can be changed here. */
  readonly controls?: Controls;
  /** [none, which loopback alone may have] */
  readonly auth?: Auth;
  /** PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly listen: { readonly hostname: string; readonly port: number };
  /** Names besides addresses and localhost that people type to reach it. */
  readonly hosts?: readonly string[];
  readonly clock?: Clock;
  /** Answers that stream at once [64]. */
  readonly maxStreams?: number;
  /** What sends nothing for so long, or a request that takes longer to arrive, is closed, seconds [30]. */
  readonly idleSeconds?: number;
}

/** A console that serves. */
export interface Console {
  readonly port: number;
  /** `http://127.0.0.1:8460` */
  readonly url: string;
  /** Requests that were refused, by reason. */
  readonly refused: ReadonlyMap<RefusalReason, number>;
  readonly streams: number;
  stop(): Promise<void>;
}

const MAX_STREAMS = 64;
const IDLE_SECONDS = 30;
/** Of a body; what is read of it is less. */
const MAX_BODY_BYTES = 16_384;
/** Requests that are worked on at once, besides streams. */
const MAX_IN_WORK = 128;
const log = logFor("console");

/**
 * Serves the console. Each request passes, in this order: host name, who frames or sends it, method, login, token, and only then what it
 * asks for. Throws USAGE when it would be reached from outside without authentication or TLS, ADDRESS_IN_USE when the port is taken.
 */
export function serveConsole(options: ConsoleOptions): Console {
  const { listen, tls, auth = { mode: "none" }, idleSeconds = IDLE_SECONDS } = options;
  requireSafe({ hostname: listen.hostname, auth, tls });
  const desk = new Desk(options, auth);
  const server = start(() =>
    Bun.serve({
      ...listen,
      ...(tls === undefined ? {} : { tls }),
      development: false,
      // Without it a second server gets the same port and half of the requests.
      reusePort: false,
      idleTimeout: idleSeconds,
      maxRequestBodySize: MAX_BODY_BYTES,
      fetch: (request, self) => desk.answer(request, self.requestIP(request)?.address ?? ""),
      error: (error) => {
        log.error("A request failed", { error: error.message });
        return secured(new Response("Internal error\n", { status: 500 }));
      },
    }),
  );
  const port = server.port ?? listen.port;
  const host = listen.hostname.includes(":") ? `[${listen.hostname}]` : listen.hostname;
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://${host}:${port}`,
    refused: desk.refused,
    get streams() {
      return desk.streams.size;
    },
    async stop() {
      desk.streams.end();
      await server.stop(true);
    },
  };

  function start<T>(listening: () => T): T {
    try {
      return listening();
    } catch (cause) {
      const code: unknown =
        typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
      if (code !== "EADDRINUSE" && code !== "EACCES" && code !== "EADDRNOTAVAIL") throw cause;
      const why =
        code === "EADDRINUSE" ? "it is in use" : code === "EACCES" ? "not allowed" : "no such address";
      throw new IsthmusError(
        "ADDRESS_IN_USE",
        `Cannot serve the console on ${listen.hostname}:${listen.port}: ${why}`,
        { cause, hint: `Choose another port: isthmus console --port ${listen.port + 1}` },
      );
    }
  }
}

/** Off outside loopback unless authentication is on, and never in clear text there. */
function requireSafe(input: {
  readonly hostname: string;
  readonly auth: Auth;
  readonly tls: ConsoleOptions["tls"];
}): void {
  const { hostname, auth, tls } = input;
  if (isLoopback(hostname)) return;
  const place = `isthmus console --listen ${hostname}:8460`;
  if (auth.mode === "none") {
    throw new IsthmusError(
      "USAGE",
      `The console shows who talks to whom: on ${hostname}, which others reach, it needs a password`,
      { hint: `${place} --password-file FILE` },
    );
  }
  if (tls === undefined) {
    throw new IsthmusError("USAGE", `The console does not send its password in clear text on ${hostname}`, {
      hint: `${place} --password-file FILE --tls-cert FILE --tls-key FILE`,
    });
  }
}

/** Who sits behind the server: answers one request after the other, and remembers logins, tokens and streams. */
class Desk {
  readonly refused = new Map<RefusalReason, number>();
  readonly streams: Streams;
  readonly #options: ConsoleOptions;
  readonly #hosts: AllowedHosts;
  readonly #csrf = new Csrf();
  readonly #access: Access;
  readonly #login: Login;
  #inWork = 0;

  constructor(options: ConsoleOptions, auth: Auth) {
    const { clock = systemClock, tls, hosts = [], listen, maxStreams = MAX_STREAMS } = options;
    this.#options = options;
    this.#hosts = new AllowedHosts([listen.hostname, ...hosts]);
    this.streams = new Streams({ clock, max: maxStreams });
    // A cookie is sent to every port of a host, so that two consoles need two names; `__Host-` keeps others of the domain from setting it.
    const cookie = tls === undefined ? `isthmus-console-${listen.port}` : "__Host-isthmus-console";
    this.#access = accessOf(auth, { clock, cookie });
    this.#login = new Login({
      access: this.#access,
      csrf: this.#csrf,
      cookie,
      secure: tls !== undefined,
      onRefused: this.#note,
      onLoggedOut: ({ id }) => this.streams.end(id),
    });
  }

  async answer(request: Request, address: string): Promise<Response> {
    if (this.#inWork >= MAX_IN_WORK) return secured(this.#refuse(busy(), false));
    this.#inWork++;
    try {
      return secured(await this.#answer(request, address));
    } finally {
      this.#inWork--;
    }
  }

  async #answer(request: Request, address: string): Promise<Response> {
    const { method } = request;
    if (!this.#hosts.has(request.headers.get("host"))) return this.#refuse(wrongHost(), false);
    const url = new URL(request.url);
    const path = url.pathname;
    // Probes of a kubelet; tells nothing.
    if (path === "/healthz" && isRead(method)) return new Response("ok\n");
    const isApi = path.startsWith("/api/");
    const wanted: Wanted = !isRead(method) ? "change" : isApi || !isPage(path) ? "data" : "page";
    const forms = path === "/login" || path === "/logout";
    const foreign = judgeFetch(request, wanted);
    if (foreign !== undefined) return this.#refuse(foreign, isApi);
    if (!isRead(method) && !(method === "POST" && (forms || path === "/api/v1/controls")))
      return this.#refuse(wrongMethod(method), isApi);
    if (path === "/login.css") return loginStyle();
    if (path === "/login") return await this.#login.login(request, { address, url });
    const verdict = this.#access.judge(request, address);
    if ("refusal" in verdict) {
      if (!isApi && wanted === "page" && this.#access.hasLogin) return Login.redirect(url);
      return this.#refuse(verdict.refusal, isApi);
    }
    const { visitor } = verdict;
    if (path === "/logout") return await this.#login.logout(request, visitor);
    if (path === "/metrics") return this.#metrics();
    if (isApi) return await this.#api(request, { path, visitor });
    const { assets } = this.#options;
    return assetAnswer(path, { assets, request }) ?? this.#refuse(notFound(path), false);
  }

  async #api(
    request: Request,
    { path, visitor }: { readonly path: string; readonly visitor: Visitor },
  ): Promise<Response> {
    const { api, about } = this.#options;
    if (path === "/api/v1/controls") return await this.#control(request, visitor);
    if (path === "/api/v1/about") {
      const view: AboutView = { ...(await about()), csrf: this.#csrf.token(visitor.id) };
      return Response.json(view);
    }
    const streams = request.headers.get("accept")?.includes("text/event-stream") === true;
    if (streams && this.streams.full) return this.#refuse(tooManyStreams(), true);
    // Who asks for the head alone is not kept by a stream.
    const asked =
      request.method === "HEAD" ? new Request(request.url, { headers: { accept: "*/*" } }) : request;
    const answer = await api(asked);
    if (answer === undefined) return this.#refuse(notFound(path), true);
    const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
    return isStream ? this.streams.count(answer, visitor) : answer;
  }

  async #control(request: Request, visitor: Visitor): Promise<Response> {
    const { controls } = this.#options;
    if (request.method !== "POST") return this.#refuse(wrongMethod(request.method, "POST"), true);
    if (!this.#csrf.is(request.headers.get(CSRF_HEADER), visitor.id)) return this.#refuse(noToken(), true);
    if (controls === undefined) return this.#refuse(noControls(), true);
    return await controlAnswer(request, { controls, onRefused: this.#note });
  }

  #metrics(): Response {
    const lines = [
      "# HELP isthmus_console_refused_total Requests that the console refused.",
      "# TYPE isthmus_console_refused_total counter",
      ...[...this.refused].map(
        ([reason, count]) => `isthmus_console_refused_total{reason="${reason}"} ${count}`,
      ),
      "# HELP isthmus_console_streams Answers that stream now.",
      "# TYPE isthmus_console_streams gauge",
      `isthmus_console_streams ${this.streams.size}`,
    ];
    return new Response(`${lines.join("\n")}\n`, {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  }

  #refuse(refusal: Refusal, asJson: boolean): Response {
    this.#note(refusal);
    return asJson ? refusalAnswer(refusal) : refusalText(refusal);
  }

  readonly #note = ({ reason }: Refusal): void => {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  };
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}
