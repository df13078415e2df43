import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor } from "#core/log.ts";
import { type DnsAddress, type DnsServers, isAddressInUse, listenDns } from "#dns/listen.ts";
import { Responder } from "#dns/responder.ts";
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
  log.info("DNS runs", { zone: zone.origin, address: hostname, port: servers.port });
  const ended = await signal;
  log.info("Stopping", { signal: ended });
  servers.close();
  await feed.stop();
  return 0;
}

async function listen(address: DnsAddress): Promise<DnsServers> {
  try {
    return await listenDns(address);
  } catch (error) {
    throw listenError(address, error);
  }
}

function listenError({ hostname, port }: DnsAddress, cause: unknown): IsthmusError {
  const where = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  if (isAddressInUse(cause))
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
