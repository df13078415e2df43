import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkKind } from "#api/kinds/link.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { formatObjects } from "../../output/objects.ts";
import type { Target } from "../http-client.ts";
import { CLUSTERS, ENTRY_PORT, EXPORTERS, HOME, HUB, MEMBERS } from "./places.ts";
import { applyExample, applyFile, createNamespace, isthmusIn } from "./steps.ts";
import type { StoryInput } from "./story.ts";

/**
 * A site in each cluster, all in one network that the control plane founded. Members dial it to join; the cluster of
 * the clients dials the exporters itself, so that no request passes through the control plane.
 */
export async function buildNetwork({ commands, narrator, without, view }: StoryInput): Promise<string> {
  await commands.runAll(CLUSTERS.map((cluster) => createNamespace(cluster, without)));
  narrator.gap();
  narrator.say(
    `${HUB} runs no workload: it founds the network, gives out tokens, and is a site like any other.`,
  );
  await commands.runAll([
    isthmusIn(HUB, "init"),
    ...MEMBERS.map((cluster) =>
      isthmusIn(cluster, "init", ...(cluster === HOME ? [] : ["--entry-port", String(ENTRY_PORT)])),
    ),
  ]);
  const dir = mkdtempSync(join(tmpdir(), "isthmus-demo-"));
  try {
    narrator.gap();
    const tokens = MEMBERS.map((cluster) => ({ cluster, file: join(dir, `${cluster}-token.yaml`) }));
    await commands.runAll(tokens.map(({ file }) => isthmusIn(HUB, "token", "create", file)));
    await commands.runAll(tokens.map(({ cluster, file }) => isthmusIn(cluster, "link", "create", file)));

    narrator.gap();
    narrator.say(`Members trust each other by the network's certificates, so a further link needs no token:`);
    narrator.say(`${HOME} links to the others itself, and the control plane carries no request.`);
    for (const cluster of EXPORTERS) {
      // oxlint-disable-next-line no-await-in-loop -- told in order
      const text = linkText(cluster, await view.address(cluster, "link"));
      const file = join(dir, `link-to-${cluster}.yaml`);
      writeFileSync(file, text);
      narrator.command(`cat ${file}`);
      narrator.output(text);
      // oxlint-disable-next-line no-await-in-loop
      await commands.run(applyFile(HOME, { file, without }));
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  await view.linksUp([HUB, ...EXPORTERS]);
  await commands.run(isthmusIn(HOME, "link", "status"));
  return `${CLUSTERS.length} sites, and ${HOME} has a link to each`;
}

/** The app and what is exported of it, in the two clusters that give it to the others. */
export async function exportApp({ commands, without, view }: StoryInput): Promise<void> {
  await commands.runAll(
    EXPORTERS.map((cluster) => applyExample(cluster, { name: "global-traffic/httpbin.yaml", without })),
  );
  // Not before each has its own Service: what one exports appears under the same name in the other.
  await commands.runAll(
    EXPORTERS.map((cluster) => applyExample(cluster, { name: `global-traffic/${cluster}.yaml`, without })),
  );
  await Promise.all(EXPORTERS.map((cluster) => view.podsReady(cluster, 1)));
}

function linkText(name: string, { host, port }: Target): string {
  const link = {
    apiVersion: apiVersionOf(linkKind.resource),
    kind: "Link",
    metadata: { name },
    spec: { endpoints: [{ host, port }] },
  };
  return formatObjects([link], "yaml");
}
