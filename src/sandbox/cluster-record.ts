import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "#core/file.ts";
import { ClusterPaths } from "./home.ts";
import { isAlive } from "./node/kubelet/proc.ts";

/** What is known about a cluster on disk (cluster.json, 0600: it holds the administrator's token). */
export interface ClusterRecord {
  readonly name: string;
  /** n of 127.n.0.0/16. */
  readonly index: number;
  readonly createdAt: string;
  /** Of the cluster process; present once it answers. */
  readonly running?: RunningRecord;
  /** Why it did not start. */
  readonly failure?: { code: string; message: string; hint?: string };
}

export interface RunningRecord {
  readonly pid: number;
  readonly startTime: number;
  readonly apiPort: number;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

export function readRecord(dir: string): ClusterRecord | undefined {
  try {
    return JSON.parse(readFileSync(new ClusterPaths(dir).record, "utf8")) as ClusterRecord;
  } catch {
    return undefined;
  }
}

export function writeRecord(dir: string, record: ClusterRecord): void {
  writeFileAtomic(new ClusterPaths(dir).record, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** All clusters of a home, by index. */
export function readRecords(home: string): { dir: string; record: ClusterRecord }[] {
  if (!existsSync(home)) return [];
  return readdirSync(home, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const dir = join(home, entry.name);
      const record = readRecord(dir);
      return record === undefined ? [] : [{ dir, record }];
    })
    .toSorted((a, b) => a.record.index - b.record.index);
}

/** Whether the process that wrote the record still runs. */
export function isRunning(record: ClusterRecord): boolean {
  return record.running !== undefined && isAlive(record.running);
}
