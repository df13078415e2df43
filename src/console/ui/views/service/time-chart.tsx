import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";
import uPlot from "uplot";
import type { ActivityItem } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import type { Column } from "../../domain/chart-data.ts";
import { gapsWithin, paint, withAlpha } from "../../domain/chart-look.ts";

export interface ChartSeries {
  readonly name: string;
  /** What is drawn; of a stack its upper edge. */
  readonly line: Column;
  /** CSS variable of its colour. */
  readonly colour: string;
  /** Of the fill; 0 for a line alone. */
  readonly fill?: number;
  readonly dash?: readonly number[];
}

export interface TimeChartProps {
  readonly label: string;
  readonly timesMs: readonly number[];
  readonly range: { readonly fromMs: number; readonly toMs: number };
  readonly series: readonly ChartSeries[];
  /** Each series lies on the one before it. */
  readonly stacked?: boolean;
  readonly height: number;
  readonly format: (value: number) => string;
  readonly events?: readonly ActivityItem[];
  readonly gaps?: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** The step under the pointer, or undefined. */
  readonly onPoint?: (index: number | undefined) => void;
}

/** Columns over time. Charts of one page share their pointer. Where nothing was observed nothing is drawn but the gap itself. */
export default function TimeChart(props: TimeChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const theme = useApp().theme.version.value;
  const shape = props.series.map(({ name, colour }) => `${name} ${colour}`).join("\n");

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(latest, element), dataOf(latest.current), element);
    chart.current = made;
    const watch = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: latest.current.height }),
    );
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [shape, theme]);
  useEffect(() => chart.current?.setData(dataOf(props)), [props.timesMs, props.range.toMs]);

  return (
    <div
      class="chart"
      ref={place}
      role="img"
      aria-label={props.label}
      style={{ height: `${props.height}px` }}
    />
  );
}

function dataOf({ timesMs, series, stacked }: TimeChartProps): uPlot.AlignedData {
  // uPlot paints in order: the uppermost edge of a stack first, so that each lower one lies over it.
  const lines = stacked === true ? series.toReversed() : series;
  return [timesMs.map((ms) => ms / 1000), ...lines.map(({ line }) => line)];
}

function optionsOf(latest: { readonly current: TimeChartProps }, element: HTMLElement): uPlot.Options {
  const { series, height, stacked, format } = latest.current;
  const colourOf = (name: string): string => computedColour(name, element);
  const lines = stacked === true ? series.toReversed() : series;
  const background = colourOf("--panel");
  const muted = colourOf("--muted");
  const events = { error: colourOf("--bad"), warning: colourOf("--warn"), info: muted };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: muted,
    font,
    grid: { stroke: colourOf("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    padding: [14, 18, 0, 0],
    cursor: {
      sync: { key: "service" },
      y: false,
      points: { show: stacked !== true, size: 6 },
      drag: { x: false, y: false },
    },
    scales: {
      x: {
        time: true,
        range: () => [latest.current.range.fromMs / 1000, latest.current.range.toMs / 1000],
      },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.12 : 1] },
    },
    axes: [
      { ...axis, space: 70, size: 28, values: "{HH}:{mm}", incrs: INCREMENTS },
      { ...axis, space: 34, size: 62, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name, colour, fill = 0, dash }): uPlot.Series => ({
        label: name,
        stroke: stacked === true ? background : colourOf(colour),
        width: stacked === true ? 1 : 1.5,
        ...(fill > 0 ? { fill: paint(colourOf(colour), { over: background, alpha: fill }) } : {}),
        ...(dash === undefined ? {} : { dash: [...dash] }),
        points: { show: false },
        spanGaps: false,
      })),
    ],
    hooks: {
      drawClear: [(chart) => drawGaps(chart, latest.current, { font, colour: muted })],
      draw: [(chart) => drawEvents(chart, latest.current, events)],
      setCursor: [(chart) => latest.current.onPoint?.(chart.cursor.idx ?? undefined)],
    },
  };
}

/** What a CSS variable is as a colour here and now, `rgb(r, g, b)`: its text has the colours of both themes. */
function computedColour(name: string, element: HTMLElement): string {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.removeProperty("color");
  return color;
}

/** Seconds between the times named below. */
const INCREMENTS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

function drawGaps(chart: uPlot, props: TimeChartProps, look: { font: string; colour: string }): void {
  const { ctx, bbox } = chart;
  for (const gap of gapsWithin(props.gaps ?? [], props.range)) {
    const from = chart.valToPos(gap.fromMs / 1000, "x", true);
    const to = chart.valToPos(gap.toMs / 1000, "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(from, bbox.top, to - from, bbox.height);
    ctx.clip();
    ctx.strokeStyle = withAlpha(look.colour, 0.35);
    ctx.lineWidth = devicePixelRatio;
    const step = 8 * devicePixelRatio;
    for (let x = from - bbox.height; x < to; x += step) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
      ctx.stroke();
    }
    ctx.restore();
    const font = look.font.replace("11px", `${11 * devicePixelRatio}px`);
    ctx.save();
    ctx.font = font;
    ctx.fillStyle = look.colour;
    ctx.textAlign = "center";
    const text = "not observed";
    if (to - from > ctx.measureText(text).width)
      ctx.fillText(text, (from + to) / 2, bbox.top - 3 * devicePixelRatio);
    ctx.restore();
  }
}

function drawEvents(
  chart: uPlot,
  props: TimeChartProps,
  colours: Readonly<Record<ActivityItem["severity"], string>>,
): void {
  const { ctx, bbox } = chart;
  const size = 4 * devicePixelRatio;
  for (const { atMs, severity } of props.events ?? []) {
    if (atMs < props.range.fromMs || atMs > props.range.toMs) continue;
    const x = chart.valToPos(atMs / 1000, "x", true);
    ctx.save();
    ctx.strokeStyle = colours[severity];
    ctx.fillStyle = ctx.strokeStyle;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top - size);
    ctx.lineTo(x + size, bbox.top - size);
    ctx.lineTo(x, bbox.top + size * 0.6);
    ctx.fill();
    ctx.restore();
  }
}
