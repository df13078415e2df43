import { ApiError, type KubeObject, type ManagedFields, type StatusCause } from "../cluster-api.ts";
import { copyJson, type Definitions, isObject, type JsonObject, type Schema } from "../schema/schema.ts";
import {
  difference,
  type FieldSet,
  fieldsOf,
  intersection,
  isEmptySet,
  pathsOf,
  union,
  withoutBelow,
} from "./field-set.ts";
import { compareTyped, mergeTyped, removeTyped, unionAll } from "./typed.ts";

export interface Writer {
  /** At most 128 characters. */
  manager: string;
  apiVersion: string;
  subresource?: string;
  /** RFC 3339, whole seconds. */
  time: string;
}

export interface TypedContext {
  schema: Schema;
  definitions: Definitions;
}

/** Update entries beyond this are merged into one. */
const MOST_UPDATE_ENTRIES = 10;

/** What nobody owns: the server sets it, or it names the object. */
const SYSTEM_FIELDS = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "generation",
  "managedFields",
  "resourceVersion",
];

function withoutSystemFields(object: JsonObject): JsonObject {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  if (!isObject(metadata)) return rest;
  const kept: JsonObject = { ...metadata };
  for (const name of SYSTEM_FIELDS) delete kept[name];
  return Object.keys(kept).length === 0 ? rest : { ...rest, metadata: kept };
}

const setOf = (entry: ManagedFields): FieldSet => entry.fieldsV1 as FieldSet;

const isSame = (entry: ManagedFields, writer: Writer, operation: "Apply" | "Update"): boolean =>
  entry.manager === writer.manager &&
  entry.operation === operation &&
  entry.subresource === writer.subresource &&
  (operation === "Apply" || entry.apiVersion === writer.apiVersion);

function entryOf(writer: Writer, operation: "Apply" | "Update", fields: FieldSet): ManagedFields {
  return {
    manager: writer.manager,
    operation,
    apiVersion: writer.apiVersion,
    time: writer.time,
    fieldsType: "FieldsV1",
    fieldsV1: fields,
    ...(writer.subresource === undefined ? {} : { subresource: writer.subresource }),
  };
}

/**
 * The managed fields after a create, update or patch: the writer owns what it changed, and nobody owns any more what
 * was changed under him or removed.
 */
export function trackUpdate(
  input: { before: KubeObject | undefined; after: KubeObject; entries: readonly ManagedFields[] },
  writer: Writer,
  context: TypedContext,
): ManagedFields[] {
  const before = input.before === undefined ? {} : withoutSystemFields(input.before);
  const { changed, removed } = compareTyped(before, withoutSystemFields(input.after), context);
  const result: ManagedFields[] = [];
  let own: FieldSet = {};
  let ownEntry: ManagedFields | undefined;
  for (const entry of input.entries) {
    if (isSame(entry, writer, "Update")) {
      ownEntry = entry;
      own = setOf(entry);
      continue;
    }
    const fields = withoutBelow(difference(setOf(entry), changed), removed);
    if (!isEmptySet(fields)) result.push({ ...entry, fieldsV1: fields });
  }
  const fields = union(withoutBelow(own, removed), changed);
  if (!isEmptySet(fields)) {
    const touched = !isEmptySet(changed) || !isEmptySet(removed);
    result.push(touched || ownEntry === undefined ? entryOf(writer, "Update", fields) : ownEntry);
  }
  return bounded(result);
}

function bounded(entries: ManagedFields[]): ManagedFields[] {
  const updates = entries.filter((entry) => entry.operation === "Update");
  if (updates.length <= MOST_UPDATE_ENTRIES) return entries;
  const [oldest, second] = updates;
  if (oldest === undefined || second === undefined) return entries;
  const merged: ManagedFields = {
    ...second,
    manager: "ancient-changes",
    fieldsV1: union(setOf(oldest), setOf(second)),
  };
  return entries.filter((entry) => entry !== oldest).map((entry) => (entry === second ? merged : entry));
}

/**
 * Server-side apply (KEP-555): `applied` is all that the manager wants to own. Throws 409 naming the other managers
 * whose values would change, unless forced; what the manager owned before, no longer names, and nobody else owns, is
 * removed.
 */
export function applyFields(
  input: {
    live: KubeObject | undefined;
    applied: KubeObject;
    force: boolean;
    entries: readonly ManagedFields[];
  },
  writer: Writer,
  context: TypedContext,
): { object: KubeObject; entries: ManagedFields[] } {
  const { schema, definitions } = context;
  const wanted = fieldsOf(withoutSystemFields(input.applied), schema, definitions);
  const live = input.live ?? ({ metadata: {} } as KubeObject);
  const merged = mergeTyped(live, input.applied, schema, definitions) as KubeObject;
  const { changed } = compareTyped(withoutSystemFields(live), withoutSystemFields(merged), context);

  const others = input.entries.filter((entry) => !isSame(entry, writer, "Apply"));
  const conflicts = others
    .map((entry) => ({ entry, fields: intersection(setOf(entry), changed) }))
    .filter(({ fields }) => !isEmptySet(fields));
  if (conflicts.length > 0 && !input.force) {
    const fields = unionAll(conflicts.map((conflict) => conflict.fields));
    const upgrades =
      writer.manager === "kubectl" && isEmptySet(difference(fields, lastApplied(live, context)));
    if (!upgrades) throw conflictError(conflicts);
  }

  const previous = input.entries.find((entry) => isSame(entry, writer, "Apply"));
  const remaining = others.map((entry): ManagedFields => ({
    ...entry,
    fieldsV1: difference(setOf(entry), changed),
  }));
  const kept = union(wanted, unionAll(remaining.map(setOf)));
  const gone = previous === undefined ? {} : difference(setOf(previous), kept);
  const object = isEmptySet(gone)
    ? merged
    : (removeTyped(merged, { gone, kept }, schema, definitions) as KubeObject);
  const entries = remaining.filter((entry) => !isEmptySet(setOf(entry)));
  const same = previous !== undefined && JSON.stringify(previous.fieldsV1) === JSON.stringify(wanted);
  entries.unshift(same ? previous : entryOf(writer, "Apply", wanted));
  return { object: copyJson(object), entries };
}

/**
 * What kubectl's client-side apply owned, by its annotation: `kubectl apply --server-side` takes that over without a
 * conflict (apimachinery lastAppliedManager).
 */
function lastApplied(live: KubeObject, { schema, definitions }: TypedContext): FieldSet {
  const text = live.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"];
  if (text === undefined) return {};
  try {
    const applied = JSON.parse(text) as unknown;
    return isObject(applied) ? fieldsOf(withoutSystemFields(applied), schema, definitions) : {};
  } catch {
    return {};
  }
}

function conflictError(conflicts: readonly { entry: ManagedFields; fields: FieldSet }[]): ApiError {
  const causes: StatusCause[] = conflicts.flatMap(({ entry, fields }) =>
    pathsOf(fields).map((field) => ({
      reason: "FieldManagerConflict",
      message: `conflict with "${entry.manager}"${entry.operation === "Update" ? ` using ${entry.apiVersion}` : ""}`,
      field,
    })),
  );
  const all = conflicts.map(({ entry, fields }) => {
    const paths = pathsOf(fields);
    const how = entry.operation === "Update" ? ` using ${entry.apiVersion}` : "";
    const who = `conflict${paths.length === 1 ? "" : "s"} with "${entry.manager}"${how}`;
    return paths.length === 1
      ? `${who}: ${paths[0]}`
      : `${who}:\n${paths.map((path) => `- ${path}`).join("\n")}`;
  });
  const count = causes.length;
  const message = `Apply failed with ${count} conflict${count === 1 ? "" : "s"}: ${all.join("\n")}`;
  return new ApiError(409, "Conflict", message, { causes });
}
