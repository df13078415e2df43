import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { Link } from "#link/types.ts";
import type { RouterConfig } from "../config.ts";
import type { Happening } from "./event-log.ts";

/** Another one for each process, and each router in it. */
export function epochOf(clock: Clock, random: Random): string {
  return `${clock.now().toString(36)}-${Math.floor(random.next() * 2 ** 32).toString(36)}`;
}

/** A link is up, or not any more. */
export function linkEvent(
  { name, direction, remote }: Link,
  { kind, what }: { readonly kind: "LinkUp" | "LinkDown"; readonly what: string },
): Happening {
  const { siteId, siteName } = remote;
  const way = direction === "dialled" ? "to" : "from";
  return { kind, link: name, siteId, message: `Link ${name} ${way} ${siteName} ${what}` };
}

/** What a person would like to hear of; endpoints come and go all the time. */
export function changedParts(before: RouterConfig, after: RouterConfig): string[] {
  const parts = ["site", "identity", "accept", "links", "listeners", "entry", "policies", "observe"] as const;
  return parts.filter((part) => !Bun.deepEquals(before[part], after[part], true));
}
