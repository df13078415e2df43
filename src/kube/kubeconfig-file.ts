import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { parse } from "yaml";

/** The fields of one entry, and the folder that its relative paths start from. */
export interface Entry {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly file: string;
}

/** One or several kubeconfig files as one. */
export interface Kubeconfig {
  readonly files: readonly string[];
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
}

/**
 * Reads and merges as kubectl does: files that do not exist are skipped, and of each name (also of current-context)
 * the first file that has it wins. Throws INVALID naming the file that cannot be read.
 */
export function readKubeconfig(paths: readonly string[]): Kubeconfig {
  const files: string[] = [];
  let currentContext: string | undefined;
  const contexts = new Map<string, Entry>();
  const clusters = new Map<string, Entry>();
  const users = new Map<string, Entry>();
  for (const file of paths) {
    const content = readDocument(file);
    if (content === undefined) continue;
    files.push(file);
    const current = content["current-context"];
    if (currentContext === undefined && typeof current === "string" && current !== "")
      currentContext = current;
    collect(contexts, { list: content["contexts"], inner: "context", file });
    collect(clusters, { list: content["clusters"], inner: "cluster", file });
    collect(users, { list: content["users"], inner: "user", file });
  }
  return { files, currentContext, contexts, clusters, users };
}

/** A text field of an entry; undefined when absent or empty. Throws INVALID when it is something else. */
export function textField(entry: Entry, field: string): string | undefined {
  const value = entry.fields[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw invalid(entry.file, `field "${field}" of "${entry.name}" is not text`);
  return value;
}

/** PEM text from `<field>-data` (base64), else from the file that `<field>` names. */
export function pemField(entry: Entry, field: string): string | undefined {
  const data = textField(entry, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
  const path = pathField(entry, field);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(entry.file, `"${field}" of "${entry.name}" cannot be read: ${messageOf(cause)}`, cause);
  }
}

/** A path field, relative to the file that holds it. */
export function pathField(entry: Entry, field: string): string | undefined {
  const path = textField(entry, field);
  if (path === undefined) return undefined;
  return isAbsolute(path) ? path : join(dirname(entry.file), path);
}

export function invalid(file: string, why: string, cause?: unknown): IsthmusError {
  return new IsthmusError("INVALID", `Cannot use kubeconfig "${file}": ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `See what is in it with: kubectl config view --kubeconfig ${file}`,
  });
}

function readDocument(file: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw invalid(file, messageOf(cause), cause);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw invalid(file, `it is not YAML: ${messageOf(cause)}`, cause);
  }
  if (value === null || value === undefined) return {};
  if (!isRecord(value)) throw invalid(file, "expected a mapping with clusters, contexts and users");
  return value;
}

function collect(
  into: Map<string, Entry>,
  source: { readonly list: unknown; readonly inner: string; readonly file: string },
): void {
  const { list, inner, file } = source;
  if (list === undefined || list === null) return;
  if (!Array.isArray(list)) throw invalid(file, `expected a list of ${inner}s`);
  for (const item of list as unknown[]) {
    const name = isRecord(item) ? item["name"] : undefined;
    if (!isRecord(item) || typeof name !== "string") throw invalid(file, `a ${inner} has no name`);
    const fields = item[inner] ?? {};
    if (!isRecord(fields)) throw invalid(file, `${inner} "${name}" is not a mapping`);
    if (!into.has(name)) into.set(name, { name, fields, file });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
