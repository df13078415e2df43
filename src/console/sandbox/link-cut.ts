import type { Link, LinkEndpoint } from "#api/kinds/link.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { SandboxSite } from "./sandbox-sites.ts";

/** On a Link that was cut: its endpoints as they were, as JSON, so that who comes later can mend it. */
const CUT_ANNOTATION = "sandbox.isthmus.dev/cut-endpoints";
/** Nobody listens there: port 1 is below what anybody but root may take, and of a service (tcpmux) that nobody runs. */
const NOWHERE: LinkEndpoint = { host: "127.0.0.1", port: 1 };
/** The controller writes a link's status whenever the link moves, and so between our reading and writing. */
const ATTEMPTS = 20;
const log = logFor("console", "sandbox");

/**
 * Cuts a link as a broken network does, for its dialler: it dials where nobody answers, and the lanes that stand are closed, since a
 * router does not keep lanes to an address that it was told to leave. Says whether it was whole before.
 */
export async function cutLink(site: SandboxSite, name: string): Promise<boolean> {
  return await change(site, name, (link) =>
    cutEndpoints(link) === undefined
      ? { annotation: JSON.stringify(link.spec.endpoints), endpoints: [NOWHERE] }
      : undefined,
  );
}

/** Gives the link its own endpoints again, exactly. Says whether it was cut; throws NOT_FOUND when there is no such Link. */
export async function restoreLink(site: SandboxSite, name: string): Promise<boolean> {
  return await change(site, name, (link) => {
    const endpoints = cutEndpoints(link);
    if (endpoints === undefined) return undefined;
    // Somebody who gave it other endpoints since then has mended it himself.
    const own = JSON.stringify(link.spec.endpoints) === JSON.stringify([NOWHERE]);
    return { annotation: null, ...(own ? { endpoints } : {}) };
  });
}

interface Change {
  readonly annotation: string | null;
  readonly endpoints?: readonly LinkEndpoint[];
}

/** Decides on a link as it is, and decides anew when somebody was faster. False: there was nothing to do. */
async function change(
  { client, namespace }: SandboxSite,
  name: string,
  decide: (link: Link) => Change | undefined,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const link = await client.get<Link>(RESOURCES.links, { namespace, name });
    const wanted = decide(link);
    if (wanted === undefined) return false;
    const { annotation, endpoints } = wanted;
    const { resourceVersion } = link.metadata;
    const body = {
      metadata: { resourceVersion, annotations: { [CUT_ANNOTATION]: annotation } },
      ...(endpoints === undefined ? {} : { spec: { endpoints } }),
    };
    try {
      // oxlint-disable-next-line no-await-in-loop
      await client.patch(RESOURCES.links, { namespace, name, type: "merge", body });
      return true;
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== "CONFLICT" || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Mends every link that is cut in these sites, also one that a console cut which has died. Gives their names. */
export async function restoreAll(sites: readonly SandboxSite[]): Promise<string[]> {
  const mended: string[] = [];
  for (const site of sites) {
    const { client, namespace, cluster } = site;
    // oxlint-disable-next-line no-await-in-loop -- few
    const { items } = await client.list<Link>(RESOURCES.links, { namespace });
    for (const link of items.filter((one) => cutEndpoints(one) !== undefined)) {
      const { name } = link.metadata;
      try {
        // oxlint-disable-next-line no-await-in-loop
        if (await restoreLink(site, name)) mended.push(`${cluster}/${name}`);
      } catch (error) {
        log.warn("Cannot mend a link that was cut", { cluster, link: name, error: messageOf(error) });
      }
    }
  }
  return mended;
}

function cutEndpoints(link: Link): LinkEndpoint[] | undefined {
  const text = link.metadata.annotations?.[CUT_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as LinkEndpoint[];
  } catch (cause) {
    throw new IsthmusError(
      "INVALID",
      `The annotation ${CUT_ANNOTATION} of link "${link.metadata.name}" is no JSON`,
      { cause, hint: `kubectl -n ${link.metadata.namespace ?? "default"} edit link ${link.metadata.name}` },
    );
  }
}
