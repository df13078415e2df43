import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, normalize } from "node:path";
import type { Stores } from "../stores.ts";
import type { DownwardItem, KeyedSource, KeyToPath, Pod, Volume } from "../types.ts";
import { ConfigError } from "./config-error.ts";
import { fieldOf } from "./downward.ts";

export interface VolumeContext {
  readonly stores: Stores;
  readonly pod: Pod;
  readonly podIp: string;
  readonly hostIp: string;
  /** `pods/<uid>/volumes`. */
  readonly dir: string;
  /** A token for the pod's ServiceAccount. */
  token(): string;
}

/**
 * Puts a volume on disk and answers its directory. Called again it brings the files up to date, all at once (the
 * `..data` link of Kubernetes' AtomicWriter). Throws `ConfigError` when a source is missing or not known here.
 */
export function materialize(volume: Volume, context: VolumeContext): string {
  const dir = join(context.dir, volume.name);
  if (volume.hostPath !== undefined) return volume.hostPath.path;
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  if (volume.emptyDir !== undefined) return dir;
  const files = filesOf(volume, context);
  if (files === undefined) {
    const kind = Object.keys(volume).find((key) => key !== "name") ?? "?";
    const known = "emptyDir, hostPath, configMap, secret, downwardAPI, projected";
    throw new ConfigError(
      "FailedMount",
      `Volume "${volume.name}" is of kind "${kind}", which a sandbox does not have: it has ${known}`,
    );
  }
  writeAtomically(dir, files);
  return dir;
}

/** Whether a volume has files that follow an object of the cluster. */
export function follows(volume: Volume, object: { kind: "ConfigMap" | "Secret"; name: string }): boolean {
  const sources = [volume, ...(volume.projected?.sources ?? [])];
  return sources.some(({ configMap, secret }) =>
    object.kind === "ConfigMap"
      ? configMap?.name === object.name
      : (secret?.secretName ?? secret?.name) === object.name,
  );
}

type Files = Map<string, { content: string | Uint8Array; mode: number }>;

function filesOf(volume: Volume, context: VolumeContext): Files | undefined {
  const files: Files = new Map();
  if (volume.configMap !== undefined) addConfigMap(files, volume.configMap, context);
  else if (volume.secret !== undefined) addSecret(files, volume.secret, context);
  else if (volume.downwardAPI !== undefined) addDownward(files, volume.downwardAPI.items ?? [], context);
  else if (volume.projected !== undefined) {
    for (const source of volume.projected.sources ?? []) {
      if (source.configMap !== undefined) addConfigMap(files, source.configMap, context);
      if (source.secret !== undefined) addSecret(files, source.secret, context);
      if (source.downwardAPI !== undefined) addDownward(files, source.downwardAPI.items ?? [], context);
      if (source.serviceAccountToken !== undefined) {
        files.set(source.serviceAccountToken.path, { content: context.token(), mode: 0o600 });
      }
    }
  } else return undefined;
  return files;
}

function addConfigMap(files: Files, source: KeyedSource, { stores, pod }: VolumeContext): void {
  const name = source.name ?? "";
  const object = stores.configMaps.get(pod.metadata.namespace ?? "", name);
  if (object === undefined && source.optional !== true)
    throw new ConfigError("FailedMount", `configmap "${name}" not found`);
  const content = new Map<string, string | Uint8Array>(Object.entries(object?.data ?? {}));
  for (const [key, value] of Object.entries(object?.binaryData ?? {}))
    content.set(key, Buffer.from(value, "base64"));
  addKeys(files, { source, content, what: `configmap "${name}"` });
}

function addSecret(files: Files, source: KeyedSource, { stores, pod }: VolumeContext): void {
  const name = source.secretName ?? source.name ?? "";
  const object = stores.secrets.get(pod.metadata.namespace ?? "", name);
  if (object === undefined && source.optional !== true)
    throw new ConfigError("FailedMount", `secret "${name}" not found`);
  const content = new Map<string, string | Uint8Array>();
  for (const [key, value] of Object.entries(object?.data ?? {}))
    content.set(key, Buffer.from(value, "base64"));
  addKeys(files, { source, content, what: `secret "${name}"` });
}

function addKeys(
  files: Files,
  { source, content, what }: { source: KeyedSource; content: Map<string, string | Uint8Array>; what: string },
): void {
  const defaultMode = source.defaultMode ?? 0o644;
  const items: readonly KeyToPath[] = source.items ?? [...content.keys()].map((key) => ({ key, path: key }));
  for (const item of items) {
    const value = content.get(item.key);
    if (value === undefined) {
      if (source.optional === true) continue;
      throw new ConfigError("FailedMount", `references non-existent key "${item.key}" of ${what}`);
    }
    files.set(item.path, { content: value, mode: item.mode ?? defaultMode });
  }
}

function addDownward(
  files: Files,
  items: readonly DownwardItem[],
  { pod, podIp, hostIp }: VolumeContext,
): void {
  for (const { path, fieldRef } of items) {
    if (fieldRef === undefined) continue;
    files.set(path, { content: fieldOf(pod, fieldRef.fieldPath, { podIp, hostIp }), mode: 0o644 });
  }
}

/** Writes a directory of its own, then moves the link `..data` onto it: a reader sees all old files or all new ones. */
function writeAtomically(dir: string, files: Files): void {
  const before = currentData(dir);
  if (before !== undefined && sameFiles(join(dir, before), files)) return;
  const next = `..${Date.now().toString(36)}_${Math.floor(Math.random() * 1e9).toString(36)}`;
  const tops = new Set<string>();
  mkdirSync(join(dir, next));
  for (const [path, { content, mode }] of files) {
    const safe = normalize(path);
    if (safe.startsWith("/") || safe.startsWith(".."))
      throw new ConfigError("FailedMount", `path "${path}" leaves its volume`);
    const file = join(dir, next, safe);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode });
    tops.add(safe.split("/")[0] ?? safe);
  }
  symlinkSync(next, join(dir, "..data_tmp"));
  renameSync(join(dir, "..data_tmp"), join(dir, "..data"));
  for (const name of readdirSync(dir)) {
    if (!name.startsWith("..") && !tops.has(name)) rmSync(join(dir, name), { recursive: true });
    tops.delete(name);
  }
  for (const name of tops) symlinkSync(join("..data", name), join(dir, name));
  if (before !== undefined) rmSync(join(dir, before), { recursive: true, force: true });
}

function currentData(dir: string): string | undefined {
  try {
    return readlinkSync(join(dir, "..data"));
  } catch {
    return undefined;
  }
}

function sameFiles(dir: string, files: Files): boolean {
  try {
    const present = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    if (present.length !== files.size) return false;
    return [...files].every(([path, { content }]) =>
      readFileSync(join(dir, path)).equals(Buffer.from(content)),
    );
  } catch {
    return false;
  }
}
