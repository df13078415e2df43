import type { Clock } from "#core/clock.ts";
import type { ResetCode } from "#link/reset-code.ts";
import { clientContext } from "./client-context.ts";
import type { Dialer, Upstream } from "../dial.ts";
import type { Endpoint } from "../endpoint.ts";
import { NOWHERE, type End } from "../flow/flow.ts";
import type { Route } from "../flow/opening.ts";
import type { Outcome } from "../selection/balancer.ts";
import { NONE_TRIED, type Tried } from "../selection/candidate.ts";
import { Account } from "../observe/account.ts";
import type { FlowLog } from "../observe/flow-log.ts";
import { SocketEnd } from "../flow/socket-end.ts";
import { StreamEnd } from "../flow/stream-end.ts";

export interface SpeculationOptions {
  readonly route: Route;
  readonly clock: Clock;
  readonly dialer: Dialer;
  readonly client: string;
  readonly flows: FlowLog;
  /** The client has so long to speak first, before an endpoint is asked whether it does, ms. */
  readonly graceMs: number;
  /** The endpoint spoke, or ended, before the client: both are to be made each other's peer now. The in-flight count and the account are passed on with it. */
  readonly onSpoke: (end: SocketEnd | StreamEnd, chosen: { endpoint: Endpoint; account: Account }) => void;
  /** No endpoint can be had. */
  readonly onNone: (account: Account) => void;
}

/**
 * Finds out whether the server speaks first (MySQL, SMTP, SSH), without delaying those that do: after a short grace an endpoint
 * is connected to; what it sends decides. When the client speaks first, `cancel` closes that connection, on which
 * nothing was sent, and the usual way is gone.
 *
 *     grace --over--> dialling --open--> listening --bytes or FIN from the endpoint--> spoke
 *       |                ^  \--failed, refused: the next endpoint--/
 *       \--------------- cancel() at any time: closed
 */
export class Speculation implements Upstream {
  readonly received = 0;
  readonly held = 0;
  readonly #options: SpeculationOptions;
  #cancelGrace: (() => void) | undefined;
  #endpoint: Endpoint | undefined;
  #end: SocketEnd | StreamEnd | undefined;
  #tried: Tried = NONE_TRIED;
  #askedMs = 0;
  #over = false;
  readonly #account: Account;

  constructor(options: SpeculationOptions) {
    this.#options = options;
    this.#account = new Account("tcp", options.flows);
    this.#account.begin(options.route, options.clock.monotonicMs());
    this.#cancelGrace = options.clock.after(options.graceMs, () => {
      this.#cancelGrace = undefined;
      this.#next();
    });
  }

  get peer(): End {
    return this.#end ?? NOWHERE;
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelGrace?.();
    this.#options.dialer.cancel(this);
    const end = this.#end;
    this.#end = undefined;
    end?.deliverReset("RESET_BY_PEER", "The client spoke first");
    this.#leave();
    this.#account.left();
  }

  onOpen(end: SocketEnd | StreamEnd): void {
    if (this.#over) {
      end.deliverReset("RESET_BY_PEER", "The client spoke first");
      return;
    }
    this.#end = end;
    if (end instanceof SocketEnd) this.#report("ok");
  }

  onDialFailed(): void {
    this.#failed("connectFailed");
  }

  deliver(chunk: Uint8Array): number {
    return this.#spoke()?.deliver(chunk) ?? chunk.length;
  }

  deliverFin(): void {
    this.#spoke()?.deliverFin();
  }

  deliverReset(code: ResetCode): void {
    this.#end = undefined;
    this.#failed(code === "REFUSED" || code === "NO_ENDPOINT" ? "connectFailed" : "reset");
  }

  taken(): void {
    // Nothing is sent to the endpoint.
  }

  #next(): void {
    const { route, dialer, client } = this.#options;
    const { service, port, policy } = route;
    const endpoint =
      this.#tried.length > policy.attempts
        ? undefined
        : route.balancer.pick(this.#tried, clientContext(route.balancer, client));
    if (endpoint === undefined) {
      this.#over = true;
      this.#options.onNone(this.#account);
      return;
    }
    this.#endpoint = endpoint;
    this.#askedMs = this.#options.clock.monotonicMs();
    endpoint.inFlight++;
    this.#account.attempt(endpoint);
    dialer.dial(this, { endpoint, target: { service, port, client }, timeoutMs: policy.connectMs });
  }

  #failed(outcome: Outcome): void {
    const endpoint = this.#endpoint;
    if (this.#over || endpoint === undefined) return;
    this.#report(outcome);
    this.#leave();
    this.#tried = [...this.#tried, endpoint];
    this.#next();
  }

  #report(outcome: Outcome): void {
    if (this.#endpoint === undefined) return;
    const { route, clock } = this.#options;
    route.balancer.report(this.#endpoint, outcome, clock.monotonicMs() - this.#askedMs);
  }

  #leave(): void {
    if (this.#endpoint !== undefined) this.#endpoint.inFlight--;
    this.#endpoint = undefined;
  }

  /** Returns who is to hear what the endpoint said. */
  #spoke(): End | undefined {
    const [end, endpoint] = [this.#end, this.#endpoint];
    if (this.#over || end === undefined || endpoint === undefined) return undefined;
    this.#over = true;
    // Of a stream it is only known now that the endpoint is there.
    if (end instanceof StreamEnd) this.#report("ok");
    this.#account.opened(this.#options.clock.monotonicMs());
    this.#options.onSpoke(end, { endpoint, account: this.#account });
    return end.peer;
  }
}
