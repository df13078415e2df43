import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ContainerState } from "../types.ts";
import type { ProcessId } from "./proc.ts";

/** What the next life of the cluster process has to know about a container that runs. */
export interface Note extends ProcessId {
  readonly restartCount: number;
  readonly startedAt: string;
  readonly lastState: ContainerState;
}

export function writeNote(file: string, note: Note): void {
  writeFileSync(file, JSON.stringify(note), { mode: 0o600 });
}

/** Undefined when there is none, or one cut short by a crash: the process, if there is one, is found by its marker and ended. */
export function readNote(file: string): Note | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Note;
  } catch {
    return undefined;
  }
}
