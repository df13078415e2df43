import type { Endpoint } from "../endpoint.ts";
import type { ResetCode } from "#link/reset-code.ts";
import { CLIENT_LEFT } from "../observe/account.ts";
import type { TrafficCounts } from "../observe/traffic-row.ts";

/**
 * One end of a proxied connection: a local socket, a stream on a link, or who is about to become one. Two ends that are
 * each other's `peer` make the pump; bytes go straight from one's source into the other's sink.
 *
 *     source --onData--> end A --peer.deliver--> end B --write--> sink
 *                          ^------- taken ---------|   what B held back has gone: A may read on
 */
export interface End {
  readonly peer: End;
  /** Bytes that came from this end's source. */
  readonly received: number;
  /** Bytes for this end's sink that it has not taken yet. */
  readonly held: number;
  /** Hands bytes to the sink; nobody may write to `chunk` again. Returns how many it took; the rest is held, and reported by `peer.taken`. */
  deliver(chunk: Uint8Array): number;
  /** The other source ended cleanly: after what is held, half-close. */
  deliverFin(): void;
  /** The other end broke: break this one too. Never a clean end. */
  deliverReset(code: ResetCode, reason: string): void;
  /** The peer's sink took `bytes` of what `deliver` had held. */
  taken(bytes: number): void;
}

/** The peer of an end that has none yet: takes nothing, so nothing is lost. */
export const NOWHERE: End = {
  get peer(): End {
    return NOWHERE;
  },
  received: 0,
  held: 0,
  deliver: () => 0,
  deliverFin: () => undefined,
  deliverReset: () => undefined,
  taken: () => undefined,
};

/** What is known of a flow besides its bytes. */
export interface FlowFacts {
  readonly kind: "client" | "inbound" | "relay";
  readonly service: string;
  readonly port: number;
  readonly client: string;
  readonly idleMs: number;
  readonly startedMs: number;
}

/** One proxied connection from accept (or OPEN) until both its ends are closed. */
export class Flow {
  facts: FlowFacts;
  /** Asks its protocol to end soon, with what runs finished; undefined where bytes are just passed on. */
  drain: (() => void) | undefined;
  /** The endpoint it goes to, chosen here; changes while connects are retried. */
  endpoint: Endpoint | undefined;
  /** What to show of where it goes. */
  target = "";
  /** Nearer the client. */
  near: End | undefined;
  /** Nearer the endpoint. */
  far: End | undefined;
  /** Whose its bytes are at the moment: set by `countTo`. */
  row: TrafficCounts | undefined;
  /** What of them was counted for a row already. */
  countedToEndpoint = 0;
  countedToClient = 0;
  /** What broke it first: a reset code, or `client-left`. */
  broken: string | undefined;
  /** Called before `onClosed`, once: a connection tells how it went. */
  onEnd: ((flow: Flow) => void) | undefined;
  /** Called once, when both ends are closed. */
  onClosed: ((flow: Flow) => void) | undefined;
  /** Owned by `FlowTable`. */
  bucket = -1;
  /** Owned by `FlowTable`: bytes delivered when last looked at, and looks since they changed. */
  seenBytes = -1;
  quietLooks = 0;
  #open = 2;

  constructor(facts: FlowFacts) {
    this.facts = facts;
  }

  /** Bytes that reached a sink, both ways together: stands still exactly when nothing moves. */
  get deliveredBytes(): number {
    const { near, far } = this;
    return (near?.received ?? 0) + (far?.received ?? 0) - (near?.held ?? 0) - (far?.held ?? 0);
  }

  /** What moved since the last call was for the row until now, if there was one; from here on it is for `row`. */
  countTo(row: TrafficCounts | undefined): void {
    const { row: before, near, far } = this;
    if (before !== undefined) {
      const toEndpoint = near?.received ?? 0;
      const toClient = far?.received ?? 0;
      before.bytesToEndpoint += toEndpoint - this.countedToEndpoint;
      before.bytesToClient += toClient - this.countedToClient;
      this.countedToEndpoint = toEndpoint;
      this.countedToClient = toClient;
    }
    this.row = row;
  }

  /** `end` broke: the first one to do so is why the flow failed. */
  broke(end: End, code: ResetCode): void {
    this.broken ??= end === this.near ? CLIENT_LEFT : code;
  }

  /** An end reports, once, that nothing more can happen on it. */
  endClosed(): void {
    if (--this.#open === 0) this.#finish();
  }

  /** Both ends are gone or were never there. */
  abandon(): void {
    if (this.#open <= 0) return;
    this.#open = 0;
    this.#finish();
  }

  /** Breaks both ends now. */
  kill(code: ResetCode, reason: string): void {
    this.broken ??= code;
    this.near?.deliverReset(code, reason);
    this.far?.deliverReset(code, reason);
    this.abandon();
  }

  #finish(): void {
    const { onClosed, onEnd } = this;
    this.onClosed = undefined;
    this.onEnd = undefined;
    onEnd?.(this);
    this.countTo(undefined);
    onClosed?.(this);
  }
}
