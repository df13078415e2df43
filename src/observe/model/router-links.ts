import type { RouterRecord } from "../collect/router-record.ts";
import type { RouterLinks } from "./links.ts";

/** A router's word on its links, with what goes over them; undefined while it said nothing of its state. */
export function routerLinks(
  record: RouterRecord,
  { round, nowMs }: { readonly round: number; readonly nowMs: number },
): RouterLinks | undefined {
  if (record.state === undefined) return undefined;
  const seconds = record.windowMs(round) / 1000;
  const perSecond = (bytes: number): number => (seconds > 0 ? Math.round(bytes / seconds) : 0);
  return {
    siteId: record.siteId,
    stale: record.isStale(nowMs),
    ends: record.state.links.map((link) => {
      const [out, into] = record.linkBytes(link, round);
      const streams = record.links
        .filter(({ name, direction }) => name === link.name && direction === link.direction)
        .reduce((sum, one) => sum + one.streams, 0);
      return { link, streams, bytesOut: perSecond(out), bytesIn: perSecond(into) };
    }),
  };
}
