import {
  closeSync,
  copyFileSync,
  type FSWatcher,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  watch,
} from "node:fs";
import { join } from "node:path";
import type { Clock } from "#core/clock.ts";

/** A log file that grows past this starts anew; what it had is kept once, as `.1`. */
const MAX_BYTES = 10 << 20;
/** Times remembered per file; past that every second one is forgotten. */
const MAX_MARKS = 4096;

interface Mark {
  readonly offset: number;
  readonly atMs: number;
}

interface FileState {
  readonly marks: Mark[];
  size: number;
  readonly followers: Set<() => void>;
}

/**
 * The log files of a cluster's pods. Pods append to them by themselves, so that nothing is copied and they live on
 * when the cluster process does not; one watch on the directory tells when lines came (to some milliseconds) and
 * bounds the files.
 */
export class LogFiles {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #files = new Map<string, FileState>();
  readonly #watcher: FSWatcher;

  constructor(options: { dir: string; clock: Clock }) {
    this.#dir = options.dir;
    this.#clock = options.clock;
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#dir)) if (name.endsWith(".log")) this.#note(name);
    this.#watcher = watch(this.#dir, (_event, name) => {
      if (typeof name === "string" && name.endsWith(".log")) this.#note(name);
    });
    this.#watcher.unref();
  }

  /** File of one run of a container. */
  fileOf(id: { namespace: string; pod: string; uid: string; container: string; run: number }): string {
    return join(this.#dir, `${id.namespace}_${id.pod}_${id.uid}_${id.container}_${id.run}.log`);
  }

  /** Calls `fn` when the file grew or started anew. */
  follow(file: string, fn: () => void): () => void {
    const state = this.#stateOf(nameOf(file));
    state.followers.add(fn);
    return () => state.followers.delete(fn);
  }

  /** When the byte at `offset` was written, ms since the epoch. */
  timeOf(file: string, offset: number): number {
    const name = nameOf(file);
    this.#note(name);
    const marks = this.#files.get(name)?.marks ?? [];
    let low = 0;
    let high = marks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((marks[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return marks[Math.max(0, low - 1)]?.atMs ?? this.#clock.now();
  }

  /** Deletes the files of a pod, or of one run. */
  remove(uid: string, select?: { container: string; run: number }): void {
    const part = select === undefined ? `_${uid}_` : `_${uid}_${select.container}_${select.run}.log`;
    for (const name of readdirSync(this.#dir)) {
      if (!name.includes(part)) continue;
      rmSync(join(this.#dir, name), { force: true });
      this.#files.delete(name);
    }
  }

  stop(): void {
    this.#watcher.close();
  }

  #stateOf(name: string): FileState {
    let state = this.#files.get(name);
    if (state === undefined) this.#files.set(name, (state = { marks: [], size: 0, followers: new Set() }));
    return state;
  }

  #note(name: string): void {
    const path = join(this.#dir, name);
    let size: number;
    let atMs: number;
    try {
      const stat = statSync(path);
      size = stat.size;
      atMs = stat.mtimeMs;
    } catch {
      return;
    }
    const state = this.#stateOf(name);
    if (size === state.size) return;
    if (size < state.size) {
      state.marks.length = 0;
      state.size = 0;
    }
    if (size > state.size) state.marks.push({ offset: state.size, atMs });
    state.size = size;
    if (state.marks.length > MAX_MARKS)
      state.marks.splice(0, state.marks.length, ...state.marks.filter((_, index) => index % 2 === 0));
    if (size > MAX_BYTES) {
      copyFileSync(path, `${path}.1`);
      truncateSync(path);
      state.marks.length = 0;
      state.size = 0;
    }
    for (const follower of state.followers) follower();
  }
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

/** Bytes of a file from `offset` on, at most `limit`; empty at its end. */
export function readFrom(file: string, { offset, limit }: { offset: number; limit: number }): Uint8Array {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return new Uint8Array();
  }
  try {
    const buffer = new Uint8Array(limit);
    return buffer.subarray(0, readSync(fd, buffer, 0, limit, offset));
  } finally {
    closeSync(fd);
  }
}
