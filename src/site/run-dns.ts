import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor } from "#core/log.ts";
import { Responder } from "#dns/responder.ts";
import { TcpServer } from "#dns/tcp-server.ts";
import { UdpServer } from "#dns/udp-server.ts";
import { Zone } from "#dns/zone.ts";
import type { KubeClient } from "#kube/client.ts";
import { DnsFeed } from "./dns-feed.ts";

export interface DnsOptions {
  /** Where it answers, over UDP and TCP. */
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly origin: string;
  /** How long answers may be kept, s. */
  readonly ttl: number;
  readonly client: KubeClient;
  /** Absent: all namespaces. */
  readonly namespace?: string;
}

/** Answers for the clusterset zone of one cluster until SIGINT or SIGTERM; returns the exit code. */
export async function runDns(options: DnsOptions): Promise<number> {
  const { hostname, port, origin, ttl, namespace, client } = options;
  const log = logFor("dns");
  const signal = untilSignal();
  const zone = new Zone({ origin, ttl, now: () => systemClock.now() });
  const feed = new DnsFeed({
    client,
    zone,
    clock: systemClock,
    ...(namespace === undefined ? {} : { namespace }),
  });
  const responder = new Responder({ zone, ready: () => feed.ready });
  const servers = await listen({ hostname, port, responder });
  feed.start();
  log.info("DNS runs", { zone: zone.origin, address: hostname, port: servers.udp.port });
  const ended = await signal;
  log.info("Stopping", { signal: ended });
  servers.udp.close();
  servers.tcp.close();
  await feed.stop();
  return 0;
}

async function listen(options: {
  readonly hostname: string;
  readonly port: number;
  readonly responder: Responder;
}): Promise<{ udp: UdpServer; tcp: TcpServer }> {
  const { hostname, port } = options;
  try {
    const udp = await UdpServer.listen(options);
    try {
      return { udp, tcp: new TcpServer({ ...options, port: udp.port }) };
    } catch (error) {
      udp.close();
      throw error;
    }
  } catch (error) {
    throw new IsthmusError(
      "ADDRESS_IN_USE",
      `Cannot answer DNS on "${hostname}:${port}": ${messageOf(error)}`,
      {
        hint: `See who has it: ss -lunp 'sport = :${port}'`,
        cause: error,
      },
    );
  }
}
