import { IsthmusError } from "#core/errors.ts";
import type { ServiceExplanation } from "#router/explain/explanation.ts";

/** What a router answered, once it is clear that this program can read it. Throws PROTOCOL otherwise. */
export function readExplanation(value: unknown, router: string): ServiceExplanation {
  if (isExplanation(value)) return value;
  throw new IsthmusError("PROTOCOL", `Router "${router}" answered in a form that this program cannot read`, {
    hint: "Is it of another version? Compare: isthmus version",
  });
}

function isExplanation(value: unknown): value is ServiceExplanation {
  if (typeof value !== "object" || value === null) return false;
  if (!("service" in value) || !("policy" in value) || typeof value.policy !== "object") return false;
  return LISTS.every((key) => Array.isArray(Reflect.get(value, key)));
}

const LISTS = ["tiers", "clusters", "endpoints", "unknownTargets"];
