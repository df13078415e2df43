import type { TCPSocketListener } from "bun";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { Flow } from "./flow.ts";
import { Opening, type OpeningContext, type Route } from "./opening.ts";
import { SOCKET_HANDLERS, SocketEnd, type EndSocket } from "./socket-end.ts";

export interface ListenAt {
  readonly hostname: string;
  readonly port: number;
}

export interface TcpListenerOptions {
  readonly route: Route;
  readonly context: OpeningContext;
  /** Takes a new flow into the books; false refuses it (too many, or draining). */
  readonly admit: (flow: Flow) => boolean;
}

/**
 * A listening socket of one service and port. Every connection it accepts becomes a flow. Stopping it takes no
 * connection down.
 */
export class TcpListener {
  readonly route: Route;
  readonly #options: TcpListenerOptions;
  readonly #listener: TCPSocketListener<SocketEnd>;

  /** Throws ADDRESS_IN_USE, or INVALID for an address that this machine does not have. */
  constructor(at: ListenAt, options: TcpListenerOptions) {
    this.route = options.route;
    this.#options = options;
    this.#listener = listenTcp(at, {
      for: `service "${options.route.service}"`,
      listen: () =>
        Bun.listen<SocketEnd>({
          ...at,
          allowHalfOpen: true,
          exclusive: true,
          socket: { ...SOCKET_HANDLERS, open: (socket) => this.#accepted(socket) },
        }),
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop();
  }

  #accepted(socket: EndSocket): void {
    const { route, context } = this.#options;
    const flow = new Flow({
      kind: "client",
      service: route.service,
      port: route.port,
      client: `${socket.remoteAddress}:${socket.remotePort}`,
      idleMs: route.policy.idleMs,
      startedMs: context.clock.now(),
    });
    const client = new SocketEnd();
    const opening = new Opening(flow, { client, route, context });
    socket.data = client;
    client.attach(socket);
    flow.near = client;
    client.flow = flow;
    if (!this.#options.admit(flow)) {
      socket.terminate();
      return;
    }
    flow.stats = route.stats;
    route.stats.connections++;
    opening.start();
  }
}

/** Runs `listen`, and turns what can go wrong into an error that says what to do. */
export function listenTcp<T>(at: ListenAt, options: { readonly for: string; readonly listen: () => T }): T {
  try {
    return options.listen();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const where = `${at.hostname}:${at.port}`;
    if (code === "EADDRINUSE") {
      throw new IsthmusError(
        "ADDRESS_IN_USE",
        `Cannot listen on "${where}" for ${options.for}: the address is in use`,
        {
          hint: `See who has it: ss -ltnp 'sport = :${at.port}'`,
          cause: error,
        },
      );
    }
    throw new IsthmusError(
      "INVALID",
      `Cannot listen on "${where}" for ${options.for}: ${typeof code === "string" ? code : messageOf(error)}`,
      {
        hint: "Give an address of this machine and a port it may use",
        cause: error,
      },
    );
  }
}
