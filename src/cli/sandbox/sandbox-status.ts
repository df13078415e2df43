import { type ClusterStatus, status } from "#sandbox/manage.ts";
import type { Io } from "../io.ts";
import { printValue } from "../output/objects.ts";
import { formatTable } from "../output/table.ts";

export type SandboxFormat = "table" | "json" | "yaml" | "name";

/** Prints the clusters of the sandbox. */
export async function sandboxStatus(options: {
  readonly output?: SandboxFormat;
  readonly io: Io;
}): Promise<void> {
  const clusters = await status();
  if (clusters.length === 0 && (options.output === undefined || options.output === "table")) {
    options.io.err("No sandbox clusters.\nhint: isthmus sandbox up c1 c2 c3\n");
    return;
  }
  printClusters(clusters, options);
}

export function printClusters(
  clusters: readonly ClusterStatus[],
  { output, io }: { readonly output?: SandboxFormat; readonly io: Io },
): void {
  switch (output) {
    case "json":
    case "yaml":
      printValue({ clusters }, output, io);
      return;
    case "name":
      for (const { name } of clusters) io.out(`${name}\n`);
      return;
    default:
      io.out(
        formatTable(
          ["NAME", "STATE", "CONTEXT", "API", "PODS"],
          clusters.map(({ name, state, context, api, pods }) => [name, state, context, api, String(pods)]),
        ),
      );
  }
}
