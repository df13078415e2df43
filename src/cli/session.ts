import type { Command } from "commander";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Connection } from "#kube/connection.ts";
import type { GlobalOptions } from "./flags.ts";
import type { Io } from "./io.ts";
import { Progress } from "./output/progress.ts";

/** One command at work on one namespace of one cluster. */
export interface Session {
  readonly io: Io;
  readonly progress: Progress;
  readonly client: KubeClient;
  readonly namespace: string;
  readonly context: string | undefined;
  /** `isthmus link status` with the options that lead to the same place, for hints. */
  command(text: string): string;
  /** The same for kubectl. */
  kubectl(text: string): string;
  /** The same cluster, another namespace. */
  in(namespace: string): Session;
}

/** Opens the cluster that the global options name. Throws NOT_FOUND, listing the known contexts. */
export async function openSession(command: Command, io: Io): Promise<Session> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const connection = await connect(options, io);
  const { KubeClient } = await import("#kube/client.ts");
  return sessionOf({ client: new KubeClient(connection), options, io });
}

export function sessionOf(input: { client: KubeClient; options: GlobalOptions; io: Io }): Session {
  const { client, options, io } = input;
  const flags = [
    ...(options.kubeconfig === undefined ? [] : ["--kubeconfig", options.kubeconfig]),
    ...(options.context === undefined ? [] : ["--context", options.context]),
    ...(options.namespace === undefined ? [] : ["-n", options.namespace]),
  ].join(" ");
  const place = flags === "" ? "" : ` ${flags}`;
  return {
    io,
    progress: new Progress(io),
    client,
    namespace: options.namespace ?? client.connection.namespace,
    context: client.connection.context,
    command: (text) => `isthmus${place} ${text}`,
    kubectl: (text) => `kubectl${place} ${text}`,
    in: (namespace) => sessionOf({ client, options: { ...options, namespace }, io }),
  };
}

/**
 * The user's own kubeconfig, and for a context `sandbox-…` that it does not have the sandbox's: so the sandbox works
 * without touching the user's file.
 */
async function connect(options: GlobalOptions, io: Io): Promise<Connection> {
  const { loadKubeconfig } = await import("#kube/kubeconfig.ts");
  const { context, kubeconfig: path } = options;
  try {
    return loadKubeconfig({ path, context, env: io.env });
  } catch (error) {
    if (!(error instanceof IsthmusError) || error.code !== "NOT_FOUND") throw error;
    if (context === undefined || !context.startsWith("sandbox-") || path !== undefined) throw error;
    return await connectSandbox(context);
  }
}

async function connectSandbox(context: string): Promise<Connection> {
  const [{ loadKubeconfig, kubeconfigContexts }, { sandboxKubeconfig }] = await Promise.all([
    import("#kube/kubeconfig.ts"),
    import("#sandbox/home.ts"),
  ]);
  const path = sandboxKubeconfig();
  const known = kubeconfigContexts({ path });
  if (known.includes(context)) return loadKubeconfig({ path, context });
  const running = known.length === 0 ? "none is running" : `running are ${known.join(", ")}`;
  throw new IsthmusError("NOT_FOUND", `There is no sandbox cluster of context "${context}": ${running}`, {
    hint: `isthmus sandbox up ${context.slice("sandbox-".length)}`,
  });
}
