import type { Clock } from "#core/clock.ts";
import type { Flow } from "../flow/flow.ts";
import type { Account } from "./account.ts";
import type { FlowRecord } from "./observation.ts";

/** When the flow ends, its connection is counted and recorded by `account`. */
export function countsEnd(
  flow: Flow,
  {
    account,
    clock,
    http,
  }: { readonly account: Account; readonly clock: Clock; readonly http?: FlowRecord["http"] },
): void {
  flow.onEnd = () => {
    const ending = { nowMs: clock.monotonicMs(), code: 0, reason: flow.broken };
    if (!(account.isOpened ? account.closed(ending) : account.ended(ending))) return;
    account.record(ending, {
      client: addressOf(flow.facts.client),
      bytesToEndpoint: flow.near?.received ?? 0,
      bytesToClient: flow.far?.received ?? 0,
      http,
    });
  };
}

/** The address of `address:port`, or of `[v6]:port`. */
export function addressOf(client: string): string {
  const colon = client.lastIndexOf(":");
  return client.slice(0, colon < 0 ? client.length : colon).replaceAll(/^\[|\]$/g, "");
}
