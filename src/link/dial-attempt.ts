import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import type { Address } from "./address.ts";
import type { Lane } from "./lane.ts";
import { problemOfOwnCertificate } from "./own-certificate.ts";
import { identifyPeer } from "./peer.ts";
import { clientTls, TlsWire, tlsHandlers, type TlsSocket } from "./tls-wire.ts";
import type { LinkIdentity } from "./types.ts";

export interface DialAttemptOptions {
  readonly address: Address;
  readonly identity: LinkIdentity;
  readonly expectedSite: string | undefined;
  readonly clock: Clock;
  /** For the connection and the TLS handshake together. */
  readonly timeoutMs: number;
  readonly onWire: (wire: TlsWire, siteId: string) => void;
  /** Never during `start`. */
  readonly onFailed: (reason: string) => void;
}

/**
 * One try to get a wire to a router whose certificate is accepted. Exactly one of `onWire` and `onFailed` is called, unless
 * it was abandoned before.
 */
export class DialAttempt {
  readonly #options: DialAttemptOptions;
  #settled = false;
  #socket: TlsSocket | undefined;
  #lane: Lane | undefined;
  #cancelTimeout: (() => void) | undefined;

  constructor(options: DialAttemptOptions) {
    this.#options = options;
  }

  start(): void {
    const { identity, clock, timeoutMs } = this.#options;
    const problem = problemOfOwnCertificate(identity.client.certificate, clock.now());
    if (problem !== undefined) {
      queueMicrotask(() => this.#fail(problem));
      return;
    }
    this.#cancelTimeout = clock.after(timeoutMs, () => this.#fail(`No answer within ${timeoutMs} ms`));
    this.#connect().catch((error: unknown) => this.#fail(messageOf(error)));
  }

  /** Rejects also where the identity cannot be used at all. */
  async #connect(): Promise<void> {
    const { address, identity } = this.#options;
    await Bun.connect<TlsWire | undefined>({
      hostname: address.host,
      port: address.port,
      tls: clientTls(identity),
      data: undefined,
      socket: tlsHandlers({
        opened: (socket) => {
          if (this.#settled) socket.terminate();
          else this.#socket = socket;
        },
        handshake: (socket, result) => {
          const peer = identifyPeer(socket, { ...result, own: identity });
          if ("refused" in peer) this.#fail(peer.refused);
          else this.#accept(socket, peer.siteId);
        },
        failed: (_socket, reason) => this.#fail(`The connection was ${reason}`),
      }),
    });
  }

  /** The lane that says HELLO on the wire of this attempt. */
  greeting(lane: Lane): void {
    this.#lane = lane;
  }

  abandon(): void {
    this.#settle();
    if (this.#lane === undefined) this.#socket?.terminate();
    else this.#lane.fail("Not needed any more");
  }

  #accept(socket: TlsSocket, siteId: string): void {
    const { expectedSite } = this.#options;
    if (expectedSite !== undefined && expectedSite !== siteId) {
      return this.#fail(`Site "${siteId}" is there, expected "${expectedSite}"`);
    }
    if (!this.#settle()) return;
    const wire = new TlsWire(socket);
    socket.data = wire;
    this.#options.onWire(wire, siteId);
  }

  #fail(reason: string): void {
    if (!this.#settle()) return;
    this.#socket?.terminate();
    this.#options.onFailed(reason);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#cancelTimeout?.();
    return true;
  }
}
