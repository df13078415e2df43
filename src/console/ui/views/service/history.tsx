import { useSignal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { HistoryView } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { tellingEvents } from "../../domain/activity.ts";
import { type StackedSeries, stackPods, valuesAt } from "../../domain/chart-data.ts";
import { podAlpha } from "../../domain/chart-look.ts";
import { duration, rate, time } from "../../domain/format.ts";
import { Empty, Panel, Waiting } from "../../parts/panel.tsx";
import type { TimeChartProps } from "./time-chart.tsx";

const HEIGHT = 240;
const SMALL_HEIGHT = 150;

interface HistoryProps {
  readonly history: HistoryView | undefined;
  readonly range: { readonly fromMs: number; readonly toMs: number };
  readonly name: string;
}

/** What happened: requests by pod, latency, failures, on one time line. The code of the charts comes with the first of them. */
export function History({ history, range, name }: HistoryProps): JSX.Element {
  const app = useApp();
  const chart = useSignal<ComponentType<TimeChartProps> | undefined>(undefined);
  const point = useSignal<number | undefined>(undefined);
  useEffect(() => {
    void import("./time-chart.tsx").then((module) => (chart.value = module.default));
  }, []);
  const TimeChart = chart.value;
  const ready = history !== undefined && TimeChart !== undefined;
  const empty = history !== undefined && history.timesMs.length === 0;
  const stack = history === undefined ? [] : stackPods(history);
  const common = ready
    ? {
        timesMs: history.timesMs,
        range,
        events: tellingEvents(history.events),
        gaps: history.gaps,
        onPoint: (index: number | undefined) => (point.value = index),
      }
    : undefined;
  const at = history === undefined || point.value === undefined ? undefined : history.timesMs[point.value];
  const latencies = [history?.p50Ms ?? [], history?.p95Ms ?? [], history?.p99Ms ?? []].map((column) => [
    ...column,
  ]);
  const errors = [...(history?.errors ?? [])];
  return (
    <>
      <Panel
        title="Requests per pod"
        aside={<span class="quiet">{at === undefined ? "now" : time(at)}</span>}
        cli={app.cli(`top pods ${name}`)}
      >
        <div class="chart-row" style={{ minHeight: `${HEIGHT}px` }}>
          {common !== undefined && TimeChart !== undefined && !empty ? (
            <TimeChart
              {...common}
              label="Requests per second and pod over time, stacked"
              series={chartSeries(stack, app.colours.classOf.bind(app.colours))}
              stacked
              height={HEIGHT}
              format={(value) => rate(value).replace(".0/s", "/s")}
            />
          ) : empty ? (
            <Empty title="Nothing was recorded in this time" next={app.cli(`top pods ${name}`)}>
              History begins when the observer starts.
            </Empty>
          ) : (
            <Waiting rows={5} />
          )}
          <PodLegend stack={stack} point={point.value} />
        </div>
      </Panel>
      <div class="columns">
        <Panel
          title="Latency"
          cli={app.cli(`top pods ${name} --sort p99`)}
          aside={
            <Legend names={["p50", "p95", "p99"]} columns={latencies} point={point.value} format={duration} />
          }
        >
          <div style={{ minHeight: `${SMALL_HEIGHT}px` }}>
            {common !== undefined && TimeChart !== undefined && (
              <TimeChart
                {...common}
                label="Latency over time: p50, p95, p99"
                series={["p50", "p95", "p99"].map((label, index) => ({
                  name: label,
                  line: latencies[index] ?? [],
                  colour: `--line-${label}`,
                }))}
                height={SMALL_HEIGHT}
                format={duration}
              />
            )}
          </div>
        </Panel>
        <Panel
          title="Failures"
          cli={app.cli(`flows ${name} --failed --follow`)}
          aside={<Legend names={["failed"]} columns={[errors]} point={point.value} format={rate} />}
        >
          <div style={{ minHeight: `${SMALL_HEIGHT}px` }}>
            {common !== undefined && TimeChart !== undefined && (
              <TimeChart
                {...common}
                label="Failures per second over time"
                series={[{ name: "failed", line: errors, colour: "--bad", fill: 0.25 }]}
                height={SMALL_HEIGHT}
                format={rate}
              />
            )}
          </div>
        </Panel>
      </div>
    </>
  );
}

function chartSeries(
  stack: readonly StackedSeries[],
  classOf: (site: string) => string,
): TimeChartProps["series"] {
  const seen = new Map<string, number>();
  return stack.map(({ name, site, top }) => {
    const nth = seen.get(site) ?? 0;
    seen.set(site, nth + 1);
    return { name, line: top, colour: site === "" ? "--muted" : `--${classOf(site)}`, fill: podAlpha(nth) };
  });
}

function PodLegend({
  stack,
  point,
}: {
  stack: readonly StackedSeries[];
  point: number | undefined;
}): JSX.Element {
  const app = useApp();
  const values = valuesAt(
    stack.map((series) => series.values),
    point,
  );
  const seen = new Map<string, number>();
  return (
    <ul class="pod-legend" tabIndex={0} aria-label="Requests per second by pod">
      {stack.map(({ name, site }, index) => {
        const nth = seen.get(site) ?? 0;
        seen.set(site, nth + 1);
        return (
          <li key={`${site} ${name}`}>
            <span
              class={`swatch ${site === "" ? "" : app.colours.classOf(site)}`}
              style={{ opacity: podAlpha(nth) }}
              aria-hidden="true"
            />
            <span class="name" title={`${name} at ${site}`}>
              {name}
            </span>
            <span class="number">{rate(values[index] ?? undefined)}</span>
          </li>
        );
      })}
    </ul>
  );
}

function Legend(props: {
  names: readonly string[];
  columns: readonly (number | null)[][];
  point: number | undefined;
  format: (value: number | undefined) => string;
}): JSX.Element {
  const values = valuesAt(props.columns, props.point);
  return (
    <span class="legend">
      {props.names.map((name, index) => (
        <span key={name}>
          <span class={`swatch line-${name}`} aria-hidden="true" />
          {name} <span class="value">{props.format(values[index] ?? undefined)}</span>
        </span>
      ))}
    </span>
  );
}
