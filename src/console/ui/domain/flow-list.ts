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

/** What a flow ended with, in few letters: `200`, of gRPC `OK` or `Unavailable`, of TCP `closed`. */
export function resultOf(flow: FlowView): string {
  if (flow.http?.grpcStatus !== undefined) return grpcWord(flow.http.grpcStatus);
  if (flow.http !== undefined) return String(flow.http.status);
  return flow.outcome === "ok" ? "closed" : "failed";
}

/** Status codes of gRPC, by number (grpc/grpc, doc/statuscodes.md). */
const GRPC_WORDS = [
  "OK",
  "Cancelled",
  "Unknown",
  "Invalid argument",
  "Deadline",
  "Not found",
  "Exists",
  "Denied",
  "Exhausted",
  "Precondition",
  "Aborted",
  "Out of range",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "Data loss",
  "Unauthenticated",
];

function grpcWord(status: number): string {
  return GRPC_WORDS[status] ?? `gRPC ${status}`;
}

export type Tone = "ok" | "warn" | "bad";

export function toneOf(flow: FlowView): Tone {
  if (flow.outcome === "error" || (flow.http?.status ?? 0) >= 500) return "bad";
  return (flow.http?.status ?? 0) >= 400 || flow.attempts > 1 ? "warn" : "ok";
}

/** The flags of `isthmus flows`, and what they are called here. */
const FLAGS: Readonly<Record<string, string>> = {
  source: "--source",
  destination: "--destination",
  endpoint: "--pod",
  client: "--client",
  protocol: "--protocol",
  status: "--status",
  method: "--method",
  path: "--path",
  minDurationMs: "--min-duration",
};

/** The command that shows the same flows. */
export function flowCommand(query: Readonly<Record<string, string>>): string {
  const words = ["flows"];
  if (query["service"] !== undefined) words.push(shellWord(query["service"]));
  words.push("--follow");
  if (query["outcome"] === "error") words.push("--failed");
  for (const [key, flag] of Object.entries(FLAGS)) {
    const value = query[key];
    if (value !== undefined) words.push(flag, shellWord(key === "minDurationMs" ? `${value}ms` : value));
  }
  return words.join(" ");
}

function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
