/**
 * Holds the layers of ARCHITECTURE.md: reads the imports of every file under src/ and fails on one that goes up, or
 * sideways without leave. `--write` puts the picture of what it found into ARCHITECTURE.md.
 */
import { Glob } from "bun";

/** Each part's layer. An import may go to a lower number only. */
const LAYERS: Readonly<Record<string, number>> = {
  core: 0,
  api: 1,
  pki: 1,
  kube: 1,
  link: 1,
  http: 1,
  dns: 1,
  controller: 2,
  router: 2,
  placement: 2,
  sandbox: 2,
  site: 3,
  fleet: 3,
  observe: 3,
  console: 4,
  cli: 4,
  bin: 5,
};

/** Imports within one layer that are allowed, each with its reason. */
const SIDEWAYS: Readonly<Record<string, string>> = {
  "kube -> api": "the client speaks in the resource definitions and object types of api",
  "observe -> site":
    "checks and router sources name what a site is made of (names.ts, rbac.ts); nothing of it runs there",
  "cli -> console": "a command and the demo start the console's server",
  "link -> pki": "a peer's identity is read from its certificate by pki's one parser",
};

/** Imports that the layers would allow but the design does not. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  "router -> kube": "the router takes a plain configuration, so that it runs without a cluster",
  "placement -> kube": "placement is pure",
};

const root = new URL("..", import.meta.url).pathname;
const edges = new Map<string, Set<string>>();
const problems: string[] = [];

function judge(from: string, to: string): string | undefined {
  const [a, b] = [LAYERS[from], LAYERS[to]];
  if (a === undefined) return `"${from}" is not a part: name it in tools/check-layers.ts`;
  if (b === undefined) return `"${to}" is not a part: name it in tools/check-layers.ts`;
  const forbidden = FORBIDDEN[`${from} -> ${to}`];
  if (forbidden !== undefined) return `${from} may not import ${to}: ${forbidden}`;
  if (a < b) return `${from} (layer ${a}) imports ${to} (layer ${b}): imports go down only`;
  if (a === b && SIDEWAYS[`${from} -> ${to}`] === undefined)
    return `${from} and ${to} stand in one layer: no sideways import`;
  return undefined;
}

for await (const path of new Glob("src/**/*.{ts,tsx}").scan(root)) {
  const from = path.split("/")[1] ?? "";
  const text = await Bun.file(root + path).text();
  for (const [, specifier = ""] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    // Data (package.json, an example's YAML) may be taken from anywhere; code comes in by a part's name.
    const climbs = specifier.split("../").length - 1;
    if (/\.tsx?$/.test(specifier) && climbs > path.split("/").length - 3) {
      problems.push(`${path}: leaves its part by "${specifier}": write "#part/file.ts"`);
    }
    const to = /^#([^/]+)\//.exec(specifier)?.[1];
    if (to === undefined || to === from) continue;
    // A test may set the scene with any lower part; only shipped code draws the picture.
    if (!/\.test\.tsx?$/.test(path)) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    const problem = judge(from, to);
    if (problem !== undefined) problems.push(`${path}: ${problem}`);
  }
}

function picture(): string {
  const lines = ["```mermaid", "graph TD"];
  const parts = new Set([...edges.keys(), ...[...edges.values()].flatMap((set) => [...set])]);
  const layers = [...new Set([...parts].map((part) => LAYERS[part] ?? 0))].toSorted((a, b) => b - a);
  for (const layer of layers) {
    const row = [...parts].filter((part) => LAYERS[part] === layer).toSorted();
    lines.push(`  subgraph layer${layer}[layer ${layer}]`, `    ${row.join("\n    ")}`, "  end");
  }
  for (const [from, tos] of [...edges].toSorted(([a], [b]) => a.localeCompare(b))) {
    for (const to of [...tos].toSorted()) lines.push(`  ${from} --> ${to}`);
  }
  return [...lines, "```"].join("\n");
}

const page = `${root}ARCHITECTURE.md`;
const [open, close] = ["<!-- layers: written by `npm run layers` -->", "<!-- /layers -->"];
const text = await Bun.file(page).text();
const [start, end] = [text.indexOf(open), text.indexOf(close)];
if (start < 0 || end < start)
  problems.push("ARCHITECTURE.md: the markers around the layer graph are missing");
else {
  const updated = `${text.slice(0, start)}${open}\n${picture()}\n${text.slice(end)}`;
  if (process.argv.includes("--write")) await Bun.write(page, updated);
  else if (updated !== text)
    problems.push("ARCHITECTURE.md: the layer graph is out of date: run `npm run layers`");
}

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "layers: imports go down only" : `layers: ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
