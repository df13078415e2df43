import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
// @ts-expect-error A file to start, not a module to use: the compiled binary carries it along.
import echoFile from "./workloads/echo.ts" with { type: "file" };

export interface ImageRequest {
  readonly image: string;
  /** As in the container, already expanded; they replace the image's own as in Kubernetes. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** How to start this program: the runtime and the entry, or the binary alone. */
  readonly program: readonly string[];
  readonly podIp: string;
  readonly containerPort: number | undefined;
  /** A directory of the container for files that the image brings along. */
  readonly dir: string;
}

export interface ImageCommand {
  readonly argv: readonly string[];
  /** What asks this image to end (STOPSIGNAL). */
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
  /** What the image sets (ENV). */
  readonly env: Readonly<Record<string, string>>;
}

interface CatalogueEntry {
  /** As listed to the user. */
  readonly pattern: string;
  readonly matches: RegExp;
  /** The entrypoint; undefined when it is not possible on this machine. */
  entrypoint(request: ImageRequest): readonly string[] | undefined;
  /** What `args` are when the pod gives none. */
  defaultArgs?(request: ImageRequest): readonly string[];
  readonly stopSignal?: "SIGQUIT";
  readonly env?: Readonly<Record<string, string>>;
}

const ECHO: string = echoFile;

/** Image pattern -> what runs in its place. The tag never matters. */
const CATALOGUE: readonly CatalogueEntry[] = [
  {
    pattern: "isthmus/isthmus",
    matches: /^(.*\/)?isthmus\/isthmus(:|@|$)/,
    entrypoint: ({ program }) => program,
  },
  {
    pattern: "isthmus/echo",
    matches: /^(.*\/)?isthmus\/echo(:|@|$)/,
    entrypoint: ({ dir }) => [process.execPath, onDisk(ECHO, dir)],
    env: { BUN_BE_BUN: "1" },
  },
  {
    pattern: "nginx",
    matches: /^(.*\/)?nginx[^/]*$/,
    entrypoint: () => (Bun.which("nginx", { PATH: POD_PATH }) === null ? undefined : ["nginx"]),
    defaultArgs: nginxArgs,
    stopSignal: "SIGQUIT",
  },
];

/** Search path of pod processes. */
export const POD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a user can write as `image`. */
export const KNOWN_IMAGES: readonly string[] = CATALOGUE.map((entry) => entry.pattern);

/**
 * What to run for an image. A container with a `command` of its own runs it on this machine, whatever its image;
 * otherwise the image has to be in the catalogue: undefined when it is not, or is not installed.
 */
export function resolveImage(request: ImageRequest): ImageCommand | undefined {
  const entry = CATALOGUE.find(({ matches }) => matches.test(request.image));
  const stopSignal = entry?.stopSignal ?? "SIGTERM";
  if (request.command.length > 0) {
    // `command: [isthmus, ...]` means the program, wherever it is installed here.
    const [first = "", ...rest] = request.command;
    const head = first === "isthmus" ? request.program : [first];
    return { argv: [...head, ...rest, ...request.args], stopSignal, env: {} };
  }
  const entrypoint = entry?.entrypoint(request);
  if (entry === undefined || entrypoint === undefined) return undefined;
  const args = request.args.length > 0 ? request.args : (entry.defaultArgs?.(request) ?? []);
  return { argv: [...entrypoint, ...args], stopSignal, env: entry.env ?? {} };
}

/** A file that another process can read: out of the binary, when it is in there. */
function onDisk(file: string, dir: string): string {
  if (!file.startsWith("/$bunfs/")) return file;
  mkdirSync(dir, { recursive: true });
  const copy = join(dir, "workload.ts");
  writeFileSync(copy, readFileSync(file));
  return copy;
}

/** nginx would listen on all addresses, which belong to everybody here: it gets a configuration with the pod's own. */
function nginxArgs({ dir, podIp, containerPort }: ImageRequest): readonly string[] {
  mkdirSync(dir, { recursive: true });
  const config = join(dir, "nginx.conf");
  writeFileSync(
    config,
    `${process.getuid?.() === 0 ? "user root;\n" : ""}worker_processes 1;
pid ${dir}/nginx.pid;
error_log /dev/stderr notice;
events { worker_connections 1024; }
http {
  include ${dir}/mime.types*;
  default_type text/html;
  access_log /dev/stdout;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen ${podIp}:${containerPort ?? 80};
    root /usr/share/nginx/html;
  }
}
`,
  );
  return ["-p", dir, "-c", config, "-e", "/dev/stderr", "-g", "daemon off;"];
}
