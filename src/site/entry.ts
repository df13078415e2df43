import type { ServiceExport } from "#api/kinds/service-export.ts";
import type { EntryConfig } from "#router/config.ts";
import type { ExportVerdict } from "./exports.ts";
import { ENTRY_PATH_ANNOTATION, ENTRY_STRIP_ANNOTATION } from "./names.ts";

type EntryRoute = EntryConfig["routes"][number];

/** What became of the wish of a ServiceExport to answer from outside, as a condition says it. */
export interface EntryVerdict {
  readonly served: boolean;
  readonly reason: "Served" | "NoEntry" | "NotExported" | "InvalidPath" | "NoPort" | "PathTaken";
  readonly message: string;
}

export interface EntryPlan {
  readonly routes: readonly EntryRoute[];
  /** By name of the export; only for those with the annotation. */
  readonly verdicts: ReadonlyMap<string, EntryVerdict>;
}

export interface EntryInput {
  readonly namespace: string;
  /** Whether the Site has an entry at all. */
  readonly open: boolean;
  readonly exports: readonly ServiceExport[];
  readonly verdict: (name: string) => ExportVerdict | undefined;
}

/** Segments of RFC 3986 without what our own notation needs (comma, equals sign); no empty ones, no dots alone. */
const PATH = /^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~!$&'()*+;:@%-]+)+$/;
const MAX_PATH = 255;

/**
 * Which exported services answer by path on the entry, which is nobody who does not ask for it. The annotation is one path, for the first
 * port of the service, or `8080=/path,9090=/other`. Of two that want the same path the older export has it.
 */
export function planEntry(input: EntryInput): EntryPlan {
  const { namespace, open, verdict } = input;
  const routes: EntryRoute[] = [];
  const verdicts = new Map<string, EntryVerdict>();
  const owners = new Map<string, string>();
  for (const { metadata } of input.exports.toSorted(byAge)) {
    const { name, annotations = {} } = metadata;
    const text = annotations[ENTRY_PATH_ANNOTATION];
    if (text === undefined || metadata.deletionTimestamp !== undefined) continue;
    const refuse = (reason: EntryVerdict["reason"], message: string): void => {
      verdicts.set(name, { served: false, reason, message });
    };
    const exported = verdict(name);
    if (!open) {
      refuse("NoEntry", "The Site has no spec.entry: nothing answers from outside");
      continue;
    }
    if (exported?.valid !== true) {
      refuse("NotExported", exported?.message ?? "The service is not exported yet");
      continue;
    }
    const found = readPaths(
      text,
      exported.config.ports.map(({ port }) => port),
    );
    if (!Array.isArray(found)) {
      refuse(found.reason, found.message);
      continue;
    }
    const taken = found.find(({ path }) => owners.has(path));
    if (taken !== undefined) {
      refuse(
        "PathTaken",
        `Path "${taken.path}" belongs to the older ServiceExport "${owners.get(taken.path) ?? ""}"`,
      );
      continue;
    }
    const stripPrefix = annotations[ENTRY_STRIP_ANNOTATION] !== "false";
    for (const { path, port } of found) {
      owners.set(path, name);
      routes.push({ path, pathType: "Prefix", service: `${namespace}/${name}`, port, stripPrefix });
    }
    const list = found.map(({ path, port }) => `port ${port} at ${path}`).join(", ");
    verdicts.set(name, { served: true, reason: "Served", message: `Answers from outside: ${list}` });
  }
  return { routes: routes.toSorted((a, b) => (a.path < b.path ? -1 : 1)), verdicts };
}

interface PortPath {
  readonly port: number;
  readonly path: string;
}

function readPaths(
  text: string,
  ports: readonly number[],
): PortPath[] | { readonly reason: "InvalidPath" | "NoPort"; readonly message: string } {
  const found: PortPath[] = [];
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const equals = part.indexOf("=");
    const port = equals < 0 ? ports[0] : Number(part.slice(0, equals));
    const path = part.slice(equals + 1).replace(/(?<=.)\/$/, "");
    if (path.length > MAX_PATH || (path !== "/" && !PATH.test(path)))
      return { reason: "InvalidPath", message: `"${part.slice(0, 80)}" is no path like /shop/web` };
    if (port === undefined || !ports.includes(port))
      return {
        reason: "NoPort",
        message: `"${part.slice(0, 80)}" names no exported port: there are ${ports.join(", ")}`,
      };
    if (found.some((one) => one.path === path))
      return { reason: "InvalidPath", message: `"${path}" is given twice` };
    found.push({ port, path });
  }
  return found;
}

function byAge(a: ServiceExport, b: ServiceExport): number {
  const [left, right] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`);
  return (left ?? "") < (right ?? "") ? -1 : 1;
}
