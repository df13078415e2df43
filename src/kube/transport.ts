import { systemClock, type Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { Connection } from "./connection.ts";
import { describeTarget, KubeError, type Attempt } from "./kube-error.ts";
import { networkError } from "./network-error.ts";
import { parseRetryAfterMs, statusError } from "./status-error.ts";

export interface TransportOptions {
  readonly clock?: Clock;
  /** Bound of one request with all its retries, ms [15,000]. */
  readonly timeoutMs?: number;
  /** Called for each request that was sent: the status, or undefined when no answer came. */
  readonly onRequest?: (verb: string, status: number | undefined) => void;
}

export interface RequestInput {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** What is wanted, for error messages. */
  readonly attempt: Attempt;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamInput extends RequestInput {
  /** Longest silence, before the first byte too, ms. */
  readonly idleMs: number;
  /** Called when the server has answered that the stream begins. */
  readonly onOpen?: (() => void) | undefined;
  readonly accept?: string;
}

interface Sent {
  readonly response: Response;
  /** Ends the exchange; call it always. */
  readonly close: () => void;
  readonly touch: () => void;
  /** Turns whatever was thrown since into the error to throw. */
  readonly explain: (thrown: unknown) => unknown;
}

/**
 * One cluster's HTTP: `fetch` with the cluster's own TLS and token, bounded in time, errors as KubeError. Redirects
 * are not followed, so credentials go to the server that the connection names and nowhere else.
 */
export class Transport {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onRequest: TransportOptions["onRequest"];

  constructor(connection: Connection, options: TransportOptions = {}) {
    this.#connection = connection;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? 15_000;
    this.#onRequest = options.onRequest;
  }

  /**
   * Asks and reads the whole JSON answer. An answer 429 or 5xx that says Retry-After is tried again as long as the
   * time bound allows (the server has not done anything yet then), as client-go does. Throws KubeError.
   */
  async json<T>(input: RequestInput): Promise<T> {
    const endMs = this.#clock.monotonicMs() + (input.timeoutMs ?? this.#timeoutMs);
    for (;;) {
      const leftMs = Math.max(1, endMs - this.#clock.monotonicMs());
      const { response, text } = await this.#exchange(input, leftMs);
      if (response.ok) {
        const value: T = this.#parse(text, input);
        return value;
      }
      const retryAfterMs = parseRetryAfterMs(response.headers.get("retry-after"), this.#clock.now());
      const waits = retryAfterMs !== undefined && (response.status === 429 || response.status >= 500);
      const delayMs = Math.max(retryAfterMs ?? 0, 100);
      if (!waits || this.#clock.monotonicMs() + delayMs >= endMs) {
        throw statusError(this.#connection, {
          status: response.status,
          body: text,
          attempt: input.attempt,
          retryAfterMs,
        });
      }
      await this.#sleep(delayMs, input.signal);
    }
  }

  /**
   * The answer's bytes as they come. Ends quietly when the server ends it or `signal` is aborted; throws KubeError
   * TIMEOUT after `idleMs` of silence, and what `json` throws otherwise. Leaving the loop closes the connection.
   */
  async *stream(input: StreamInput): AsyncGenerator<Uint8Array, void, undefined> {
    if (isAborted(input.signal)) return;
    let sent: Sent | undefined;
    try {
      sent = await this.#send(input, input.idleMs);
      const { response } = sent;
      if (!response.ok) {
        throw statusError(this.#connection, {
          status: response.status,
          body: await response.text(),
          attempt: input.attempt,
          retryAfterMs: parseRetryAfterMs(response.headers.get("retry-after"), this.#clock.now()),
        });
      }
      input.onOpen?.();
      if (response.body === null) return;
      for await (const chunk of response.body) {
        sent.touch();
        yield chunk;
      }
    } catch (error) {
      if (isAborted(input.signal)) return;
      throw sent === undefined ? error : sent.explain(error);
    } finally {
      sent?.close();
    }
  }

  async #exchange(input: RequestInput, timeoutMs: number): Promise<{ response: Response; text: string }> {
    const sent = await this.#send(input, timeoutMs);
    try {
      return { response: sent.response, text: await sent.response.text() };
    } catch (error) {
      throw sent.explain(error);
    } finally {
      sent.close();
    }
  }

  /** Sends; resolves with the head of the answer. `touch` starts the time bound anew. */
  async #send(input: RequestInput & { readonly accept?: string }, timeoutMs: number): Promise<Sent> {
    input.signal?.throwIfAborted();
    const controller = new AbortController();
    let timedOut = false;
    const arm = (): (() => void) =>
      this.#clock.after(timeoutMs, () => {
        timedOut = true;
        controller.abort();
      });
    let disarm = arm();
    const onAbort = (): void => controller.abort();
    input.signal?.addEventListener("abort", onAbort, { once: true });
    const close = (): void => {
      disarm();
      input.signal?.removeEventListener("abort", onAbort);
      controller.abort();
    };
    const explain = (thrown: unknown): unknown => {
      if (input.signal?.aborted === true) return input.signal.reason;
      if (timedOut) return this.#timeout(input, timeoutMs);
      return thrown instanceof KubeError ? thrown : networkError(this.#connection, thrown);
    };
    try {
      const response = await fetch(this.#url(input), this.#init(input, controller.signal));
      this.#onRequest?.(input.attempt.verb, response.status);
      const touch = (): void => {
        disarm();
        disarm = arm();
      };
      return { response, close, touch, explain };
    } catch (error) {
      this.#onRequest?.(input.attempt.verb, undefined);
      close();
      throw explain(error);
    }
  }

  #url(input: RequestInput): string {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(input.query ?? {})) {
      if (value !== undefined) query.set(key, String(value));
    }
    const suffix = query.size === 0 ? "" : `?${query.toString()}`;
    return `${this.#connection.server}${input.path}${suffix}`;
  }

  #init(input: RequestInput & { readonly accept?: string }, signal: AbortSignal): BunFetchRequestInit {
    const { tls, server, proxyUrl, authorization } = this.#connection;
    const headers = new Headers({ accept: input.accept ?? "application/json", "user-agent": "isthmus" });
    if (input.body !== undefined) headers.set("content-type", input.contentType ?? "application/json");
    // A token never crosses the wire in the clear.
    const credentials = server.startsWith("https:") ? authorization?.() : undefined;
    if (credentials !== undefined) headers.set("authorization", credentials);
    const init: BunFetchRequestInit = {
      method: input.method,
      headers,
      redirect: "manual",
      signal,
      tls: {
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
        ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
        ...(tls.insecure === true ? { rejectUnauthorized: false } : {}),
      },
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      ...(proxyUrl === undefined ? {} : { proxy: proxyUrl }),
    };
    // Bun ends a fetch after 5 minutes of silence by itself; here the clock above decides. And it would send loopback
    // through HTTPS_PROXY, which no Kubernetes client does; `proxy: false` is understood but not in its types.
    const untyped: Record<string, unknown> = { timeout: false };
    if (proxyUrl === undefined && isLoopback(server)) untyped["proxy"] = false;
    return Object.assign(init, untyped);
  }

  #parse(text: string, input: RequestInput): ReturnType<typeof JSON.parse> {
    try {
      return JSON.parse(text);
    } catch (cause) {
      const target = describeTarget(input.attempt);
      throw new KubeError(
        "PROTOCOL",
        `The answer for ${target} is not JSON (${this.#connection.origin}): ${messageOf(cause)}`,
        {
          cause,
          source: "upstream",
          hint: `Is ${this.#connection.server} a Kubernetes API server?`,
        },
      );
    }
  }

  #timeout(input: RequestInput, timeoutMs: number): KubeError {
    const { verb } = input.attempt;
    const { server, origin } = this.#connection;
    return new KubeError(
      "TIMEOUT",
      `The API server at ${server} of ${origin} did not answer ${verb} ${describeTarget(input.attempt)} within ${Math.round(timeoutMs)} ms`,
      { hint: "Check that the address is right and that no firewall drops the connection" },
    );
  }

  #sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      // The clock's timers let the process end; a command that waits for its answer must not.
      const hold = setInterval(() => {}, 1 << 30);
      const onAbort = (): void => {
        cancel();
        clearInterval(hold);
        reject(signal?.reason);
      };
      const cancel = this.#clock.after(delayMs, () => {
        clearInterval(hold);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

function isLoopback(server: string): boolean {
  const { hostname } = new URL(server);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
