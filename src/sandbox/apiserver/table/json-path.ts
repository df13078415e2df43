import { isObject } from "../schema/schema.ts";

type Step =
  | { kind: "field"; name: string }
  | { kind: "index"; index: number }
  | { kind: "all" }
  | { kind: "filter"; path: Step[]; operator: string; value: string };

/**
 * The JSONPath subset of CRD printer columns and scale paths: `.a.b`, `['a.b']`, `\\.` in names, `[0]`, `[*]`,
 * `[?(@.type=="Ready")]`. A path that cannot be read finds nothing.
 */
export function compileJsonPath(text: string): (value: unknown) => unknown[] {
  const steps = parse(text.replace(/^\{|\}$/g, "").replace(/^\$/, ""));
  return (value) => (steps === undefined ? [] : walk([value], steps));
}

function parse(text: string): Step[] | undefined {
  const steps: Step[] = [];
  let rest = text;
  while (rest !== "") {
    let match = /^\.?\[\?\(@((?:\.|\[)[^=!<>]*?)\s*(==|!=)\s*(['"]?)(.*?)\3\)\]/.exec(rest);
    if (match !== null) {
      const path = parse(match[1] ?? "");
      if (path === undefined) return undefined;
      steps.push({ kind: "filter", path, operator: match[2] ?? "==", value: match[4] ?? "" });
    } else if ((match = /^\.?\[(-?\d+)\]/.exec(rest)) !== null) {
      steps.push({ kind: "index", index: Number(match[1]) });
    } else if ((match = /^\.?\[\*\]/.exec(rest)) !== null || (match = /^\.\*/.exec(rest)) !== null) {
      steps.push({ kind: "all" });
    } else if ((match = /^\.?\[(['"])(.*?)\1\]/.exec(rest)) !== null) {
      steps.push({ kind: "field", name: match[2] ?? "" });
    } else if ((match = /^\.?((?:\\.|[^.[\]\\])+)/.exec(rest)) !== null) {
      steps.push({ kind: "field", name: (match[1] ?? "").replace(/\\(.)/g, "$1") });
    } else return undefined;
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function walk(values: unknown[], steps: readonly Step[]): unknown[] {
  let current = values;
  for (const step of steps) current = current.flatMap((value) => apply(value, step));
  return current;
}

function apply(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case "field": {
      const found = isObject(value) ? value[step.name] : undefined;
      return found === undefined ? [] : [found];
    }
    case "index": {
      const found: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return found === undefined ? [] : [found];
    }
    case "all":
      return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
    default:
      if (!Array.isArray(value)) return [];
      return value.filter((item) => {
        const found = walk([item], step.path)[0];
        const same = typeof found === "string" ? found === step.value : JSON.stringify(found) === step.value;
        return step.operator === "==" ? same : !same;
      });
  }
}
