import { dlopen } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { Mount } from "./mounts.ts";

const log = logFor("sandbox", "kubelet");

const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWUTS = 0x0400_0000;
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_PRIVATE = 0x4_0000;
/** As Linux allows. */
const MAX_HOSTNAME_BYTES = 63;

const SYMBOLS = {
  unshare: { args: ["i32"], returns: "i32" },
  setns: { args: ["i32", "i32"], returns: "i32" },
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  sethostname: { args: ["ptr", "u64"], returns: "i32" },
} as const;

type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

/** What a process is started in. */
export interface Surroundings {
  readonly hostname: string;
  /** Files over files that this machine has. */
  readonly mounts: readonly Mount[];
}

/**
 * Gives a process namespaces of its own (mount, UTS) without a program in between: our own thread goes into new ones, starts the process
 * there, and comes back. That takes a few system calls, where `unshare`, a shell and two `mount`s take 10 ms of CPU. For root only.
 */
export class OwnNamespaces {
  readonly #libc: Libc;

  /** Undefined where this process may not (not root, no glibc). */
  static open(): OwnNamespaces | undefined {
    try {
      const libc = dlopen("libc.so.6", SYMBOLS).symbols;
      const own = new OwnNamespaces(libc);
      own.within({ hostname: "try", mounts: [] }, () => undefined);
      return own;
    } catch (error) {
      log.debug("No namespaces from within", { why: messageOf(error) });
      return undefined;
    }
  }

  private constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Calls `start`, which has to start its process before it returns, in the new namespaces. Throws when they cannot be had. */
  within<T>({ hostname, mounts }: Surroundings, start: () => T): T {
    const libc = this.#libc;
    const cwd = process.cwd();
    const home = ["mnt", "uts"].map((kind) => openSync(`/proc/thread-self/ns/${kind}`, "r"));
    const [homeMounts = -1, homeUts = -1] = home;
    try {
      check("unshare", libc.unshare(CLONE_NEWNS | CLONE_NEWUTS));
      try {
        check("mount --make-rprivate", libc.mount(null, text("/"), null, MS_REC | MS_PRIVATE, null));
        for (const { source, target } of mounts)
          check(`mount --bind ${target}`, libc.mount(text(source), text(target), null, MS_BIND, null));
        const name = Buffer.from(hostname).subarray(0, MAX_HOSTNAME_BYTES);
        libc.sethostname(name, name.length);
        return start();
      } finally {
        check("setns mnt", libc.setns(homeMounts, CLONE_NEWNS));
        check("setns uts", libc.setns(homeUts, CLONE_NEWUTS));
        // To enter a mount namespace is to stand at its root.
        back(cwd);
      }
    } finally {
      for (const fd of home) closeSync(fd);
    }
  }
}

function back(cwd: string): void {
  try {
    process.chdir(cwd);
  } catch {
    // It was deleted meanwhile: nothing here depends on it.
  }
}

function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`);
}

function check(what: string, result: number): void {
  if (result !== 0) throw new Error(`${what} was refused by the system`);
}
