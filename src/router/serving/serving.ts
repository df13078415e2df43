import type { ListenerProtocol } from "../config.ts";
import { Detection, type Detected } from "./detection.ts";
import type { Flow } from "../flow/flow.ts";
import type { HttpClientFacts, HttpContext, Routes } from "../http/context.ts";
import { Http1Connection } from "../http1/connection.ts";
import { Http1Pools } from "../http1/pools.ts";
import { Http2Connection } from "../http2/connection.ts";
import { Http2Pools } from "../http2/pools.ts";
import { countsEnd } from "../observe/connection-end.ts";
import { Opening, type OpeningContext, type Route } from "../flow/opening.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import { Speculation } from "./speculation.ts";

/** HTTP connections keep their own, shorter times; this only catches what they forgot. */
const HTTP_IDLE_MS = 24 * 3_600_000;

/**
 * So long a client may take to speak first where it is not known what is spoken, ms. Those that do, do it with the
 * handshake's last packet or right behind it; where it was HTTP the last time, a late one is waited for, and where
 * the server spoke first, nothing is.
 */
const GRACE_MS = { unknown: 2, client: 1000, server: 0 } as const;

/** What a listening socket is for. */
export interface Served {
  readonly protocol: ListenerProtocol;
  readonly scheme: "http" | "https";
  readonly routes: Routes;
  /** Who spoke first on the last connection, where that has to be found out. */
  firstWord: keyof typeof GRACE_MS;
}

export interface Client {
  readonly end: SocketEnd;
  readonly flow: Flow;
  readonly address: string;
  readonly port: number;
}

export interface ServingOptions {
  readonly opening: OpeningContext;
  readonly http: HttpContext;
}

/** Gives each accepted connection to what speaks its protocol: TCP flows, HTTP/1.1 or HTTP/2. One for all listeners. */
export class Serving {
  readonly http1: Http1Pools;
  readonly http2: Http2Pools;
  readonly #options: ServingOptions;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.http1 = new Http1Pools({ context: options.http });
    this.http2 = new Http2Pools({ context: options.http });
  }

  begin(client: Client, served: Served): void {
    const { protocol, routes } = served;
    const route = routes.only;
    if (route !== undefined) route.stats.connections++;
    if (protocol === "tcp" && route !== undefined) this.#tcp(client, { route, first: undefined, fin: false });
    else if (protocol === "auto" && route !== undefined) this.#detect(client, { served, route });
    else this.#detect(client, { served, route: undefined });
  }

  close(): void {
    this.http1.close();
    this.http2.close();
  }

  /** `route` is set where it may be something else than HTTP. */
  #detect(
    client: Client,
    { served, route }: { readonly served: Served; readonly route: Route | undefined },
  ): void {
    const { end, flow } = client;
    const speculation = route === undefined ? undefined : this.#speculate(client, { served, route });
    const detection = new Detection({
      client: end,
      flow,
      onDetected: (detected) => {
        speculation?.cancel();
        this.#detected(client, { served, route, detected });
      },
      onHeard: () => speculation?.cancel(),
    });
    detection.start();
  }

  #speculate(
    { end, flow }: Client,
    { served, route }: { readonly served: Served; readonly route: Route },
  ): Speculation {
    const { clock, dialer, flows } = this.#options.http;
    return new Speculation({
      route,
      clock,
      dialer,
      client: flow.facts.client,
      flows,
      graceMs: GRACE_MS[served.firstWord],
      onSpoke: (target, { endpoint, account }) => {
        served.firstWord = "server";
        flow.endpoint = endpoint;
        flow.target = endpoint.wireId;
        flow.far = target;
        target.flow = flow;
        target.peer = end;
        end.peer = target;
        countsEnd(flow, { account, clock });
        flow.countTo(account.row);
      },
      onNone: (account) => {
        flow.broken ??= account.attempts === 0 ? "no-endpoints" : "connect-failed";
        countsEnd(flow, { account, clock });
        end.deliverReset();
        flow.abandon();
      },
    });
  }

  #detected(
    client: Client,
    { served, route, detected }: { served: Served; route: Route | undefined; detected: Detected },
  ): void {
    const { spoken, first, fin } = detected;
    served.firstWord = spoken === "other" ? "unknown" : "client";
    if (spoken === "other" && route !== undefined) this.#tcp(client, { route, first, fin });
    else this.#http(client, { served, detected });
  }

  #tcp(
    { end, flow }: Client,
    {
      route,
      first,
      fin,
    }: { readonly route: Route; readonly first: Uint8Array | undefined; readonly fin: boolean },
  ): void {
    new Opening(flow, { client: end, route, context: this.#options.opening }).start();
    if (first !== undefined) {
      const took = end.peer.deliver(first);
      if (took < first.length) end.owe(first.length - took);
    }
    if (fin) end.peer.deliverFin();
  }

  #http(
    client: Client,
    { served, detected }: { readonly served: Served; readonly detected: Detected },
  ): void {
    const { end, flow, address, port } = client;
    const { scheme, routes } = served;
    const { first, fin, spoken } = detected;
    flow.facts = { ...flow.facts, idleMs: HTTP_IDLE_MS };
    flow.far = undefined;
    const facts: HttpClientFacts = { address, port, scheme };
    const common = { client: end, flow, routes, context: this.#options.http, facts };
    const connection =
      spoken === "http2"
        ? new Http2Connection({ ...common, pools: this.http2 })
        : new Http1Connection({ ...common, pools: this.http1 });
    flow.drain = () => connection.drain();
    connection.start(first);
    if (fin) connection.deliverFin();
  }
}
