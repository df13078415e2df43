import type { ActivityItem } from "#observe/views.ts";
import { siteId } from "./names.ts";

type Noted = Partial<ActivityItem> & Pick<ActivityItem, "kind" | "message">;

/** What happened, numbered from 1 in the order in which it was noted. */
export class Activity {
  readonly #items: ActivityItem[] = [];

  /** Oldest first. */
  get items(): readonly ActivityItem[] {
    return this.#items;
  }

  note(atMs: number, item: Noted): void {
    this.#items.push({ id: this.#items.length + 1, atMs, severity: "info", ...item });
  }
}

/** What happened in the half hour before the world was looked at. */
export function pastActivity(startMs: number): Activity {
  const activity = new Activity();
  const past = startMs - 1_800_000;
  activity.note(past, {
    kind: "SiteJoined",
    message: "c3 joined the network",
    site: "c3",
    siteId: siteId(2),
  });
  activity.note(past + 60_000, {
    kind: "ServiceAppeared",
    message: "interconnect/app appeared",
    service: "interconnect/app",
  });
  activity.note(startMs - 420_000, {
    kind: "Failover",
    severity: "warning",
    message: "interconnect/catalog: c3 serves, since c2 has 0 % of its pods healthy",
    service: "interconnect/catalog",
    site: "c2",
    siteId: siteId(1),
  });
  activity.note(startMs - 290_000, {
    kind: "Failback",
    message: "interconnect/catalog: c2 serves again",
    service: "interconnect/catalog",
    site: "c2",
    siteId: siteId(1),
  });
  activity.note(startMs - 120_000, {
    kind: "EndpointEjected",
    severity: "warning",
    message: "interconnect/app: app-c3-1 is left out for 30 s after 5 failures in a row",
    service: "interconnect/app",
    site: "c3",
    siteId: siteId(2),
  });
  return activity;
}
