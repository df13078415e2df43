import type { Observation } from "#router/observe/observation.ts";

/** More of one kind in one answer is not looked at: no router of ours says so much. */
const MOST = 100_000;

/**
 * An answer of `/v1/observe`, looked at as far as the program must be able to rely on it; undefined when it is none. Routers
 * of another version may leave things out: lists are then empty.
 */
export function readObservation(value: unknown): Observation | undefined {
  if (!isRecord(value)) return undefined;
  const { router, next, atMs } = value;
  if (!isRecord(router) || !isRecord(next)) return undefined;
  const isRouter = isText(router["id"]) && isText(router["siteId"]) && isText(router["siteName"]);
  const isCursor = isText(next["epoch"]) && isCount(next["flows"]) && isCount(next["events"]);
  if (!isRouter || !isCursor) return undefined;
  const { state } = value;
  if (state !== undefined && !isState(state)) return undefined;
  const lists = Object.fromEntries(
    ["links", "traffic", "flows", "events"].map((name) => [name, listOf(value[name])]),
  );
  return {
    ...value,
    ...lists,
    atMs: isCount(atMs) ? atMs : 0,
    flowsLost: isCount(value["flowsLost"]) ? value["flowsLost"] : 0,
    flowsUnsampled: isCount(value["flowsUnsampled"]) ? value["flowsUnsampled"] : 0,
    eventsLost: isCount(value["eventsLost"]) ? value["eventsLost"] : 0,
    more: value["more"] === true,
  } as unknown as Observation;
}

function isState(value: unknown): boolean {
  return isRecord(value) && ["links", "sites", "listeners"].every((name) => Array.isArray(value[name]));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MOST) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 300;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
