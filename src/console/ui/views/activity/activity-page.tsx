import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { ActivityItem, ActivityView } from "#observe/views.ts";
import { getJson } from "../../data/api.ts";
import { useApp } from "../../data/app.ts";
import { useStream } from "../../data/use.ts";
import { mergeActivity } from "../../domain/activity.ts";
import { PageHead } from "../../parts/page-head.tsx";
import { Panel, Waiting } from "../../parts/panel.tsx";
import { Problem } from "../../parts/problem.tsx";
import { EventList } from "./event-list.tsx";

const PAGE = 100;

/** Everything that changed, on one time line. */
export function ActivityPage(): JSX.Element {
  const app = useApp();
  const { service, site, severity } = app.route.value.query;
  const filter = new URLSearchParams({ limit: String(PAGE) });
  if (service !== undefined) filter.set("service", service);
  if (site !== undefined) filter.set("site", site);
  const url = `/api/v1/activity?${filter.toString()}`;
  const { data, error } = useStream<readonly ActivityItem[]>(url, (before, _, value) =>
    mergeActivity(before ?? [], (value as ActivityView).items),
  );
  const atEnd = useSignal(false);
  const items = (data.value ?? []).filter((item) => severity === undefined || item.severity === severity);
  const sites = (app.network.value?.sites ?? []).map(({ name }) => name).toSorted();
  const older = async (): Promise<void> => {
    const ids = (data.value ?? []).map(({ id }) => id);
    if (ids.length === 0) return;
    const before = Math.min(...ids);
    const answer = await getJson<ActivityView>(`${url}&before=${before}`);
    if (!answer.ok) return;
    atEnd.value = answer.value.items.length < PAGE;
    data.value = mergeActivity(data.value ?? [], answer.value.items);
  };
  return (
    <PageHead
      title="Activity"
      tools={
        <>
          {service !== undefined && (
            <button type="button" class="chip" onClick={() => app.choose({ service: undefined })}>
              service {service} <span aria-hidden="true">×</span>
              <span class="off-screen">take the filter away</span>
            </button>
          )}
          <select
            aria-label="Site"
            value={site ?? ""}
            onChange={(event) => app.choose({ site: event.currentTarget.value })}
          >
            <option value="">Site: all</option>
            {sites.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
          <select
            aria-label="Severity"
            value={severity ?? ""}
            onChange={(event) => app.choose({ severity: event.currentTarget.value })}
          >
            <option value="">Severity: all</option>
            {["info", "warning", "error"].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </>
      }
    >
      <Panel title="What changed" cli={app.cli("network status --watch")}>
        {data.value === undefined ? (
          error.value === undefined ? (
            <Waiting rows={8} />
          ) : (
            <Problem error={error.value} />
          )
        ) : (
          <>
            <EventList items={items} wide />
            {!atEnd.value && (data.value?.length ?? 0) >= PAGE && (
              <button type="button" class="button" onClick={() => void older()}>
                Older
              </button>
            )}
          </>
        )}
      </Panel>
    </PageHead>
  );
}
