import type { Clock } from "#core/clock.ts";
import type { ResetCode } from "#link/reset-code.ts";
import type { Link, LinkStream } from "#link/types.ts";
import type { ConnectQueue, ConnectTarget } from "./connect-queue.ts";
import type { RouterCounters } from "../counters.ts";
import type { Endpoint } from "../endpoint.ts";
import { Flow, type End } from "./flow.ts";
import type { Network } from "../network/network.ts";
import type { ServiceTable } from "../service-table.ts";
import { OBSERVE_SERVICE } from "../observe/over-links/protocol.ts";
import { SocketEnd } from "./socket-end.ts";
import { StreamEnd } from "./stream-end.ts";

/** A stream passes at most so many sites, the first included (link-protocol.md, OPEN). */
export const MAX_HOPS = 8;

export interface InboundOptions {
  readonly siteId: string;
  readonly services: ServiceTable;
  readonly network: Network;
  readonly connects: ConnectQueue;
  readonly counters: RouterCounters;
  readonly clock: Clock;
  /** Takes a new flow into the books; false refuses it. */
  readonly admit: (flow: Flow) => boolean;
  /** Another site's router asks what this one knows. */
  readonly onAsk: (stream: LinkStream) => void;
}

/**
 * Streams that neighbours open: for an endpoint of this site they go to its pod, for another site's to the next hop.
 *
 * Only what is exported here can be reached: an unknown service is DENIED, an unknown endpoint of a known one
 * NO_ENDPOINT (it may just have gone; the other side tries another). The hop list must end with the neighbour that the
 * certificate names, must not hold this site, and is at most 8 long.
 */
export class Inbound {
  readonly #options: InboundOptions;

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  accept(stream: LinkStream, link: Link): void {
    const { open } = stream;
    const { counters, siteId } = this.#options;
    const refusal = this.#hopsProblem(open.hops, link);
    if (refusal !== undefined) {
      stream.reset(...refusal);
      return;
    }
    const slash = open.endpoint.indexOf("/");
    const target = slash < 0 ? siteId : open.endpoint.slice(0, slash);
    if (target !== siteId) {
      counters.relayedStreams++;
      this.#relay(stream, target, open.endpoint.slice(slash + 1));
      return;
    }
    if (open.service === OBSERVE_SERVICE) {
      this.#options.onAsk(stream);
      return;
    }
    counters.inboundStreams++;
    this.#arrive(stream, open.endpoint.slice(slash + 1));
  }

  #hopsProblem(hops: readonly string[], link: Link): [ResetCode, string] | undefined {
    const { counters, siteId } = this.#options;
    if (hops[hops.length - 1] !== link.remote.siteId) {
      counters.refusedForged++;
      return ["DENIED", "Last hop is not the neighbour"];
    }
    if (hops.includes(siteId)) {
      counters.refusedLoop++;
      return ["REFUSED", "Loop"];
    }
    if (hops.length > MAX_HOPS) {
      counters.refusedHops++;
      return ["REFUSED", "Too many hops"];
    }
    return undefined;
  }

  #arrive(stream: LinkStream, id: string): void {
    const { services, counters } = this.#options;
    const { service, port } = stream.open;
    if (!services.exports(service)) {
      counters.refusedUnknownService++;
      stream.reset("DENIED", "Service is not exported here");
      return;
    }
    const endpoint =
      id === "" ? leastBusy(services.localEndpoints(service)) : services.localEndpoint(service, id);
    const podPort = endpoint?.facts.ports.get(port);
    if (endpoint?.facts.host === undefined || podPort === undefined) {
      counters.refusedUnknownEndpoint++;
      stream.reset("NO_ENDPOINT", "Endpoint is not known here");
      return;
    }
    const { connectMs: timeoutMs, idleMs } = services.connectPolicy(service);
    const flow = this.#flow(stream, { kind: "inbound", target: endpoint.wireId, idleMs });
    const source = this.#source(stream, flow);
    if (source === undefined) return;
    const arrival = new Arrival(flow, { source, options: this.#options });
    source.peer = arrival;
    flow.far = arrival;
    arrival.connect({ hostname: endpoint.facts.host, port: podPort, timeoutMs });
  }

  #relay(stream: LinkStream, siteId: string, id: string): void {
    const { network, counters } = this.#options;
    const { open } = stream;
    const hops = [...open.hops, this.#options.siteId];
    // A question may be for one router of a site; an endpoint is reached from any of them.
    const link =
      open.service === OBSERVE_SERVICE && id !== ""
        ? network.nextHopToRouter(siteId, id, open.hops)
        : network.nextHop(siteId, open.hops);
    if (link === undefined || hops.length > MAX_HOPS) {
      counters[link === undefined ? "refusedNoRoute" : "refusedHops"]++;
      stream.reset("REFUSED", link === undefined ? "No route to the site" : "Too many hops");
      return;
    }
    const flow = this.#flow(stream, { kind: "relay", target: open.endpoint, idleMs: RELAY_IDLE_MS });
    const source = this.#source(stream, flow);
    if (source === undefined) return;
    const onward = new StreamEnd();
    onward.flow = flow;
    onward.peer = source;
    source.peer = onward;
    flow.far = onward;
    onward.attach(link.open({ ...open, hops }, onward));
  }

  #flow(
    stream: LinkStream,
    { kind, target, idleMs }: { kind: "inbound" | "relay"; target: string; idleMs: number },
  ): Flow {
    const { service, port, client } = stream.open;
    const flow = new Flow({ kind, service, port, client, idleMs, startedMs: this.#options.clock.now() });
    flow.target = target;
    return flow;
  }

  #source(stream: LinkStream, flow: Flow): StreamEnd | undefined {
    const source = new StreamEnd();
    source.attach(stream);
    source.flow = flow;
    flow.near = source;
    if (!this.#options.admit(flow)) {
      stream.reset("OVERLOAD", "Router takes no more");
      return undefined;
    }
    stream.handler = source;
    return source;
  }
}

/** The ends of a relayed stream have their own, shorter idle timeouts; this only catches what they forgot. */
const RELAY_IDLE_MS = 24 * 3_600_000;

function leastBusy(endpoints: readonly Endpoint[]): Endpoint | undefined {
  let best: Endpoint | undefined;
  for (const endpoint of endpoints) {
    if (endpoint.facts.ready && (best === undefined || endpoint.inFlight < best.inFlight)) best = endpoint;
  }
  return best;
}

/** Stands for a pod until the connection to it is made. What the stream brings meanwhile is kept: its window bounds it. */
class Arrival implements End, ConnectTarget {
  readonly peer: End;
  readonly received = 0;
  readonly held = 0;
  readonly #flow: Flow;
  readonly #source: StreamEnd;
  readonly #options: InboundOptions;
  readonly #target = new SocketEnd();
  #kept: Uint8Array[] = [];
  #fin = false;

  constructor(
    flow: Flow,
    { source, options }: { readonly source: StreamEnd; readonly options: InboundOptions },
  ) {
    this.#flow = flow;
    this.#source = source;
    this.peer = source;
    this.#options = options;
  }

  connect(to: { readonly hostname: string; readonly port: number; readonly timeoutMs: number }): void {
    this.#options.connects.connect({ ...to, end: this.#target, target: this });
  }

  deliver(chunk: Uint8Array): number {
    this.#kept.push(new Uint8Array(chunk));
    return 0;
  }

  deliverFin(): void {
    this.#fin = true;
  }

  deliverReset(): void {
    this.#options.connects.cancel(this.#target);
    this.#kept = [];
    this.#flow.abandon();
  }

  taken(): void {
    // Nothing comes from a pod that is not there yet.
  }

  onConnected(target: SocketEnd): void {
    const source = this.#source;
    target.flow = this.#flow;
    target.peer = source;
    source.peer = target;
    this.#flow.far = target;
    let took = 0;
    for (const chunk of this.#kept) took += target.deliver(chunk);
    this.#kept = [];
    if (took > 0) source.taken(took);
    if (this.#fin) target.deliverFin();
  }

  onConnectFailed(reason: string): void {
    this.#options.counters.refusedConnect++;
    this.#source.deliverReset("REFUSED", `Connect to the endpoint failed: ${reason}`);
    this.#flow.abandon();
  }
}
