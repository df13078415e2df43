import type { Endpoint } from "../endpoint.ts";
import type { Flow } from "../flow/flow.ts";
import type { SocketEnd } from "../flow/socket-end.ts";
import type { StreamEnd } from "../flow/stream-end.ts";

export interface TunnelEnds {
  readonly client: SocketEnd;
  /** The pod's. */
  readonly end: SocketEnd | StreamEnd;
  readonly endpoint: Endpoint;
  /** What came from pods for this client so far. */
  readonly received: number;
  /** What the client sent already. */
  readonly ahead: Uint8Array | undefined;
  /** What the pod sent already. */
  readonly rest: Uint8Array;
}

/**
 * Makes a client and a pod each other's peer: what is spoken from here on is theirs. The flow has two ends again, and
 * counts the endpoint's request in flight until both are closed. Returns how much of `rest` the client took.
 */
export function openTunnel(flow: Flow, ends: TunnelEnds): number {
  const { client, end, endpoint, ahead, rest } = ends;
  flow.endpoint = endpoint;
  if (client.held > 0) {
    // The head of the answer stuck, so byte counts would not be right from here on; and nobody reads.
    end.deliverReset("TIMEOUT", "The client does not read");
    client.deliverReset();
    flow.abandon();
    return rest.length;
  }
  end.received = ends.received;
  end.flow = flow;
  end.peer = client;
  flow.far = end;
  client.peer = end;
  client.owe(ahead === undefined ? 0 : ahead.length - end.deliver(ahead));
  return rest.length === 0 ? 0 : client.deliver(rest);
}
