/**
 * How some server reads what it gets. Each of these is something that servers in use do, or did: whatever the server
 * does of it, it must read the same request from what we send.
 */
export interface Dialect {
  readonly name: string;
  /** What ends a line. */
  readonly lineEnd: RegExp;
  /** White space around names is cut off. */
  readonly trimsNames: boolean;
  /** A line that begins with white space belongs to the one before it. */
  readonly unfolds: boolean;
  /** "_" in a name is the same as "-". */
  readonly underscores: boolean;
  /** Which of several lengths counts; how a length is read. */
  readonly length: "first" | "last";
  /** Transfer-Encoding is chunked when: it is exactly that, ends with it, or has it anywhere. */
  readonly chunked: "exactly" | "last" | "anywhere";
  /** What counts when there are both. */
  readonly prefers: "length" | "chunked";
  /** A value ends at NUL. */
  readonly cutsAtNul: boolean;
}

const STRICT: Dialect = {
  name: "strict",
  lineEnd: /\r\n/,
  trimsNames: false,
  unfolds: false,
  underscores: false,
  length: "first",
  chunked: "exactly",
  prefers: "chunked",
  cutsAtNul: false,
};

export const DIALECTS: readonly Dialect[] = [
  STRICT,
  { ...STRICT, name: "a lone LF ends a line", lineEnd: /\r?\n/, prefers: "length", chunked: "last" },
  { ...STRICT, name: "a lone CR ends a line", lineEnd: /\r\n|\r|\n/, trimsNames: true, chunked: "anywhere" },
  {
    ...STRICT,
    name: "folds, trims names",
    unfolds: true,
    trimsNames: true,
    length: "last",
    prefers: "length",
  },
  {
    ...STRICT,
    name: "underscores, NUL ends",
    underscores: true,
    cutsAtNul: true,
    chunked: "anywhere",
    length: "last",
  },
];

export interface ServerRequest {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Names in small letters, in the order in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: string;
}

/** A deliberately simple reader of one request. Returns what is behind it as `rest`; undefined when there is no whole request. */
export function readAsServer(
  text: string,
  dialect: Dialect,
): { request: ServerRequest; rest: string } | undefined {
  const start = takeLine(text, dialect);
  if (start === undefined) return undefined;
  const [method = "", target = "", version = ""] = start.line.split(/[ \t]+/);
  const section = takeFields(start.rest, dialect);
  if (section === undefined) return undefined;
  const { headers } = section;
  const lengths = valuesOf(headers, "content-length");
  const length = dialect.length === "first" ? lengths[0] : lengths.at(-1);
  const chunked = isChunked(valuesOf(headers, "transfer-encoding").join(","), dialect);
  const head = { method, target, version, headers };
  if (chunked && (length === undefined || dialect.prefers === "chunked")) {
    const body = takeChunks(section.rest, dialect);
    return body && { request: { ...head, body: body.data, trailers: body.trailers }, rest: body.rest };
  }
  const count = Number.parseInt(length ?? "0", 10);
  if (!(count >= 0) || count > section.rest.length) return undefined;
  const body = section.rest.slice(0, count);
  return { request: { ...head, body, trailers: "" }, rest: section.rest.slice(count) };
}

function valuesOf(headers: ServerRequest["headers"], name: string): readonly string[] {
  return headers.filter(([other]) => other === name).map(([, value]) => value);
}

function isChunked(value: string, { chunked }: Dialect): boolean {
  const text = value.toLowerCase();
  if (chunked === "exactly") return text === "chunked";
  return chunked === "last" ? text.trim().endsWith("chunked") : text.includes("chunked");
}

function takeLine(text: string, { lineEnd }: Dialect): { line: string; rest: string } | undefined {
  const end = lineEnd.exec(text);
  return end === null
    ? undefined
    : { line: text.slice(0, end.index), rest: text.slice(end.index + end[0].length) };
}

function takeFields(
  text: string,
  dialect: Dialect,
): { headers: [string, string][]; lines: string; rest: string } | undefined {
  const headers: [string, string][] = [];
  let rest = text;
  for (;;) {
    const taken = takeLine(rest, dialect);
    if (taken === undefined) return undefined;
    const lines = text.slice(0, text.length - rest.length);
    rest = taken.rest;
    if (taken.line === "") return { headers, lines, rest };
    const last = headers.at(-1);
    if (dialect.unfolds && /^[ \t]/.test(taken.line) && last !== undefined) {
      last[1] += ` ${taken.line.trim()}`;
      continue;
    }
    const colon = taken.line.indexOf(":");
    let name = taken.line.slice(0, colon < 0 ? undefined : colon).toLowerCase();
    let value =
      colon < 0
        ? ""
        : taken.line
            .slice(colon + 1)
            .replace(/^[ \t]+/, "")
            .replace(/[ \t]+$/, "");
    if (dialect.trimsNames) name = name.trim();
    if (dialect.underscores) name = name.replaceAll("_", "-");
    if (dialect.cutsAtNul) value = value.split("\0")[0]!;
    headers.push([name, value]);
  }
}

function takeChunks(
  text: string,
  dialect: Dialect,
): { data: string; trailers: string; rest: string } | undefined {
  let data = "";
  let rest = text;
  for (;;) {
    const size = takeLine(rest, dialect);
    if (size === undefined) return undefined;
    const count = Number.parseInt(size.line, 16);
    if (!(count >= 0)) return undefined;
    rest = size.rest;
    if (count === 0) {
      const section = takeFields(rest, dialect);
      return section && { data, trailers: section.lines, rest: section.rest };
    }
    if (rest.length < count + 2) return undefined;
    data += rest.slice(0, count);
    const end = takeLine(rest.slice(count), dialect);
    if (end === undefined || end.line !== "") return undefined;
    rest = end.rest;
  }
}
