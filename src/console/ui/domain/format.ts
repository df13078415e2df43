/* Numbers for people: always with their unit, as many digits as tell something, the same width from one second to the next. */

const NONE = "–";
const SI = ["", "k", "M", "G", "T"] as const;

/** `0.42`, `12.3`, `123`, `4,567`: three digits that count. */
export function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 9.995) return value.toFixed(2);
  if (size < 99.95) return value.toFixed(1);
  return grouped(Math.round(value));
}

export function grouped(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Per second: `12.3/s`, `1.24k/s`. */
export function rate(perSecond: number | undefined): string {
  if (perSecond === undefined) return NONE;
  if (perSecond > 0 && perSecond < 0.05) return "<0.1/s";
  if (perSecond < 99.95) return `${perSecond.toFixed(1)}/s`;
  if (perSecond < 9999.5) return `${grouped(perSecond)}/s`;
  return `${scaled(perSecond)}/s`;
}

/** `412 B`, `1.24 kB`, of decimal thousands. */
export function bytes(count: number | undefined): string {
  if (count === undefined) return NONE;
  if (count < 1000) return `${Math.round(count)} B`;
  const power = Math.min(SI.length - 1, Math.floor(Math.log10(count) / 3));
  return `${significant(count / 1000 ** power)} ${SI[power] ?? ""}B`;
}

export function bytesPerSecond(count: number | undefined): string {
  return count === undefined ? NONE : `${bytes(count)}/s`;
}

/** `0.42 ms`, `12.3 ms`, `1.24 s`, `3 min 20 s`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return NONE;
  if (ms < 999.5) return `${significant(ms)} ms`;
  if (ms < 60_000) return `${significant(ms / 1000)} s`;
  return span(ms);
}

/** A long time in its two largest units: `3 min 20 s`, `2 h 5 min`, `29 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two([minutes, "min"], [seconds % 60, "s"]);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return two([hours, "h"], [minutes % 60, "min"]);
  return `${Math.floor(hours / 24)} d`;
}

/** `99.98 %`, `100 %`; never 100 when it is less. */
export function percent(value: number | undefined): string {
  if (value === undefined) return NONE;
  if (value >= 100) return "100 %";
  if (value > 99.99) return "99.99 %";
  if (value > 99) return `${value.toFixed(2)} %`;
  return `${value.toFixed(1)} %`;
}

/** A share, where hundredths tell nothing: `33.3 %`. */
export function share(value: number | undefined): string {
  return value === undefined ? NONE : `${value.toFixed(value >= 99.95 ? 0 : 1)} %`;
}

/** `09:41:07`, by the viewer's clock. */
export function time(atMs: number): string {
  const date = new Date(atMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(":");
}

/** `09:41:07.123` */
export function exactTime(atMs: number): string {
  return `${time(atMs)}.${String(Math.floor(atMs) % 1000).padStart(3, "0")}`;
}

/** `2026-11-21`, by the viewer's clock. */
export function day(atMs: number): string {
  const date = new Date(atMs);
  return [String(date.getFullYear()), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
}

/** `1 pod`, `3 pods`. */
export function plural(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

function two(large: readonly [number, string], small: readonly [number, string]): string {
  return `${large[0]} ${large[1]}${small[0] === 0 ? "" : ` ${small[0]} ${small[1]}`}`;
}

function scaled(value: number): string {
  const power = Math.min(SI.length - 1, Math.floor(Math.log10(value) / 3));
  return `${significant(value / 1000 ** power)}${SI[power] ?? ""}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
