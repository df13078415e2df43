import type { ConnectQueue, ConnectTarget } from "./flow/connect-queue.ts";
import type { Endpoint } from "./endpoint.ts";
import type { End } from "./flow/flow.ts";
import { SocketEnd } from "./flow/socket-end.ts";
import { StreamEnd } from "./flow/stream-end.ts";

/** Who asked for a connection to an endpoint: what OPEN says about it at the far router. */
export interface DialFor {
  readonly service: string;
  readonly port: number;
  /** Address of the client, for records; of the first one where the connection serves several. */
  readonly client: string;
}

/**
 * The near side of a connection to an endpoint: becomes the peer of the end that opens, and then hears `deliver`,
 * `deliverFin` and `deliverReset` from it.
 */
export interface Upstream extends End {
  /**
   * The end is open, and this is its peer. A local endpoint's TCP connection is made; a stream to another site may
   * still be refused: then `deliverReset` comes with REFUSED or NO_ENDPOINT, which promise that nothing reached the pod.
   */
  onOpen(end: SocketEnd | StreamEnd): void;
  /** There is no connection, and nothing more comes. Never called within `dial`. */
  onDialFailed(reason: string): void;
}

export interface DialOptions {
  readonly endpoint: Endpoint;
  readonly target: DialFor;
  readonly timeoutMs: number;
}

/** One way to reach an endpoint: a TCP connection to a pod of this site, a stream on a link to one of another. */
export class Dialer {
  readonly #connects: ConnectQueue;
  readonly #openRemote: (endpoint: Endpoint, options: { target: DialFor; end: StreamEnd }) => boolean;
  readonly #dialling = new Map<Upstream, SocketEnd>();

  constructor(options: {
    readonly connects: ConnectQueue;
    /** Opens a stream to an endpoint of another site; false when no link leads there now. */
    readonly openRemote: (endpoint: Endpoint, options: { target: DialFor; end: StreamEnd }) => boolean;
  }) {
    this.#connects = options.connects;
    this.#openRemote = options.openRemote;
  }

  dial(upstream: Upstream, { endpoint, target, timeoutMs }: DialOptions): void {
    const { host } = endpoint.facts;
    if (host !== undefined) {
      this.#connect(upstream, {
        host,
        port: endpoint.facts.ports.get(target.port) ?? target.port,
        timeoutMs,
      });
      return;
    }
    const end = new StreamEnd();
    end.peer = upstream;
    if (this.#openRemote(endpoint, { target, end })) upstream.onOpen(end);
    else queueMicrotask(() => upstream.onDialFailed("No link leads to the endpoint's site"));
  }

  /** Neither `onOpen` nor `onDialFailed` of a local dial comes any more. */
  cancel(upstream: Upstream): void {
    const end = this.#dialling.get(upstream);
    if (end === undefined) return;
    this.#dialling.delete(upstream);
    this.#connects.cancel(end);
  }

  #connect(upstream: Upstream, to: { host: string; port: number; timeoutMs: number }): void {
    const end = new SocketEnd();
    this.#dialling.set(upstream, end);
    const target: ConnectTarget = {
      onConnected: () => {
        this.#dialling.delete(upstream);
        end.peer = upstream;
        upstream.onOpen(end);
      },
      onConnectFailed: (reason) => {
        this.#dialling.delete(upstream);
        upstream.onDialFailed(reason);
      },
    };
    this.#connects.connect({ hostname: to.host, port: to.port, timeoutMs: to.timeoutMs, end, target });
  }
}
