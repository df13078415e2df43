import type { KubeObject } from "../cluster-api.ts";
import type { FieldError } from "../errors.ts";

export interface StrategyContext {
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/** What a builtin kind does beyond its schema. Everything works in place on a draft. */
export interface Strategy {
  /** Defaults that depend on other fields; after those of the schema, on create and update. */
  defaults?(object: KubeObject): void;
  /** Before validation of a new object: status, derived fields. */
  prepareCreate?(object: KubeObject, context: StrategyContext): void;
  /** Before validation of a changed object; `old` is frozen. */
  prepareUpdate?(object: KubeObject, old: KubeObject, context: StrategyContext): void;
  validate?(object: KubeObject, old: KubeObject | undefined): FieldError[];
}
