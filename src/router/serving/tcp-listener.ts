import type { SocketHandler, TCPSocketListener } from "bun";
import type { Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import type { KeyPairConfig, ListenerProtocol } from "../config.ts";
import { Flow } from "../flow/flow.ts";
import type { Served, Serving } from "./serving.ts";
import { SOCKET_HANDLERS, SocketEnd, type EndSocket } from "../flow/socket-end.ts";

/** A client that may speak HTTP and says nothing is let go after this, ms. */
const SILENT_MS = 60_000;

export interface ListenAt {
  readonly hostname: string;
  readonly port: number;
}

export interface TcpListenerOptions {
  readonly served: Served;
  /** TLS ends here, where it is set. */
  readonly tls: KeyPairConfig | undefined;
  readonly serving: Serving;
  readonly clock: Clock;
  /** Takes a new flow into the books; false refuses it (too many, or draining). */
  readonly admit: (flow: Flow) => boolean;
}

/**
 * A listening socket. Every connection it accepts becomes a flow. Stopping it takes no connection down.
 */
export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #listener: TCPSocketListener<SocketEnd>;

  /** Throws ADDRESS_IN_USE, or INVALID for an address that this machine does not have or a key pair that does not work. */
  constructor(at: ListenAt, options: TcpListenerOptions) {
    this.#options = options;
    const { served, tls } = options;
    const { only } = served.routes;
    const socket: SocketHandler<SocketEnd> = { ...SOCKET_HANDLERS, open: (one) => this.#accepted(one) };
    const common = { ...at, allowHalfOpen: true, exclusive: true, socket };
    this.#listener = listenTcp(at, {
      for: only === undefined ? "the entry" : `service "${only.service}"`,
      listen: () =>
        tls === undefined
          ? Bun.listen<SocketEnd>(common)
          : Bun.listen<SocketEnd>({ ...common, tls: tlsOf(tls, served.protocol) }),
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  stop(): void {
    this.#listener.stop();
  }

  #accepted(socket: EndSocket): void {
    const { served, serving, clock, admit } = this.#options;
    const { protocol, routes } = served;
    const { remoteAddress: address, remotePort: port } = socket;
    const route = routes.only;
    const flow = new Flow({
      kind: "client",
      service: route?.service ?? "",
      port: route?.port ?? 0,
      client: `${address}:${port}`,
      idleMs:
        route !== undefined && (protocol === "tcp" || protocol === "auto") ? route.policy.idleMs : SILENT_MS,
      startedMs: clock.now(),
    });
    const end = new SocketEnd();
    socket.data = end;
    end.attach(socket);
    flow.near = end;
    end.flow = flow;
    if (!admit(flow)) {
      socket.terminate();
      return;
    }
    serving.begin({ end, flow, address, port }, served);
  }
}

/** No translation: a client is offered what the endpoints speak. */
function tlsOf({ certificate, key }: KeyPairConfig, protocol: ListenerProtocol): Bun.TLSOptions & object {
  const names =
    protocol === "http2" || protocol === "grpc" ? ["h2"] : protocol === "http" ? ["http/1.1"] : [];
  const alpn = names.map((name) => String.fromCharCode(name.length) + name).join("");
  return { cert: certificate ?? "", key: key ?? "", ...(alpn === "" ? {} : { ALPNProtocols: alpn }) };
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
