import { Backoff } from "#core/backoff.ts";
import { IsthmusError } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { parseAddress, type Address } from "./address.ts";
import { GOAWAY } from "./constants.ts";
import { DialAttempt } from "./dial-attempt.ts";
import { Greeter } from "./greeter.ts";
import { createHello, type Hello } from "./hello.ts";
import { Lane } from "./lane.ts";
import { resolveOptions, type LinkOptions, type ResolvedOptions } from "./options.ts";
import { LinkSession } from "./session.ts";
import type { TlsWire } from "./tls-wire.ts";
import type { Link, LinkIdentity } from "./types.ts";

const log = logFor("link");
const IDENTITY_CHECK_MS = 1000;

export interface DialOptions extends LinkOptions {
  readonly name: string;
  /** `host:port`, tried in turn. */
  readonly addresses: readonly string[];
  /** TLS connections side by side; at least 1. */
  readonly lanes: number;
  readonly cost: number;
  /** The site that must be at the other end. */
  readonly expectedSite?: string;
}

export interface DialStatus {
  /** `connecting` until the first attempt failed, `down` while the last one failed. */
  readonly state: "connecting" | "up" | "down";
  /** Why the last attempt failed, or the link was lost. Also while a lane is missing of a link that is up. */
  readonly error?: string;
}

export interface Dialler {
  status(): DialStatus;
  /** The link while it is up. */
  link(): Link | undefined;
  /** Told to the other end as well. */
  setCost(cost: number): void;
  /** Dials no more and cuts the link. To drain it first, call its `goAway`. */
  close(): void;
}

/** Keeps a link up: dials for ever, with full jitter between attempts. Throws INVALID for a bad address. */
export function dialLink(options: DialOptions): Dialler {
  return new LinkDialler(options);
}

/**
 * One lane's place in the link. Only the first dials while the link is down; the others follow when it is up.
 *
 *   idle --dial--> dialling --HELLO--> up --lost--> waiting --back-off--> dialling
 *                     +---- failed ---------------> waiting
 */
interface Slot {
  readonly backoff: Backoff;
  lane: Lane | undefined;
  /** The lane that the one being dialled takes the place of. */
  replaces: Lane | undefined;
  identity: LinkIdentity | undefined;
  upSinceMs: number;
  attempt: DialAttempt | undefined;
  cancelWait: (() => void) | undefined;
}

class LinkDialler implements Dialler {
  readonly #options: DialOptions;
  readonly #resolved: ResolvedOptions;
  readonly #addresses: readonly Address[];
  readonly #slots: readonly Slot[];
  readonly #stopChecks: () => void;
  #linkId: string;
  #cost: number;
  #attempts = 0;
  #error: string | undefined;
  #session: LinkSession | undefined;
  /** Those too that only drain. */
  readonly #sessions = new Set<LinkSession>();
  #stopped = false;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#resolved = resolveOptions(options);
    this.#addresses = options.addresses.map(parseAddress);
    if (this.#addresses.length === 0) {
      throw new IsthmusError(
        "INVALID",
        `Link "${options.name}" has no address: expected at least one host:port`,
      );
    }
    this.#cost = options.cost;
    this.#linkId = this.#newLinkId();
    const { context, random } = this.#resolved;
    const { reconnectBaseMs: baseMs, reconnectCapMs: capMs } = context.limits;
    this.#slots = Array.from({ length: Math.max(1, options.lanes) }, () => ({
      backoff: new Backoff({ baseMs, capMs, random }),
      lane: undefined,
      replaces: undefined,
      identity: undefined,
      upSinceMs: 0,
      attempt: undefined,
      cancelWait: undefined,
    }));
    this.#stopChecks = context.clock.every(IDENTITY_CHECK_MS, () => this.#checkIdentity());
    this.#dialMissing();
  }

  status(): DialStatus {
    const error = this.#error === undefined ? {} : { error: this.#error };
    if (this.#session !== undefined) return { state: "up", ...error };
    return { state: this.#error === undefined ? "connecting" : "down", ...error };
  }

  link(): Link | undefined {
    return this.#session;
  }

  setCost(cost: number): void {
    this.#cost = cost;
    this.#session?.setCost(cost);
  }

  close(): void {
    this.#stop();
    for (const session of Array.from(this.#sessions)) session.close("The link was removed");
  }

  #stop(): void {
    this.#stopped = true;
    this.#stopChecks();
    for (const slot of this.#slots) abandon(slot);
  }

  /** Dials the lanes that are neither up nor on their way: the first one, or all of a link that is up. */
  #dialMissing(): void {
    for (const slot of this.#session === undefined ? this.#slots.slice(0, 1) : this.#slots) {
      const busy = slot.attempt !== undefined || slot.cancelWait !== undefined;
      if (!busy && slot.lane === undefined) this.#dial(slot);
    }
  }

  #dial(slot: Slot): void {
    if (this.#stopped) return;
    const { clock, limits } = this.#resolved.context;
    const address = this.#addresses[this.#attempts++ % this.#addresses.length]!;
    const identity = this.#options.identity();
    const attempt = new DialAttempt({
      address,
      identity,
      expectedSite: this.#options.expectedSite,
      clock,
      timeoutMs: limits.handshakeMs,
      onWire: (wire, siteId) => this.#greet(slot, { wire, siteId, identity }),
      onFailed: (reason) => this.#failed(slot, `Cannot reach ${address.host}:${address.port}: ${reason}`),
    });
    slot.attempt = attempt;
    attempt.start();
  }

  #greet(slot: Slot, from: { wire: TlsWire; siteId: string; identity: LinkIdentity }): void {
    const { context } = this.#resolved;
    const { name, self } = this.#options;
    const hello = createHello(self, {
      link: this.#linkId,
      linkName: name,
      cost: this.#cost,
      limits: context.limits,
    });
    const owner = new Greeter({
      onHello: (lane, theirs) => this.#join(slot, { lane, hello: theirs, ...from }),
      onClosed: (_lane, reason) => this.#failed(slot, `The other end refused the link: ${reason}`),
    });
    const lane = new Lane({ wire: from.wire, dialler: true, hello, context, owner });
    slot.attempt?.greeting(lane);
  }

  #join(
    slot: Slot,
    from: { lane: Lane; hello: Hello; siteId: string; identity: LinkIdentity },
  ): string | undefined {
    const { lane, hello, siteId, identity } = from;
    const remote = this.#session?.remote;
    if (remote !== undefined && (remote.siteId !== siteId || remote.routerId !== hello.routerId)) {
      return `This lane reached router "${hello.routerId}" of site "${siteId}", its link is to "${remote.routerId}" of "${remote.siteId}"`;
    }
    const replaced = slot.replaces;
    slot.attempt = undefined;
    slot.replaces = undefined;
    slot.lane = lane;
    slot.identity = identity;
    slot.upSinceMs = this.#resolved.context.clock.monotonicMs();
    this.#error = undefined;
    this.#session ??= this.#createSession(hello, siteId);
    this.#session.join(lane);
    replaced?.goAway(GOAWAY.LANE, "Replaced by another lane");
    this.#dialMissing();
    return undefined;
  }

  #createSession(hello: Hello, siteId: string): LinkSession {
    const { siteName, routerId, version } = hello;
    const session: LinkSession = new LinkSession({
      name: this.#options.name,
      direction: "dialled",
      remote: { siteId, siteName, routerId, version },
      cost: this.#cost,
      handler: this.#options.handler,
      context: this.#resolved.context,
      onReplace: (lane) => this.#replace(lane),
      onLaneClosed: (lane, reason) => this.#laneClosed(lane, reason),
      onDown: (reason, leaving) => this.#linkDown(session, { reason, leaving }),
      onEnd: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return session;
  }

  #failed(slot: Slot, reason: string): void {
    slot.attempt = undefined;
    if (this.#stopped) return;
    if (this.#error !== reason) log.warning("Link attempt failed", { link: this.#options.name, reason });
    this.#error = reason;
    this.#dialLater(slot);
  }

  #laneClosed(lane: Lane, reason: string): void {
    const slot = this.#slots.find((each) => each.lane === lane);
    for (const each of this.#slots) if (each.replaces === lane) each.replaces = undefined;
    if (slot === undefined || this.#stopped) return;
    slot.lane = undefined;
    const { clock, limits } = this.#resolved.context;
    if (clock.monotonicMs() - slot.upSinceMs >= limits.reconnectCapMs) slot.backoff.reset();
    this.#error = reason;
    if (slot.attempt === undefined) this.#dialLater(slot);
  }

  /** Its lanes are gone or only drain: the next one is another link. */
  #linkDown(session: LinkSession, { reason, leaving }: { reason: string; leaving: boolean }): void {
    if (this.#session === session) this.#session = undefined;
    if (leaving) this.#stop();
    if (this.#stopped) return;
    this.#linkId = this.#newLinkId();
    for (const slot of this.#slots) abandon(slot);
    this.#error = reason;
    this.#dialLater(this.#slots[0]!);
  }

  #dialLater(slot: Slot): void {
    if (this.#stopped || slot.cancelWait !== undefined) return;
    if (this.#session === undefined && slot !== this.#slots[0]) return;
    slot.cancelWait = this.#resolved.context.clock.after(slot.backoff.nextDelayMs(), () => {
      slot.cancelWait = undefined;
      if (this.#session !== undefined || slot === this.#slots[0]) this.#dial(slot);
    });
  }

  /** Dials a lane that takes the place of `lane`, which stays in use until then. */
  #replace(lane: Lane): void {
    const slot = this.#slots.find((each) => each.lane === lane);
    if (slot === undefined || this.#stopped) return;
    slot.lane = undefined;
    slot.replaces = lane;
    if (slot.attempt === undefined && slot.cancelWait === undefined) this.#dial(slot);
  }

  #checkIdentity(): void {
    const now = this.#options.identity();
    for (const { lane, identity } of this.#slots) {
      if (lane === undefined || identity === undefined) continue;
      const same = now.client.certificate === identity.client.certificate && now.trust === identity.trust;
      if (!same) this.#replace(lane);
    }
  }

  #newLinkId(): string {
    const { random } = this.#resolved;
    return `${random.below(2 ** 32).toString(36)}${random.below(2 ** 32).toString(36)}`;
  }
}

function abandon(slot: Slot): void {
  slot.attempt?.abandon();
  slot.attempt = undefined;
  slot.cancelWait?.();
  slot.cancelWait = undefined;
  slot.lane = undefined;
  slot.replaces = undefined;
}
