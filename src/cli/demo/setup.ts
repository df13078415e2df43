import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Commands, Step } from "./commands.ts";
import { exampleFile, type ExampleName } from "./example-files.ts";
import type { Narrator } from "./narrator.ts";
import {
  APP,
  APP_CLUSTERS,
  CLIENT_CLUSTER,
  CLUSTERS,
  contextOf,
  type DemoCluster,
  NAMESPACE,
  PORT,
} from "./places.ts";
import type { WithoutKubectl } from "./without-kubectl.ts";

export interface SetupInput {
  readonly commands: Commands;
  readonly narrator: Narrator;
  readonly without: WithoutKubectl<DemoCluster>;
}

/** Options that lead to the namespace of the demo in that cluster. */
export function place(cluster: string): string[] {
  return ["--context", contextOf(cluster), "-n", NAMESPACE];
}

/** Sites, links and the exposed app: everything before the first request. */
export async function setUp({ commands, narrator, without }: SetupInput): Promise<void> {
  narrator.heading("A namespace in each cluster, and the app in two of them");
  await commands.runAll(CLUSTERS.map((cluster) => createNamespace(cluster, without)));
  await commands.runAll(
    APP_CLUSTERS.map((cluster) => applyFile("fair-share/sample-app.yaml", { cluster, without })),
  );

  narrator.heading("Each namespace becomes a site");
  await commands.runAll(CLUSTERS.map((cluster) => isthmus("init", ...place(cluster))));

  narrator.heading(`${APP_CLUSTERS.join(" and ")} link to ${CLIENT_CLUSTER}`);
  const dir = mkdtempSync(join(tmpdir(), "isthmus-demo-"));
  try {
    const tokens = APP_CLUSTERS.map((cluster) => ({ cluster, file: join(dir, `${cluster}-token.yaml`) }));
    await commands.runAll(
      tokens.map(({ file }) => isthmus("token", "create", file, ...place(CLIENT_CLUSTER))),
    );
    await commands.runAll(
      tokens.map(({ cluster, file }) => isthmus("link", "create", file, ...place(cluster))),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  await commands.run(isthmus("link", "status", ...place(CLIENT_CLUSTER)));

  narrator.heading(`The app is exposed; its service appears in ${CLIENT_CLUSTER} by itself`);
  await commands.runAll(
    APP_CLUSTERS.map((cluster) =>
      isthmus("expose", `deployment/${APP}`, "--port", String(PORT), ...place(cluster)),
    ),
  );
}

/** A service in c1 that c2 and c3 ask, so that something flows from each cluster; no scenario counts it. */
export async function setUpGreeter({ commands, narrator, without }: SetupInput): Promise<void> {
  narrator.heading("For the console: a second service, which the others ask a few times a second");
  const cluster = CLIENT_CLUSTER;
  await commands.run(applyFile("fair-share/greeter.yaml", { cluster, without }));
  await commands.run(isthmus("expose", "deployment/greeter", "--port", String(PORT), ...place(cluster)));
}

/** Shows the service in c1, once it is there. */
export async function showService({ commands, without }: SetupInput): Promise<void> {
  await commands.run({
    program: "kubectl",
    words: ["get", "service", APP, ...place(CLIENT_CLUSTER)],
    instead: () => without.service(CLIENT_CLUSTER),
  });
}

export function isthmus(...words: string[]): Step {
  return { program: "isthmus", words };
}

export function applyFile(
  name: ExampleName,
  at: { cluster: DemoCluster; without: WithoutKubectl<DemoCluster> },
): Step {
  const { cluster, without } = at;
  const file = exampleFile(name);
  return {
    program: "kubectl",
    words: ["apply", "-f", file, ...place(cluster)],
    instead: () => without.apply(file, cluster),
  };
}

export function scale(
  cluster: DemoCluster,
  options: { replicas: number; without: WithoutKubectl<DemoCluster> },
): Step {
  const { replicas, without } = options;
  return {
    program: "kubectl",
    words: ["scale", `deployment/${APP}`, `--replicas=${replicas}`, ...place(cluster)],
    instead: () => without.scale(cluster, replicas),
  };
}

function createNamespace(cluster: DemoCluster, without: WithoutKubectl<DemoCluster>): Step {
  return {
    program: "kubectl",
    words: ["create", "namespace", NAMESPACE, "--context", contextOf(cluster)],
    instead: () => without.createNamespace(cluster),
  };
}
