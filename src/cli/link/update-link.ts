import { type Link, linkKind } from "#api/kinds/link.ts";
import { conditionOf } from "#api/object.ts";
import { apiVersionOf } from "#api/resource-def.ts";
import { RESOURCES } from "#api/resources.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import type { Session } from "../session.ts";
import { requireSite } from "../site.ts";
import { waitUntil } from "../wait.ts";
import { requireLink } from "./find-link.ts";

export interface UpdateLinkOptions extends WaitOptions {
  readonly cost: number;
  readonly output?: ObjectFormat;
}

/** Changes the cost of a link while it carries traffic. */
export async function updateLink(
  options: UpdateLinkOptions & { readonly name: string },
  session: Session,
): Promise<void> {
  const { name, cost } = options;
  const { client, namespace } = session;
  await requireSite(session);
  const link = await requireLink(name, session);
  if (options.output !== undefined) {
    const { apiVersion, kind } = { apiVersion: apiVersionOf(linkKind.resource), kind: "Link" };
    const object = { apiVersion, kind, metadata: { name, namespace }, spec: { ...link.spec, cost } };
    session.io.out(formatObjects([object], options.output));
    return;
  }
  const updated = await client.patch<Link>(RESOURCES.links, {
    namespace,
    name,
    type: "merge",
    body: { spec: { cost } },
  });
  const timeoutMs = waitMs(options, true);
  if (timeoutMs > 0) await inForce({ link: updated, timeoutMs, session });
  session.io.out(`Link "${name}" has cost ${cost}${link.spec.cost === cost ? ", as before" : ""}\n`);
}

/** Waits until the controller has judged this generation of the link and the router runs with it. */
async function inForce(input: { link: Link; timeoutMs: number; session: Session }): Promise<void> {
  const { link, timeoutMs, session } = input;
  const { name } = link.metadata;
  const generation = link.metadata.generation ?? 0;
  await waitUntil({
    what: `the new cost of link "${name}" to be in force`,
    timeoutMs,
    progress: session.progress,
    hint: session.command(`link status ${name}`),
    look: async () => {
      const now = await session.client.get<Link>(RESOURCES.links, { namespace: session.namespace, name });
      const configured = conditionOf(now.status?.conditions, "Configured");
      if (configured?.status === "True" && (configured.observedGeneration ?? 0) >= generation)
        return { done: true };
      return { pending: configured?.status === "False" ? configured.message : "" };
    },
  });
}
