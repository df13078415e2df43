import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { HistoryView, ServiceView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { usePoll, useStream } from "../../data/use.ts";
import { mergeActivity } from "../../domain/activity.ts";
import { rangeOf, RANGES } from "../../domain/chart-data.ts";
import { bytesPerSecond, duration, grouped, percent, plural, rate } from "../../domain/format.ts";
import { PageHead } from "../../parts/page-head.tsx";
import { Panel, Stat, Waiting } from "../../parts/panel.tsx";
import { Problem } from "../../parts/problem.tsx";
import { Status } from "../../parts/status.tsx";
import { EventList } from "../activity/event-list.tsx";
import { ClientsTable } from "./clients-table.tsx";
import { History } from "./history.tsx";
import { PodsTable } from "./pods-table.tsx";
import { PolicyPanel } from "./policy-panel.tsx";
import { TryIt } from "./try-it.tsx";

/** One service: what it does now and did before, where its requests go, and why. */
export function ServicePage({ service }: { service: string }): JSX.Element {
  const app = useApp();
  const { query } = app.route.value;
  const port = query["port"];
  const range = rangeOf(query["range"]);
  const path = `/api/v1/services/${service.split("/").map(encodeURIComponent).join("/")}`;
  const { data, error } = useStream<ServiceView>(port === undefined ? path : `${path}?port=${port}`);
  const shown = useSignal({ fromMs: 0, toMs: 0 });
  const history = usePoll<HistoryView>(
    () => {
      const toMs = Date.now();
      shown.value = { fromMs: toMs - range.ms, toMs };
      return `${path}/history?from=${toMs - range.ms}&to=${toMs}&step=${range.stepMs}`;
    },
    { everyMs: Math.max(3000, Math.min(10_000, range.stepMs)), key: `${path}/history ${range.name}` },
  );
  const [namespace, name] = service.split("/");
  const view = data.value;
  return (
    <PageHead
      title={
        <>
          <a class="quiet" href="/services">
            Services
          </a>
          <span class="quiet"> / {namespace} / </span>
          {name} {view !== undefined && <Status state={view.row.state} />}
        </>
      }
      tools={
        <>
          {view !== undefined && view.row.ports.length > 1 && (
            <select
              aria-label="Port"
              value={port ?? String(view.port)}
              onChange={(event) => app.choose({ port: event.currentTarget.value })}
            >
              {view.row.ports.map((number) => (
                <option key={number} value={String(number)}>
                  Port {number}
                </option>
              ))}
            </select>
          )}
          <div class="segments" role="group" aria-label="Time range">
            {RANGES.map((each) => (
              <button
                key={each.name}
                type="button"
                aria-pressed={each.name === range.name}
                onClick={() => app.choose({ range: each.name })}
              >
                {each.label}
              </button>
            ))}
          </div>
        </>
      }
    >
      {view === undefined ? (
        error.value === undefined ? (
          <Waiting rows={10} />
        ) : (
          <Problem error={error.value} />
        )
      ) : (
        <>
          <Stats view={view} />
          <History history={history.data.value} range={shown.value} name={service} />
          <PodsTable view={view} />
          <div class="columns">
            <PolicyPanel path={path} view={view} />
            <div class="stack">
              <ClientsTable view={view} />
              <TryIt view={view} />
              <Panel title="Changes" cli={app.cli(`explain ${service}`)}>
                <EventList items={mergeActivity(history.data.value?.events ?? [], []).slice(0, 8)} />
              </Panel>
            </div>
          </div>
        </>
      )}
    </PageHead>
  );
}

function Stats({ view }: { view: ServiceView }): JSX.Element {
  const { load, podsReady, pods, sites } = view.row;
  const { successPercent } = load;
  return (
    <dl class="stats">
      <Stat label="Rate" value={rate(load.rps)} note={`${grouped(load.active)} in flight`} />
      <Stat
        label="Success"
        value={percent(successPercent)}
        note="of the last 10 s"
        {...(successPercent === undefined || successPercent >= 99.5
          ? {}
          : { tone: successPercent < 95 ? ("bad" as const) : ("warn" as const) })}
      />
      <Stat label="p50" value={duration(load.p50Ms)} note="half are faster" />
      <Stat label="p95" value={duration(load.p95Ms)} note="1 of 20 is slower" />
      <Stat label="p99" value={duration(load.p99Ms)} note="1 of 100 is slower" />
      <Stat label="Traffic" value={bytesPerSecond(load.bytesPerSecond)} note="both ways" />
      <Stat
        label="Pods"
        value={`${podsReady} of ${pods}`}
        note={`at ${plural(sites.length, "site")}`}
        {...(podsReady === 0 ? { tone: "bad" as const } : podsReady < pods ? { tone: "warn" as const } : {})}
      />
    </dl>
  );
}
