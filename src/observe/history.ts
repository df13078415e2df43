import { HistorySteps, spanOf } from "./model/history-view.ts";
import type { Recorder } from "./recorder.ts";
import { THIN_AFTER_MS } from "./store/history-table.ts";
import type { Store } from "./store/store.ts";
import type { HistoryView } from "./views.ts";

const DEFAULT_LENGTH_MS = 15 * 60_000;

export interface HistoryQuery {
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly stepMs?: number;
}

/** What is stored of a service in that time [the last 15 minutes], and on top the ten seconds that run. */
export function history(
  { service, fromMs: askedFromMs, toMs: askedToMs, stepMs }: HistoryQuery & { readonly service: string },
  { store, recorder, nowMs }: { readonly store: Store; readonly recorder: Recorder; readonly nowMs: number },
): HistoryView {
  const toMs = Math.min(askedToMs ?? nowMs, nowMs);
  const fromMs = Math.min(askedFromMs ?? toMs - DEFAULT_LENGTH_MS, toMs);
  const span = spanOf({ fromMs, toMs, stepMs, fineFromMs: nowMs - THIN_AFTER_MS });
  const steps = new HistorySteps(span);
  const kept = store.now;
  kept.history.read(service, { fromMs: span.fromMs, toMs, into: (atMs) => steps.at(atMs) });
  for (const { at, ms } of kept.history.covered(span.fromMs, toMs)) steps.cover(at, ms);
  const open = recorder.open(service);
  steps.cover(open.atMs, open.coveredMs);
  for (const { counts, pods } of open.ports) steps.add(open.atMs, { counts, pods });
  return steps.view({
    service,
    nowMs,
    seriesOf: (id) => kept.seriesFacts(id),
    events: kept.events.between(fromMs, toMs, service),
    gaps: kept
      .gaps(fromMs, toMs)
      .filter(({ router }) => router === undefined)
      .map((gap) => ({ fromMs: gap.fromMs, toMs: gap.toMs })),
  });
}
