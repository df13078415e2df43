/** One thing that is wrong with a configuration. */
export interface Problem {
  /** Where, as one would type it: `services[0].endpoints[2].host`. Empty for the whole document. */
  readonly field: string;
  readonly message: string;
}

interface SchemaError {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

const LIMIT = 20;

/** A JSON pointer as people write fields: `/a/0/b` -> `a[0].b`. */
export function fieldOf(pointer: string): string {
  let field = "";
  for (const raw of pointer.split("/").slice(1)) {
    const part = raw.replaceAll("~1", "/").replaceAll("~0", "~");
    if (/^\d+$/.test(part)) field += `[${part}]`;
    else field += field === "" ? part : `.${part}`;
  }
  return field;
}

/** Turns schema errors into problems that name the field and what was expected. Secrets are never quoted. */
export function problemsOf(
  errors: readonly SchemaError[],
  { schema, value }: { readonly schema: unknown; readonly value: unknown },
): Problem[] {
  const problems = new Map<string, Problem>();
  const put = (field: string, message: string): void => {
    if (!problems.has(field) && problems.size < LIMIT) problems.set(field, { field, message });
  };
  // A misspelt field is also a missing one: the spelling is what helps.
  const unknownFirst = errors.toSorted((a, b) => rank(a) - rank(b));
  for (const error of unknownFirst) {
    const at = fieldOf(error.instancePath);
    const params = error.params as Record<string, unknown>;
    switch (error.keyword) {
      case "boolean":
        break;
      case "additionalProperties":
        for (const name of params["additionalProperties"] as string[]) {
          const known = Object.keys(
            (lookUp(schema, error.schemaPath) as { properties?: object })?.properties ?? {},
          );
          put(at === "" ? name : `${at}.${name}`, `Unknown field${suggestion(name, known)}`);
        }
        break;
      case "required":
        for (const name of params["requiredProperties"] as string[])
          put(at === "" ? name : `${at}.${name}`, "Missing");
        break;
      case "const":
      case "anyOf":
        put(at, `Expected ${choices(schema, error.schemaPath)}${was(error.instancePath, value)}`);
        break;
      case "pattern":
        put(at, `Expected ${patternInWords(at)}${was(error.instancePath, value)}`);
        break;
      default:
        put(at, `Value ${error.message}${was(error.instancePath, value)}`);
    }
  }
  return [...problems.values()];
}

function rank({ keyword }: SchemaError): number {
  return keyword === "additionalProperties" ? 0 : 1;
}

function choices(schema: unknown, path: string): string {
  const at = lookUp(schema, path.replace(/\/anyOf\/\d+$/, "")) as {
    anyOf?: { const?: unknown }[];
    const?: unknown;
  };
  const values = at?.anyOf === undefined ? [at?.const] : at.anyOf.map((one) => one.const);
  return values.map((one) => JSON.stringify(one)).join(" or ");
}

function patternInWords(field: string): string {
  if (/(listen|addresses\[\d+\])$/.test(field)) return `an address like "127.0.0.1:8080"`;
  if (/(certificate|key|trust)$/.test(field)) return "PEM text";
  if (field.endsWith("service")) return `a service as "namespace/name"`;
  if (field.endsWith("host")) return "a host name or an IP address";
  return "letters, digits, dots and dashes";
}

function was(pointer: string, value: unknown): string {
  if (/(key|certificate|trust)$/i.test(pointer)) return "";
  const found = lookUp(value, pointer);
  return typeof found === "string" || typeof found === "number" || typeof found === "boolean"
    ? `: it is ${JSON.stringify(found).slice(0, 80)}`
    : "";
}

function lookUp(root: unknown, path: string): unknown {
  let at: unknown = root;
  for (const part of path.replace(/^#/, "").split("/").slice(1)) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}

function suggestion(name: string, known: readonly string[]): string {
  const near = known.find((one) => distance(one.toLowerCase(), name.toLowerCase()) <= 2);
  if (near !== undefined) return `: did you mean "${near}"?`;
  return known.length === 0 ? "" : `: known are ${known.join(", ")}`;
}

/** Levenshtein distance; names longer than 64 are never near. */
function distance(a: string, b: string): number {
  if (Math.max(a.length, b.length) > 64) return 64;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 64;
}
