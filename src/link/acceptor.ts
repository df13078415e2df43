import type { TCPSocketListener } from "bun";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { GOAWAY } from "./constants.ts";
import { createHello, type Hello } from "./hello.ts";
import { Lane } from "./lane.ts";
import { resolveOptions, type LinkOptions, type ResolvedOptions } from "./options.ts";
import { Output } from "./output.ts";
import { Greeter } from "./greeter.ts";
import { identifyPeer, type HandshakeResult } from "./peer.ts";
import { LinkSession } from "./session.ts";
import { serverTls, TlsWire, tlsHandlers, type TlsSocket } from "./tls-wire.ts";
import type { Link, LinkIdentity } from "./types.ts";

const log = logFor("link");
const IDENTITY_CHECK_MS = 1000;

export interface AcceptOptions extends LinkOptions {
  readonly hostname: string;
  /** 0 for any that is free. */
  readonly port: number;
}

export interface AcceptCounts {
  readonly accepted: number;
  /** Connections whose certificate or HELLO was refused. */
  readonly refused: number;
  /** Connections cut since too many others were in their handshake. */
  readonly overloaded: number;
}

export interface Acceptor {
  readonly port: number;
  /** Links that were accepted and are not ended, also those that drain. */
  links(): readonly Link[];
  counts(): AcceptCounts;
  /** Takes no more connections; links stay. */
  stop(): void;
  /** Takes no more connections and cuts all links. */
  close(): void;
}

/** Accepts links. Throws ADDRESS_IN_USE where the port is taken. */
export function acceptLinks(options: AcceptOptions): Acceptor {
  return new LinkAcceptor(options);
}

class LinkAcceptor implements Acceptor {
  readonly port: number;
  readonly #options: AcceptOptions;
  readonly #resolved: ResolvedOptions;
  /** Links that take lanes, by site id and the dialler's link id. */
  readonly #byKey = new Map<string, LinkSession>();
  readonly #sessions = new Set<LinkSession>();
  /** Lanes whose peer is known and has not said HELLO yet. */
  readonly #greeting = new Set<Lane>();
  readonly #stopChecks: () => void;
  #identity: LinkIdentity;
  #listener: TCPSocketListener<TlsWire | undefined> | undefined;
  #handshakes = 0;
  #accepted = 0;
  #refused = 0;
  #overloaded = 0;

  constructor(options: AcceptOptions) {
    this.#options = options;
    this.#resolved = resolveOptions(options);
    this.#identity = options.identity();
    this.#listener = this.#listen(options.port);
    this.port = this.#listener.port;
    this.#stopChecks = this.#resolved.context.clock.every(IDENTITY_CHECK_MS, () => this.#checkIdentity());
  }

  links(): readonly Link[] {
    return [...this.#sessions];
  }

  counts(): AcceptCounts {
    return { accepted: this.#accepted, refused: this.#refused, overloaded: this.#overloaded };
  }

  stop(): void {
    this.#stopChecks();
    this.#listener?.stop(false);
    this.#listener = undefined;
  }

  close(): void {
    this.stop();
    for (const lane of this.#greeting) lane.fail("The router stops");
    for (const session of this.#sessions) session.close("The router stops");
  }

  #listen(port: number): TCPSocketListener<TlsWire | undefined> {
    const { hostname } = this.#options;
    try {
      return Bun.listen<TlsWire | undefined>({
        hostname,
        port,
        tls: serverTls(this.#identity),
        data: undefined,
        socket: tlsHandlers({
          opened: (socket) => this.#opened(socket),
          handshake: (socket, result) => this.#handshake(socket, result),
          failed: () => void this.#handshakes--,
        }),
      });
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      throw new IsthmusError(
        taken ? "ADDRESS_IN_USE" : "FAILED",
        `Cannot accept links on ${hostname}:${port}: ${taken ? "the port is in use" : messageOf(error)}`,
        { cause: error },
      );
    }
  }

  /** Nothing is kept for a connection before its certificate is accepted, but that it counts and has a time limit. */
  #opened(socket: TlsSocket): void {
    this.#handshakes++;
    const { limits, soon } = this.#resolved.context;
    if (this.#options.identity() !== this.#identity && this.#identityChanged()) {
      // Its handshake would be with the old certificate: its peer dials again at once.
      socket.terminate();
      soon(() => this.#checkIdentity());
    } else if (this.#handshakes > limits.maxHandshakes) {
      this.#overloaded++;
      socket.terminate();
    } else {
      socket.timeout(Math.ceil(limits.handshakeMs / 1000));
    }
  }

  #handshake(socket: TlsSocket, result: HandshakeResult): void {
    const peer = identifyPeer(socket, { ...result, own: this.#identity });
    if ("refused" in peer) {
      this.#refused++;
      log.warning("Connection refused", { from: socket.remoteAddress, reason: peer.refused });
      refuse(socket, peer.refused);
      return;
    }
    this.#handshakes--;
    socket.timeout(0);
    const wire = new TlsWire(socket);
    socket.data = wire;
    const { context } = this.#resolved;
    const hello = createHello(this.#options.self, {
      link: "",
      linkName: "",
      cost: 1,
      limits: context.limits,
    });
    const owner = new Greeter({
      onHello: (lane, theirs) => this.#welcome(lane, theirs, peer.siteId),
      onClosed: (lane, reason) => {
        if (!this.#greeting.delete(lane)) return;
        this.#refused++;
        log.warning("Connection refused", { from: socket.remoteAddress, site: peer.siteId, reason });
      },
    });
    this.#greeting.add(new Lane({ wire, dialler: false, hello, context, owner }));
  }

  /** A lane's peer is known and has said HELLO: it joins its link, or is the first of one. */
  #welcome(lane: Lane, hello: Hello, siteId: string): string | undefined {
    const key = `${siteId} ${hello.link}`;
    let session = this.#byKey.get(key);
    if (session !== undefined && session.remote.routerId !== hello.routerId) {
      return `Link ${hello.link} is of router "${session.remote.routerId}"`;
    }
    const { maxLanesPerLink } = this.#resolved.context.limits;
    if (session !== undefined && session.allLanes.length > maxLanesPerLink) {
      return `A link has at most ${maxLanesPerLink} lanes`;
    }
    this.#greeting.delete(lane);
    this.#accepted++;
    session ??= this.#createSession(key, { hello, siteId });
    session.join(lane);
    return undefined;
  }

  #createSession(key: string, { hello, siteId }: { hello: Hello; siteId: string }): LinkSession {
    const { siteName, routerId, version } = hello;
    const session: LinkSession = new LinkSession({
      name: hello.linkName === "" ? siteName : hello.linkName,
      direction: "accepted",
      remote: { siteId, siteName, routerId, version },
      cost: hello.cost,
      handler: this.#options.handler,
      context: this.#resolved.context,
      onDown: () => this.#byKey.delete(key),
      onEnd: () => this.#sessions.delete(session),
    });
    this.#byKey.set(key, session);
    this.#sessions.add(session);
    return session;
  }

  #identityChanged(): boolean {
    const now = this.#options.identity();
    const then = this.#identity;
    return now.server.certificate !== then.server.certificate || now.trust !== then.trust;
  }

  /** Listens with the new certificate, and has the lanes that were made with the old one replaced. */
  #checkIdentity(): void {
    const { identity } = this.#options;
    if (this.#listener !== undefined && !this.#identityChanged()) return;
    this.#listener?.stop(false);
    this.#listener = undefined;
    try {
      this.#identity = identity();
      this.#listener = this.#listen(this.port);
    } catch (error) {
      log.error("Cannot listen with the new certificate, trying again", { error: messageOf(error) });
      return;
    }
    for (const session of this.#sessions) {
      for (const lane of session.allLanes) session.replace(lane, "The router has a new certificate");
    }
  }
}

/** Ends a connection, with the reason where TLS itself has nothing against the peer. */
function refuse(socket: TlsSocket, reason: string): void {
  if (!socket.authorized) return socket.terminate();
  const output = new Output();
  output.goAway(GOAWAY.CLOSE, reason);
  const wire = new TlsWire(socket);
  output.flush(wire);
  wire.end();
}
