import { Value } from "typebox/value";
import type { TSchema, Static } from "typebox";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { JoinError } from "./join-error.ts";
import {
  JOIN_REASONS,
  type JoinAnswer,
  type JoinReason,
  type JoinRequest,
  JoinRequestSchema,
  type Issued,
  MAX_BODY_BYTES,
  type RenewRequest,
  RenewRequestSchema,
} from "./join-protocol.ts";
import { type RateLimit, RateLimiter } from "./rate-limiter.ts";

/** What the server does with a request that is well formed; throws JoinError. */
export interface JoinAuthority {
  join(request: JoinRequest): Promise<JoinAnswer>;
  renew(request: RenewRequest): Promise<Issued>;
}

export interface JoinServerOptions {
  readonly hostname: string;
  /** 0 = any. */
  readonly port: number;
  readonly tls: { readonly certificate: string; readonly key: string };
  readonly authority: JoinAuthority;
  readonly clock: Clock;
  /** [10 at once, 1 a second] */
  readonly perSource?: RateLimit;
  /** [200 at once, 50 a second] */
  readonly global?: RateLimit;
  /** Requests in work at once; more are answered `Busy` [64]. */
  readonly maxConcurrent?: number;
}

export interface JoinServer {
  readonly port: number;
  /** Lets running requests end, for at most a few seconds. */
  close(): Promise<void>;
}

const log = logFor("site", "join");

/**
 * The HTTPS server that lets other sites in: `POST /v1/join` and `POST /v1/renew`, nothing else. Bodies end at 16 KiB, slow
 * senders after 10 s; each source and all together are rate limited. Answers say no more than join-protocol.ts allows.
 */
export function startJoinServer(options: JoinServerOptions): JoinServer {
  const { hostname, port, tls, authority, clock } = options;
  const limiter = new RateLimiter({
    clock,
    perSource: options.perSource ?? { burst: 10, perSecond: 1 },
    global: options.global ?? { burst: 200, perSecond: 50 },
  });
  const maxConcurrent = options.maxConcurrent ?? 64;
  let running = 0;

  const answer = async (request: Request, source: string): Promise<Response> => {
    const waitS = limiter.take(source);
    if (waitS !== undefined) {
      return refusal("TooManyRequests", "Too many requests; try again later", {
        "retry-after": String(waitS),
      });
    }
    const path = new URL(request.url).pathname;
    if (path !== "/v1/join" && path !== "/v1/renew") return new Response(null, { status: 404 });
    if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
    if (running >= maxConcurrent)
      return refusal("Busy", "Too many sites are joining at this moment; try again later");
    running++;
    try {
      if (path === "/v1/join")
        return json(200, await authority.join(await bodyOf(request, JoinRequestSchema)));
      return json(200, await authority.renew(await bodyOf(request, RenewRequestSchema)));
    } catch (error) {
      if (error instanceof JoinError) {
        log.info("Refused a request", { path, source, reason: error.reason });
        return refusal(error.reason, error.message);
      }
      log.error("A request failed", { path, source, error: messageOf(error) });
      return refusal("Failed", "The issuing site could not answer; try again later");
    } finally {
      running--;
    }
  };

  const server = Bun.serve({
    hostname,
    port,
    tls: { cert: tls.certificate, key: tls.key },
    development: false,
    // Else two processes share the port, and a request comes to either.
    reusePort: false,
    maxRequestBodySize: MAX_BODY_BYTES,
    idleTimeout: 10,
    fetch: (request, self) => answer(request, self.requestIP(request)?.address ?? "unknown"),
    // Never a stack, never a default page.
    error: () => refusal("Failed", "The issuing site could not answer; try again later"),
  });
  return {
    port: server.port ?? port,
    async close() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const bound = new Promise<void>((resolve) => (timer = setTimeout(resolve, 3000)));
      await Promise.race([server.stop(false), bound]);
      clearTimeout(timer);
      await server.stop(true);
    },
  };
}

async function bodyOf<T extends TSchema>(request: Request, schema: T): Promise<Static<T>> {
  let body: unknown;
  try {
    body = JSON.parse(await request.text());
  } catch {
    throw new JoinError("Invalid", "The body is not JSON");
  }
  if (!Value.Check(schema, body)) {
    const [first] = Value.Errors(schema, body);
    throw new JoinError(
      "Invalid",
      `The request is not understood: ${first?.instancePath ?? ""} ${first?.message ?? ""}`.trim(),
    );
  }
  return body;
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } });
}

function refusal(reason: JoinReason, message: string, headers: Record<string, string> = {}): Response {
  return json(JOIN_REASONS[reason], { reason, message }, headers);
}
