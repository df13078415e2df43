import { systemClock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor } from "#core/log.ts";
import { isAddressInUse, listenDns } from "#dns/listen.ts";
import { dnsMetrics } from "#dns/metrics.ts";
import { MetricsServer } from "#dns/metrics-server.ts";
import { Responder } from "#dns/responder.ts";
import { Zone } from "#dns/zone.ts";
import type { KubeClient } from "#kube/client.ts";
import { DnsFeed } from "./dns-feed.ts";

interface Address {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface DnsOptions extends Address {
  /** `hostname` and `port`: where it answers, over UDP and TCP. */
  readonly origin: string;
  /** How long answers may be kept, s. */
  readonly ttl: number;
  readonly client: KubeClient;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** The letter of KEP-1645: no names that pin a cluster. */
  readonly strict?: boolean;
  /** Where it shows metrics and whether it is ready. */
  readonly metrics?: Address;
  /** After SIGTERM it is not ready, but answers on for this long, ms [0]: who asks it hears of its end a moment later. */
  readonly drainMs?: number;
}

/** Answers for the clusterset zone of one cluster until SIGINT or SIGTERM; returns the exit code. */
export async function runDns(options: DnsOptions): Promise<number> {
  const { hostname, origin, ttl, namespace, client, strict = false, drainMs = 0 } = options;
  const log = logFor("dns");
  const signal = untilSignal();
  const zone = new Zone({ origin, ttl, now: () => systemClock.now() });
  const feed = new DnsFeed({
    client,
    zone,
    clock: systemClock,
    strict,
    ...(namespace === undefined ? {} : { namespace }),
  });
  let ending = false;
  const responder = new Responder({ zone, ready: () => feed.ready });
  const servers = await listening(options, "answer DNS", () => listenDns({ ...options, responder }));
  const { metrics: metricsAt } = options;
  const metrics =
    metricsAt &&
    (await listening(
      metricsAt,
      "show metrics",
      () =>
        new MetricsServer({
          ...metricsAt,
          ready: () => feed.ready && !ending,
          metrics: () =>
            dnsMetrics({ counters: responder.counters, zone, servers, ready: feed.ready && !ending }),
        }),
    ));
  feed.start();
  log.info("DNS runs", {
    zone: zone.origin,
    address: hostname,
    port: servers.port,
    ...(metrics === undefined ? {} : { metricsPort: metrics.port }),
  });
  const ended = await signal;
  ending = true;
  log.info("Stopping", { signal: ended, afterMs: ended === "SIGTERM" ? drainMs : 0 });
  if (ended === "SIGTERM") await Bun.sleep(drainMs);
  servers.close();
  await metrics?.stop();
  await feed.stop();
  return 0;
}

/** Throws ADDRESS_IN_USE, or INVALID for an address that cannot be had. */
async function listening<T>(
  { hostname, port }: Address,
  what: string,
  listen: () => T | Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (cause) {
    const where = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    if (isAddressInUse(cause))
      throw new IsthmusError("ADDRESS_IN_USE", `Cannot ${what} on "${where}": the address is in use`, {
        hint: `See who has it: ss -lntup 'sport = :${port}'`,
        cause,
      });
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const why = typeof code === "string" ? code : messageOf(cause);
    throw new IsthmusError("INVALID", `Cannot ${what} on "${where}": ${why}`, {
      hint: "Give an address of this machine and a port it may use",
      cause,
    });
  }
}
