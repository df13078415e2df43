import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Mount {
  /** File or directory of a volume. */
  readonly source: string;
  /** Where the container wants it. */
  readonly target: string;
  readonly readOnly: boolean;
}

const MODES = [
  ["unshare", "-m", "--propagation", "private"],
  ["unshare", "-Urm", "--propagation", "private"],
] as const;

let possible: readonly string[] | undefined;
let asked = false;

/** The command that gives a process a mount namespace of its own; undefined where the machine allows none. */
export function mountNamespaceCommand(): readonly string[] | undefined {
  if (asked) return possible;
  asked = true;
  possible = MODES.find((mode) => {
    try {
      return Bun.spawnSync([...mode, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], {
        stdio: ["ignore", "ignore", "ignore"],
      }).success;
    } catch {
      return false;
    }
  });
  return possible;
}

/**
 * The command line that runs `argv` with `mounts` in place, in a mount namespace that nobody else sees. A target that
 * does not exist on this machine is not made on it: its nearest existing directory is covered, in the namespace only,
 * by a view of links to what was there, and the target is made in that view.
 */
export function withMounts(
  argv: readonly string[],
  { mounts, cwd, namespace }: { mounts: readonly Mount[]; cwd: string; namespace: readonly string[] },
): readonly string[] {
  const script = ["set -e"];
  const paths = [cwd, ...mounts.map(({ source }) => source)];
  if (mounts.every(({ target }) => existsSync(target) && !paths.some((path) => isWithin(path, target)))) {
    for (const { source, target, readOnly } of mounts) {
      script.push(`mount --rbind ${quote(source)} ${quote(target)}`);
      if (readOnly) script.push(`mount -o remount,bind,ro ${quote(target)}`);
    }
    script.push(IN_PLACE);
    return [...namespace, "sh", "-c", script.join("\n"), "sh", cwd, ...argv];
  }
  const scratch = scratchPlace([cwd, ...mounts.flatMap(({ source, target }) => [source, target])]);
  const absent = mounts.filter(({ target }) => !existsSync(target));
  const covered = [...new Set(absent.map(({ target }) => existingAncestor(target)))];
  const root = covered.includes("/");
  // Sources lie under directories that may be covered: they are held in the scratch space first.
  script.push(`mount -t tmpfs tmpfs ${quote(scratch)}`, `cd ${quote(scratch)}`, "mkdir hold cover view");
  for (const [index, { source }] of mounts.entries()) script.push(...bind(source, `hold/${index}`));
  for (const [index, dir] of covered.filter((each) => each !== "/").entries()) {
    script.push(`mkdir cover/${index} view/${index}`, `mount --rbind ${quote(dir)} cover/${index}`);
    script.push(
      `find ${scratch}/cover/${index} -mindepth 1 -maxdepth 1 -exec ln -s -t view/${index} {} +`,
      `mount --rbind view/${index} ${quote(dir)}`,
    );
  }
  if (root) script.push(...newRoot());
  const at = root ? `${scratch}/root` : "";
  for (const [index, { source, target, readOnly }] of mounts.entries()) {
    const place = quote(at + target);
    const directory = statSync(source).isDirectory();
    const make = directory
      ? `mkdir -p ${place}`
      : `mkdir -p ${quote(at + dirname(target))}; [ -e ${place} ] || : > ${place}`;
    script.push(make, `mount --rbind ${quote(`${scratch}/hold/${index}`)} ${place}`);
    if (readOnly) script.push(`mount -o remount,bind,ro ${place}`);
  }
  // The working directory comes as $1: it is looked up last, in the view that the process has.
  script.push(root ? `exec chroot ${quote(at)} sh -c 'cd "$0"; exec "$@"' "$@"` : IN_PLACE);
  return [...namespace, "sh", "-c", script.join("\n"), "sh", cwd, ...argv];
}

/** The working directory comes as $1. */
const IN_PLACE = 'cd "$1"; shift; exec "$@"';

function isWithin(path: string, dir: string): boolean {
  return path === dir || path.startsWith(`${dir}/`);
}

/** An existing directory that nobody here needs: a tmpfs over it holds what the views are made of. */
function scratchPlace(needed: readonly string[]): string {
  const free = ["/mnt", "/media", "/srv", "/opt"].find(
    (dir) => existsSync(dir) && !needed.some((path) => isWithin(path, dir)),
  );
  return free ?? "/mnt";
}

/** A root of binds to what is in `/`: a directory that is missing there can be made in it. */
function newRoot(): string[] {
  return [
    "mkdir root",
    `for entry in /*; do
  name="root$entry"
  if [ -L "$entry" ]; then cp -P "$entry" "$name"
  elif [ -d "$entry" ]; then mkdir "$name"; mount --rbind "$entry" "$name"
  elif [ -f "$entry" ]; then : > "$name"; mount --bind "$entry" "$name"; fi
done`,
  ];
}

function bind(source: string, place: string): string[] {
  const make = statSync(source).isDirectory() ? `mkdir ${place}` : `: > ${place}`;
  return [make, `mount --rbind ${quote(source)} ${place}`];
}

function existingAncestor(path: string): string {
  let dir = dirname(path);
  while (!existsSync(dir)) dir = dirname(dir);
  return dir;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The path of a mount's source inside a volume. */
export function sourceOf(volumeDir: string, subPath: string | undefined): string {
  return subPath === undefined || subPath === "" ? volumeDir : join(volumeDir, subPath);
}
