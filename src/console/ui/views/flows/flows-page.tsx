import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { FlowsView, FlowView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { useShortcut, useStream } from "../../data/use.ts";
import { addFlows, flowCommand, resultOf, toneOf } from "../../domain/flow-list.ts";
import { bytes, duration, exactTime, grouped } from "../../domain/format.ts";
import { CliLine } from "../../parts/cli-line.tsx";
import { Icon } from "../../parts/icon.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { Empty, Waiting } from "../../parts/panel.tsx";
import { Problem } from "../../parts/problem.tsx";
import { SiteName } from "../../parts/share-bar.tsx";
import { type TableColumn, VirtualTable } from "../../parts/virtual-table.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { FlowDetail } from "./flow-detail.tsx";

interface Shown {
  readonly flows: readonly FlowView[];
  readonly unsampled: number;
  readonly lost: number;
}

const FIRST = 500;

/** Each connection and request as it ends. */
export function FlowsPage(): JSX.Element {
  const app = useApp();
  const { query } = app.route.value;
  const { flow: selected, ...filter } = query;
  const url = `/api/v1/flows?${new URLSearchParams({ ...filter, limit: String(FIRST) }).toString()}`;
  const { data, error } = useStream<Shown>(url, (before, event, value) => {
    const { flows, unsampled, lost } = value as FlowsView;
    return { flows: addFlows(event === "view" ? [] : (before?.flows ?? []), flows), unsampled, lost };
  });
  // What was there when it was paused, or when the table was scrolled away from its top: it stays under the reader's eyes.
  const paused = useSignal<Shown | undefined>(undefined);
  const scrolled = useSignal<Shown | undefined>(undefined);
  const forFilter = useRef(url);
  if (forFilter.current !== url) {
    forFilter.current = url;
    paused.value = undefined;
    scrolled.value = undefined;
  }
  const pause = (): void => {
    paused.value = paused.peek() === undefined ? data.peek() : undefined;
  };
  useShortcut("p", pause);
  useShortcut("Escape", () => app.choose({ flow: undefined }));
  const held = paused.value ?? scrolled.value;
  const shown = held ?? data.value;
  const newer =
    held === undefined
      ? 0
      : (data.value?.flows ?? []).filter(({ id }) => id > (held.flows[0]?.id ?? 0)).length;
  const chosen = shown?.flows.find(({ id }) => String(id) === selected);
  return (
    <PageHead
      title="Flows"
      fill
      tools={
        <button
          type="button"
          class="button pause"
          aria-pressed={paused.value !== undefined}
          onClick={pause}
          title="Pause (p)"
        >
          <Icon name={paused.value === undefined ? "pause" : "play"} />
          {paused.value === undefined ? "Pause" : "Go on"}
        </button>
      }
    >
      <FilterBar />
      {shown === undefined ? (
        error.value === undefined ? (
          <Waiting rows={14} />
        ) : (
          <Problem error={error.value} />
        )
      ) : (
        <div class={chosen === undefined ? "fill-panel" : "fill-panel with-detail"}>
          <div class="flows-table">
            <div class="table-note">
              <span>{grouped(shown.flows.length)} flows</span>
              {shown.unsampled > 0 && (
                <span
                  class="quiet"
                  title="Above a rate only a part of them is recorded; failures always are."
                >
                  {grouped(shown.unsampled)} of the last minute not recorded
                </span>
              )}
              {shown.lost > 0 && <span class="warn-text">{grouped(shown.lost)} lost in the last minute</span>}
              <span class="newer" aria-live="off">
                {newer > 0 ? `${grouped(newer)} newer` : held === undefined ? "" : "nothing newer"}
              </span>
            </div>
            <VirtualTable
              label="Flows, newest first"
              columns={COLUMNS}
              rows={shown.flows}
              keyOf={(flow) => String(flow.id)}
              rowHeight={32}
              selected={selected}
              onSelect={(key) => {
                // What is looked at does not run away; the list goes on when the detail is closed or Pause is left.
                paused.value ??= data.peek();
                app.choose({ flow: key });
              }}
              onScroll={(top) => {
                const away = top > 32;
                if (away && scrolled.peek() === undefined) scrolled.value = data.peek();
                else if (!away && scrolled.peek() !== undefined) scrolled.value = undefined;
              }}
              empty={
                <Empty title="No flow yet" next={app.cli(flowCommand(filter))}>
                  {Object.keys(filter).length === 0
                    ? "A connection or request is shown when it ends."
                    : "None that ended matches the filter."}
                </Empty>
              }
            />
          </div>
          {chosen !== undefined && <FlowDetail flow={chosen} />}
        </div>
      )}
      <CliLine command={app.cli(flowCommand(filter))} />
    </PageHead>
  );
}

const COLUMNS: readonly TableColumn<FlowView>[] = [
  {
    key: "time",
    label: "Ended",
    width: "104px",
    cell: (flow) => exactTime(flow.startedMs + flow.durationMs),
  },
  {
    key: "result",
    label: "Result",
    width: "118px",
    cell: (flow) => {
      const tone = toneOf(flow);
      return (
        <span class={`status ${tone}`}>
          <Icon name={tone} />
          {resultOf(flow)}
        </span>
      );
    },
  },
  { key: "protocol", label: "Protocol", width: "68px", cell: (flow) => flow.protocol },
  {
    key: "service",
    label: "Service",
    width: "minmax(120px, 1fr)",
    cell: (flow) => <span class="name">{flow.service}</span>,
  },
  {
    key: "request",
    label: "Request",
    width: "minmax(140px, 1.3fr)",
    cell: ({ http, port }) => (
      <span class="name mono">{http === undefined ? `port ${port}` : `${http.method} ${http.path}`}</span>
    ),
  },
  {
    key: "way",
    label: "Way",
    width: "116px",
    cell: (flow) => (
      <span class="way">
        <SiteName name={flow.sourceSite} />
        <span class="quiet">→</span>
        {flow.destinationSite === "" ? (
          <span class="quiet">nowhere</span>
        ) : (
          <SiteName name={flow.destinationSite} />
        )}
      </span>
    ),
  },
  {
    key: "pod",
    label: "Pod",
    width: "minmax(120px, 1fr)",
    cell: (flow) => <span class="name">{flow.endpointName === "" ? "–" : flow.endpointName}</span>,
  },
  {
    key: "duration",
    label: "Duration",
    width: "84px",
    number: true,
    cell: (flow) => duration(flow.durationMs),
  },
  { key: "out", label: "Sent", width: "76px", number: true, cell: (flow) => bytes(flow.bytesToEndpoint) },
  { key: "back", label: "Received", width: "80px", number: true, cell: (flow) => bytes(flow.bytesToClient) },
];
