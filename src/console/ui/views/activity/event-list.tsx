import type { JSX } from "preact";
import type { ActivityItem } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { day, time } from "../../domain/format.ts";
import { hrefOf } from "../../domain/routes.ts";
import { Icon } from "../../parts/icon.tsx";
import { Empty } from "../../parts/panel.tsx";
import { SiteName } from "../../parts/share-bar.tsx";

const SIGNS = {
  info: ["quiet", "info"],
  warning: ["warn", "warn"],
  error: ["bad", "bad"],
} as const;

/** What changed, newest first, by days. */
export function EventList({
  items,
  wide = false,
}: {
  items: readonly ActivityItem[];
  wide?: boolean;
}): JSX.Element {
  const app = useApp();
  if (items.length === 0) {
    return (
      <Empty title="Nothing has changed in this time">
        Links, failovers and pods that are left out are told here.
      </Empty>
    );
  }
  const today = day(app.nowMs.value);
  let last = today;
  return (
    <ol class={wide ? "events wide" : "events"}>
      {items.map((item) => {
        const { id, atMs, severity, kind, message, service, site, siteId } = item;
        const [tone, icon] = SIGNS[severity];
        const date = day(atMs);
        const heading = date === last ? undefined : date;
        last = date;
        return [
          heading !== undefined && (
            <li key={heading} class="event-day">
              {heading}
            </li>
          ),
          <li key={id} class={`event ${tone}`}>
            <time>{time(atMs)}</time>
            <span class={`status ${tone}`}>
              <Icon name={icon} />
              <span class="off-screen">{severity}</span>
            </span>
            <span class="event-text">
              {message}
              <span class="event-of">
                <span>{kind}</span>
                {service !== undefined && (
                  <a class="of-service" href={hrefOf("service", service)}>
                    {service}
                  </a>
                )}
                {siteId === undefined ? (
                  site !== undefined && (
                    <span class="of-site">
                      <SiteName name={site} />
                    </span>
                  )
                ) : (
                  <span class="of-site">
                    <SiteName name={app.siteName(siteId)} id={siteId} />
                  </span>
                )}
              </span>
            </span>
          </li>,
        ];
      })}
    </ol>
  );
}
