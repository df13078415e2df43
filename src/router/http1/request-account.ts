import type { RequestHead } from "#http/h1/request-head.ts";
import type { Route } from "../flow/opening.ts";
import { Account, type Ending } from "../observe/account.ts";
import { cutHost, cutMethod, cutPath } from "../observe/http-facts.ts";
import type { FlowRecord } from "../observe/observation.ts";
import type { ExchangeClient } from "./exchange-parts.ts";

/** Counts the requests of one exchange, one after the other. Their bytes are those of the client's connection meanwhile. */
export class RequestAccount extends Account {
  #client!: ExchangeClient;
  #fromToEndpoint = 0;
  #fromToClient = 0;

  start(route: Route, client: ExchangeClient, startedMs: number): void {
    this.#client = client;
    this.#fromToEndpoint = client.flow.countedToEndpoint;
    this.#fromToClient = client.flow.countedToClient;
    this.begin(route, startedMs);
  }

  /** The request is over; to be called before its head is forgotten. */
  tell(request: RequestHead, ending: Ending & { readonly status: number }): void {
    const { flow, facts } = this.#client;
    const wanted = this.ended(ending);
    if (flow.row === undefined) flow.countTo(this.row);
    flow.countTo(undefined);
    if (!wanted) return;
    this.record(ending, {
      client: facts.address,
      bytesToEndpoint: flow.countedToEndpoint - this.#fromToEndpoint,
      bytesToClient: flow.countedToClient - this.#fromToClient,
      http: httpFacts(request, ending.status),
    });
  }
}

/** What a record says of a request. */
export function httpFacts(request: RequestHead, status: number): NonNullable<FlowRecord["http"]> {
  return {
    method: cutMethod(request.methodName()),
    host: cutHost(request.host()),
    path: cutPath(request.path()),
    status,
  };
}
