/** Numbers for people; `-` for what is not known. */

/** `0`, `0.4`, `12`, `1.2k` */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 9.95) return perSecond < 0.05 ? "<0.1" : perSecond.toFixed(1);
  if (perSecond < 999.5) return perSecond.toFixed(0);
  return perSecond < 9950 ? `${(perSecond / 1000).toFixed(1)}k` : `${(perSecond / 1000).toFixed(0)}k`;
}

/** `0.4ms`, `12ms`, `1.2s` */
export function msText(ms: number | undefined): string {
  if (ms === undefined) return "-";
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${ms.toFixed(0)}ms`;
  return ms < 99_950 ? `${(ms / 1000).toFixed(1)}s` : `${(ms / 1000).toFixed(0)}s`;
}

/** `100%`, `99.7%`; never rounded up to 100. */
export function percentText(percent: number | undefined): string {
  if (percent === undefined) return "-";
  if (percent >= 100 || percent <= 0) return `${Math.round(percent)}%`;
  return `${(Math.floor(percent * 10) / 10).toFixed(1)}%`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `0B`, `1.2kB`, `35MB`; of a thousand. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 9.95 ? value.toFixed(0) : value.toFixed(1)}${UNITS[unit] ?? ""}`;
}

/** `12:34:56.789`, as the clock on the wall says. */
export function timeText(atMs: number): string {
  const at = new Date(atMs);
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
