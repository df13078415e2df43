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

const TRIES_FOR_A_PORT = 10;

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

interface Listening {
  readonly hostname: string;
  readonly port: number;
  readonly responder: Responder;
}

interface Servers {
  readonly udp: UdpServer;
  readonly tcp: TcpServer;
}

/** UDP and TCP on the same port. A port that was free for UDP may be taken for TCP: with port 0 another one is tried. */
async function listen(options: Listening): Promise<Servers> {
  for (let tries = 1; ; tries++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      return await listenOnce(options);
    } catch (error) {
      if (options.port !== 0 || !isInUse(error) || tries === TRIES_FOR_A_PORT)
        throw listenError(options, error);
    }
  }
}

async function listenOnce(options: Listening): Promise<Servers> {
  const udp = await UdpServer.listen(options);
  try {
    return { udp, tcp: new TcpServer({ ...options, port: udp.port }) };
  } catch (error) {
    udp.close();
    throw error;
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function listenError({ hostname, port }: Listening, cause: unknown): IsthmusError {
  const where = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  if (isInUse(cause))
    return new IsthmusError("ADDRESS_IN_USE", `Cannot answer DNS on "${where}": the address is in use`, {
      hint: `See who has it: ss -lntup 'sport = :${port}'`,
      cause,
    });
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const why = typeof code === "string" ? code : messageOf(cause);
  return new IsthmusError("INVALID", `Cannot answer DNS on "${where}": ${why}`, {
    hint: "Give an address of this machine and a port it may use",
    cause,
  });
}
