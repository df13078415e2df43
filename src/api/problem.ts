/** What is wrong with a value, and where. */
export interface Problem {
  /** As one would write it: `spec.links[0].cost`; "" for the value as a whole. */
  readonly path: string;
  /** Capital first letter, no full stop; what was found and what was expected. */
  readonly message: string;
}

/** `spec.links[0].cost: Expected ...`, on one line. */
export function formatProblem({ path, message }: Problem): string {
  return path === "" ? message : `${path}: ${message}`;
}

/** The path of a field of the object at `path`. */
export function fieldPath(path: string, field: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(field)) return `${path}[${JSON.stringify(field)}]`;
  return path === "" ? field : `${path}.${field}`;
}

const LONGEST_SHOWN = 60;

/** A value as it stands in a message. Long text and text of several lines is only counted: it may be a key. */
export function show(value: unknown): string {
  if (typeof value === "string" && (value.length > LONGEST_SHOWN || value.includes("\n"))) {
    return `text of ${value.length} characters`;
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (value === undefined || value === null) return "nothing";
  return JSON.stringify(value);
}
