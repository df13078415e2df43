import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { logFor } from "#core/log.ts";
import type { Responder } from "./responder.ts";

const log = logFor("dns");
/** Bursts of queries wait in the kernel, bytes. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface UdpServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly responder: Responder;
}

/**
 * DNS over UDP. Several processes may have the same address (SO_REUSEPORT): the kernel gives each query to one of them.
 */
export class UdpServer {
  readonly #socket: Socket;
  #failed = 0;

  /** Rejects with the system's error when the address cannot be had. */
  static async listen({ hostname, port, responder }: UdpServerOptions): Promise<UdpServer> {
    const socket = createSocket({
      type: hostname.includes(":") ? "udp6" : "udp4",
      reusePort: true,
      recvBufferSize: RECEIVE_BUFFER_BYTES,
    });
    const server = new UdpServer(socket, responder);
    const listening = once(socket, "listening");
    socket.bind(port, hostname);
    await listening;
    socket.on("error", (error) => log.error("Failure on the DNS socket", { error: error.message }));
    return server;
  }

  private constructor(socket: Socket, responder: Responder) {
    this.#socket = socket;
    socket.on("message", (query, from) => {
      const length = responder.respond(query, query.length, "udp");
      if (length > 0) socket.send(responder.out, 0, length, from.port, from.address, this.#sent);
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Answers that the system did not take. */
  get failed(): number {
    return this.#failed;
  }

  close(): void {
    this.#socket.close();
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#failed++;
  };
}
