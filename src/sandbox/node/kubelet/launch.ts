import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { KNOWN_IMAGES, POD_PATH, resolveImage } from "../../catalogue.ts";
import { POD_MARKER } from "../../home.ts";
import type { Stores } from "../stores.ts";
import type { Container, Pod } from "../types.ts";
import { ConfigError } from "./config-error.ts";
import { environmentOf } from "./environment.ts";
import { expand } from "./expand.ts";
import { type Mount, mountNamespaceCommand, sourceOf, withMounts } from "./mounts.ts";
import type { OwnNamespaces, Surroundings } from "./own-namespaces.ts";

/** The image is not one that a sandbox has. */
export class ImageError extends Error {
  constructor(image: string) {
    super(
      `Unknown image "${image}": a sandbox runs processes, not containers; it knows ${KNOWN_IMAGES.join(", ")} (nginx where it is installed), ` +
        `and any container with a "command" of its own`,
    );
    this.name = "ImageError";
  }
}

/** How to start a container and how to run a command beside it. */
export interface LaunchPlan {
  readonly argv: readonly string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
  readonly stopSignal: "SIGTERM" | "SIGQUIT";
  /** Namespaces to start it in; absent: `argv` makes its own, or needs none. */
  readonly surroundings?: Surroundings;
  /** What a command beside it is started with, to see what it sees: goes before the command. */
  beside(pid: number | undefined): readonly string[];
  exec(
    command: readonly string[],
    options: { pid: number | undefined; timeoutMs: number },
  ): Promise<{ code: number; output: string }>;
}

export interface LaunchContext {
  readonly stores: Stores;
  readonly podIp: string;
  readonly hostIp: string;
  readonly clusterName: string;
  readonly apiPort: number;
  readonly program: readonly string[];
  /** `pods/<uid>`. */
  readonly podDir: string;
  /** `<cluster dir>/<uid>`. */
  readonly marker: string;
  readonly serviceAccountDir: string | undefined;
  /** Directories of the volumes by name. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Files of the pod in place of this machine's: resolv.conf, hosts. */
  readonly files: readonly Mount[];
  /** Absent where this process may not make namespaces itself. */
  readonly namespaces: OwnNamespaces | undefined;
}

/** Works out what a container runs. Throws ImageError or ConfigError. */
export function planLaunch(pod: Pod, container: Container, context: LaunchContext): LaunchPlan {
  const { podDir, podIp, hostIp, stores } = context;
  const home = join(podDir, "home");
  const files = join(podDir, "image", container.name);
  for (const dir of [home, join(podDir, "tmp")]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  const env = environmentOf(pod, container, { stores, podIp, hostIp, base: baseEnvironment(pod, context) });
  env[POD_MARKER] = context.marker;
  const image = resolveImage({
    image: container.image,
    command: (container.command ?? []).map((word) => expand(word, env)),
    args: (container.args ?? []).map((word) => expand(word, env)),
    program: context.program,
    podIp,
    containerPort: container.ports?.find(({ protocol = "TCP" }) => protocol === "TCP")?.containerPort,
    dir: files,
  });
  if (image === undefined) throw new ImageError(container.image);
  Object.assign(env, { ...image.env, ...env });
  const cwd = container.workingDir ?? home;
  const plan = { env, stopSignal: image.stopSignal };
  const placed = place(image.argv, { container, cwd, home, context });
  const beside = (pid: number | undefined): readonly string[] =>
    placed.enter.length === 0 ? [] : ["nsenter", "-t", String(pid ?? 0), ...placed.enter, "--root", "--wd"];
  return {
    ...plan,
    ...placed,
    beside,
    ...(context.namespaces === undefined
      ? {}
      : { surroundings: { hostname: hostnameOf(pod), mounts: context.files.filter(isThere) } }),
    exec: (command, { pid, timeoutMs }) =>
      runBeside([...beside(pid), ...command], { env, cwd: placed.cwd, timeoutMs }),
  };
}

/** Linux's name for a pod. */
export function hostnameOf({ spec, metadata }: Pod): string {
  return spec.hostname ?? metadata.name;
}

function isThere({ target }: Mount): boolean {
  return existsSync(target);
}

/** The command line with its mounts, where it starts, and how `nsenter` follows it. */
function place(
  argv: readonly string[],
  options: { container: Container; cwd: string; home: string; context: LaunchContext },
): { argv: readonly string[]; cwd: string; enter: readonly string[] } {
  const { container, cwd, home, context } = options;
  const volumes = mountsOf(container, context);
  if (context.namespaces !== undefined) {
    const mounts = [...volumes, ...context.files.filter((file) => !isThere(file))];
    const enter = ["-m", "-u"];
    // The working directory may lie in a mount: it is entered last.
    return mounts.length === 0
      ? { argv, cwd, enter }
      : { argv: withMounts(argv, { mounts, cwd, namespace: [] }), cwd: home, enter };
  }
  const mounts = [...volumes, ...context.files];
  if (mounts.length === 0) return { argv, cwd, enter: [] };
  const namespace = mountNamespaceCommand();
  if (namespace !== undefined) {
    const enter = namespace.includes("-Urm") ? ["-U", "--preserve-credentials", "-m"] : ["-m"];
    return { argv: withMounts(argv, { mounts, cwd, namespace }), cwd: home, enter };
  }
  // Names can do without.
  if (volumes.length === 0) return { argv, cwd, enter: [] };
  throw new ConfigError(
    "CreateContainerConfigError",
    "Volume mounts need mount namespaces, which this machine does not allow: run as root, or allow unprivileged user namespaces",
  );
}

/** What every container has; nothing of the environment that the sandbox itself was started in. */
function baseEnvironment(pod: Pod, context: LaunchContext): Record<string, string> {
  const { podDir, podIp, hostIp, apiPort, serviceAccountDir } = context;
  return {
    PATH: POD_PATH,
    HOME: join(podDir, "home"),
    TMPDIR: join(podDir, "tmp"),
    LANG: "C.UTF-8",
    HOSTNAME: hostnameOf(pod),
    POD_IP: podIp,
    POD_NAME: pod.metadata.name,
    POD_NAMESPACE: pod.metadata.namespace ?? "",
    CLUSTER_NAME: context.clusterName,
    KUBERNETES_SERVICE_HOST: hostIp,
    KUBERNETES_SERVICE_PORT: String(apiPort),
    KUBERNETES_SERVICE_PORT_HTTPS: String(apiPort),
    ...(serviceAccountDir === undefined ? {} : { ISTHMUS_SERVICEACCOUNT_DIR: serviceAccountDir }),
  };
}

function mountsOf(container: Container, { volumes }: LaunchContext): Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly }) => {
    const dir = volumes.get(name);
    if (dir === undefined)
      throw new ConfigError("FailedMount", `Volume "${name}" is not in the pod's volumes`);
    return {
      source: sourceOf(dir, subPath),
      target: mountPath.replace(/(?<=.)\/+$/, ""),
      readOnly: readOnly === true,
    };
  });
}

const OUTPUT_BYTES = 1024;

async function runBeside(
  command: readonly string[],
  { env, cwd, timeoutMs }: { env: Record<string, string>; cwd: string; timeoutMs: number },
): Promise<{ code: number; output: string }> {
  try {
    const child = Bun.spawn([...command], {
      env,
      cwd,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    const code = child.exitCode ?? 137;
    return { code, output: (out + error).slice(-OUTPUT_BYTES).trim() };
  } catch (error) {
    return { code: 126, output: error instanceof Error ? error.message : String(error) };
  }
}
