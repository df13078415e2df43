import type { ActivityItem, HistoryView } from "#observe/views.ts";
import { hash } from "./hash.ts";
import type { Moment } from "./moment.ts";
import { siteName } from "./names.ts";
import { latencyMs, P95, P99, podRps } from "./rates.ts";
import type { GeneratedService } from "./services.ts";

export interface HistoryRange {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

const MOST_PODS = 20;

/** The past of a service, as if what was done to the world by hand had always been; half a minute of it nobody observed. */
export function historyView(
  service: GeneratedService,
  range: HistoryRange,
  { moment, activity }: { readonly moment: Moment; readonly activity: readonly ActivityItem[] },
): HistoryView {
  const { stepMs } = range;
  const from = Math.ceil(range.fromMs / stepMs) * stepMs;
  const steps = Math.max(0, Math.floor((range.toMs - from) / stepMs));
  const timesMs = Array.from({ length: steps }, (_, i) => from + i * stepMs);
  const gap = { fromMs: moment.startMs - 200_000, toMs: moment.startMs - 170_000 };
  const column = (value: (ms: number) => number): (number | null)[] =>
    timesMs.map((ms) => (ms >= gap.fromMs && ms < gap.toMs ? null : value(ms)));
  return {
    service: service.key,
    stepMs,
    timesMs,
    pods: service.pods.slice(0, MOST_PODS).map((pod) => ({
      name: pod.name,
      site: siteName(pod.site),
      rps: column((atMs) => podRps(service, pod, { ...moment, atMs })),
    })),
    errors: column((ms) => errorsAt(service, ms)),
    p50Ms: column((ms) => latencyMs(service, ms)),
    p95Ms: column((ms) => latencyMs(service, ms) * P95),
    p99Ms: column((ms) => latencyMs(service, ms) * P99),
    events: activity.filter((item) => item.service === service.key && item.atMs >= from),
    gaps: [gap].filter(({ toMs }) => toMs > from),
  };
}

/** None, but for some stretches of 20 s. */
function errorsAt({ key }: GeneratedService, ms: number): number {
  return hash(`${key}/${Math.floor(ms / 20_000)}`) < 0.12 ? 1.5 * hash(`${ms}`) : 0;
}
