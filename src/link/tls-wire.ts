import type { Socket, SocketHandler, TLSOptions } from "bun";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { ALPN, SERVER_NAME } from "./constants.ts";
import type { HandshakeResult } from "./peer.ts";
import type { LinkIdentity } from "./types.ts";
import type { Wire, WireHandler } from "./wire.ts";

const log = logFor("link");

/** SSL_OP_NO_TLSv1, _1_1 and _1_2: TLS 1.3 is the least. SSL_OP_NO_TICKET: nobody resumes past a check of its certificate. */
const SECURE_OPTIONS = 0x0400_0000 | 0x1000_0000 | 0x0800_0000 | 0x4000;
/** A wire that was ended and whose peer does not end it too is cut after this. Seconds. */
const LINGER_SECONDS = 4;

const unheard: WireHandler = { onData() {}, onDrain() {}, onClose() {} };

/** A wire over a TLS socket of Bun. `socket.write` copies what it takes, so the lane's buffer is free after the call. */
export class TlsWire implements Wire {
  handler: WireHandler = unheard;
  readonly #socket: Socket<TlsWire | undefined>;

  constructor(socket: Socket<TlsWire | undefined>) {
    this.#socket = socket;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.#socket.write(bytes, offset, length);
  }

  end(): void {
    this.#socket.timeout(LINGER_SECONDS);
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

/** `data` is undefined until the peer's certificate is accepted. */
export type TlsSocket = Socket<TlsWire | undefined>;

export interface TlsEvents {
  opened(socket: TlsSocket): void;
  /** TLS is done, or failed. On acceptance `socket.data` is set to a wire here. */
  handshake(socket: TlsSocket, result: HandshakeResult): void;
  /** A socket closed that never became a wire. */
  failed(socket: TlsSocket, reason: string): void;
}

/** The one set of callbacks of all sockets of a dialler or an acceptor: what is a socket's own hangs on `socket.data`. */
export function tlsHandlers(events: TlsEvents): SocketHandler<TlsWire | undefined> {
  return {
    open: (socket) => events.opened(socket),
    handshake: (socket, success, error) => events.handshake(socket, { success, error }),
    data(socket, chunk) {
      socket.data?.handler.onData(chunk);
    },
    drain(socket) {
      socket.data?.handler.onDrain();
    },
    close(socket, error) {
      const reason =
        error === undefined || error === null ? "closed by the peer" : `lost: ${messageOf(error)}`;
      if (socket.data === undefined) events.failed(socket, reason);
      else socket.data.handler.onClose(`The connection was ${reason}`);
    },
    error(socket, error) {
      log.error("Failure on a link's connection", { error: messageOf(error), stack: error.stack });
      socket.terminate();
    },
    timeout(socket) {
      socket.terminate();
    },
  };
}

/** TLS options of the dialling end. */
export function clientTls(identity: LinkIdentity): TLSOptions {
  return {
    ca: identity.trust,
    cert: identity.client.certificate,
    key: identity.client.key,
    serverName: SERVER_NAME,
    rejectUnauthorized: true,
    ALPNProtocols: ALPN_WIRE,
    secureOptions: SECURE_OPTIONS,
  };
}

/** TLS options of the accepting end. */
export function serverTls(identity: LinkIdentity): TLSOptions {
  return {
    ca: identity.trust,
    cert: identity.server.certificate,
    key: identity.server.key,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ALPN_WIRE,
    secureOptions: SECURE_OPTIONS,
  };
}

/** Bun wants the list as it is on the wire (RFC 7301 section 3.1): each name after its length. */
const ALPN_WIRE = String.fromCharCode(ALPN.length) + ALPN;
