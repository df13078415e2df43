export interface MetricsServerOptions {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Whether to send clients here now. */
  readonly ready: () => boolean;
  /** Called for each scrape. */
  readonly metrics: () => string;
}

/**
 * Read-only HTTP for probes and Prometheus: `/healthz` (the process answers), `/readyz` (503 before the data is there and while it
 * ends) and `/metrics`. Throws the system's error when the address cannot be had.
 */
export class MetricsServer {
  readonly #server: Bun.Server<undefined>;

  constructor(options: MetricsServerOptions) {
    const { hostname, port } = options;
    this.#server = Bun.serve({
      hostname,
      port,
      development: false,
      // Else two processes share the port, and a request comes to either.
      reusePort: false,
      fetch: (request) => answer(request, options),
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

function answer(request: Request, { ready, metrics }: MetricsServerOptions): Response {
  if (request.method !== "GET" && request.method !== "HEAD")
    return new Response("Only GET\n", { status: 405 });
  switch (new URL(request.url).pathname) {
    case "/healthz":
      return new Response("ok\n");
    case "/readyz":
      return ready() ? new Response("ok\n") : new Response("not ready\n", { status: 503 });
    case "/metrics":
      return new Response(metrics(), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      });
    default:
      return new Response("Not found: /healthz /readyz /metrics\n", { status: 404 });
  }
}
