import type { FlowView } from "#observe/views.ts";

/** How many flows a page keeps; older ones are asked for again. */
export const MAX_FLOWS = 2000;

/** The list, newest first, with what is new, in any order and at times twice (after a stream began anew). */
export function addFlows(list: readonly FlowView[], fresh: readonly FlowView[]): readonly FlowView[] {
  const newest = list[0]?.id ?? 0;
  const unknown = fresh.filter(({ id }) => id > newest).toSorted((a, b) => b.id - a.id);
  if (unknown.length === 0) return list;
  return [...unknown, ...list].slice(0, MAX_FLOWS);
}

/** What a flow ended with, in few letters: `200`, `OK`, `14`, `reset`. */
export function resultOf(flow: FlowView): string {
  if (flow.http?.grpcStatus !== undefined) return `grpc ${flow.http.grpcStatus}`;
  if (flow.http !== undefined) return String(flow.http.status);
  return flow.outcome === "ok" ? "closed" : "failed";
}

export type Tone = "ok" | "warn" | "bad";

export function toneOf(flow: FlowView): Tone {
  if (flow.outcome === "error" || (flow.http?.status ?? 0) >= 500) return "bad";
  return (flow.http?.status ?? 0) >= 400 || flow.attempts > 1 ? "warn" : "ok";
}

/** Flags of `isthmus flows` that give the same rows. */
export function flowFlags(query: Readonly<Record<string, string>>): string[] {
  return Object.entries(query)
    .filter(([key]) => key !== "flow")
    .map(([key, value]) => `--${key === "minDurationMs" ? "min-duration" : key} ${word(key, value)}`);
}

function word(key: string, value: string): string {
  const text = key === "minDurationMs" ? `${value}ms` : value;
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
