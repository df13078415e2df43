import { homedir } from "node:os";
import { join } from "node:path";

/** Where all sandboxes of this user live: $ISTHMUS_HOME, $XDG_STATE_HOME/isthmus or ~/.local/state/isthmus, + /sandbox. */
export function sandboxHome(env: Record<string, string | undefined> = process.env): string {
  if (env.ISTHMUS_HOME) return join(env.ISTHMUS_HOME, "sandbox");
  if (env.XDG_STATE_HOME) return join(env.XDG_STATE_HOME, "isthmus", "sandbox");
  return join(env.HOME ?? homedir(), ".local", "state", "isthmus", "sandbox");
}

/** The files of one cluster. */
export class ClusterPaths {
  readonly dir: string;
  readonly name: string;

  constructor(dir: string) {
    this.dir = dir;
    this.name = dir.slice(dir.lastIndexOf("/") + 1);
  }

  /** What `sandbox up` and the cluster process tell each other. */
  get record(): string {
    return join(this.dir, "cluster.json");
  }

  get database(): string {
    return join(this.dir, "state.db");
  }

  get clusterLog(): string {
    return join(this.dir, "logs", "cluster.log");
  }

  get podLogs(): string {
    return join(this.dir, "logs", "pods");
  }

  /** Directories in the place of persistent volumes. */
  get claims(): string {
    return join(this.dir, "claims");
  }

  get pods(): string {
    return join(this.dir, "pods");
  }
}

/** In the environment of every pod process: `<cluster dir>/<pod uid>`. */
export const POD_MARKER = "ISTHMUS_SANDBOX_POD";
/** In the environment of every cluster process: its directory. */
export const CLUSTER_MARKER = "ISTHMUS_SANDBOX_CLUSTER";

/** The kubeconfig that only we write, with a context `sandbox-<name>` for each cluster. */
export function sandboxKubeconfig(home: string = sandboxHome()): string {
  return join(home, "kubeconfig");
}
