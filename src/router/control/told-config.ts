import { Clean } from "typebox/value";
import { type ConfigResult, parseConfig, type Problem, RouterConfigSchema } from "../config.ts";

export type ToldConfig = ConfigResult & {
  /** What of it this router does not know and leaves out. */
  readonly ignored: readonly Problem[];
};

/**
 * Checks a configuration that a controller sent. A controller may be newer than its routers, so what it says beyond what is known here is
 * left out instead of refused: the field; of listeners the whole listener, since what it is narrowed by may be what is not known, and
 * to lead clients somewhere else is worse than to lead them nowhere. All else that is wrong is wrong. Never throws.
 */
export function parseToldConfig(value: unknown): ToldConfig {
  const strict = parseConfig(value);
  if (strict.ok) return { ...strict, ignored: [] };
  const known = parseConfig(withoutUnknown(value));
  return known.ok ? { ...known, ignored: strict.problems } : { ...strict, ignored: [] };
}

function withoutUnknown(value: unknown): unknown {
  const cleaned: unknown = Clean(RouterConfigSchema, structuredClone(value));
  if (!isObject(value) || !isObject(cleaned)) return cleaned;
  const { listeners: before } = value;
  const { listeners: after } = cleaned;
  if (!Array.isArray(before) || !Array.isArray(after)) return cleaned;
  return { ...cleaned, listeners: after.filter((one, index) => Bun.deepEquals(one, before[index])) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
