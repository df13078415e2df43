import type { Pod } from "#api/builtin.ts";
import type { CustomResourceDefinition } from "#api/crd.ts";
import type { LinkAccess, Site } from "#api/kinds/site.ts";
import type { KubeObject } from "#api/object.ts";
import { crds } from "#api/registry.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import { installObjects } from "#site/manifests.ts";
import { MANAGED_BY, MANAGED_BY_LABEL } from "#site/names.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import { requireNamespace } from "../require-namespace.ts";
import type { Session } from "../session.ts";
import { findSite, notReady, siteName } from "../site.ts";
import { waitUntil } from "../wait.ts";
import { siteNameFrom } from "./site-name.ts";

export interface InitOptions extends WaitOptions {
  readonly siteName?: string;
  readonly linkAccess?: LinkAccess;
  readonly entryPort?: number;
  readonly image?: string;
  readonly output?: ObjectFormat;
}

/** How long the API server may take to serve a kind that was just installed. */
const CRD_TIMEOUT_MS = 30_000;

/**
 * Installs a site, or brings an installed one up to date. Refuses a second site in the namespace. When installing fails,
 * what this run has made is taken away again.
 */
export async function init(options: InitOptions, session: Session): Promise<void> {
  const { io, namespace } = session;
  if (options.output !== undefined) {
    const name = options.siteName ?? siteNameFrom(session.context);
    io.out(
      formatObjects(
        [...crds(), ...objectsOf(name, { options, namespace, existing: undefined })],
        options.output,
      ),
    );
    return;
  }
  const existing = await findSite(session);
  const name =
    options.siteName ?? (existing === undefined ? siteNameFrom(session.context) : existing.metadata.name);
  if (existing !== undefined && existing.metadata.name !== name) refuseSecond(existing, { name, session });
  await requireNamespace(session);
  await install(objectsOf(name, { options, namespace, existing }), session);
  const timeoutMs = waitMs(options, true);
  if (timeoutMs === 0) {
    io.out(`Site "${name}" is being installed in namespace "${namespace}"\n`);
    return;
  }
  await untilReady({ name, timeoutMs, session });
  io.out(`Site "${name}" is ready in namespace "${namespace}"\n`);
}

/** What a site that is there already was told before stays, where the options say nothing. */
function objectsOf(
  name: string,
  input: { options: InitOptions; namespace: string; existing: Site | undefined },
): KubeObject[] {
  const { options, namespace, existing } = input;
  const image = options.image ?? `isthmus/isthmus:${VERSION}`;
  const linkAccess = options.linkAccess ?? existing?.spec.linkAccess ?? "LoadBalancer";
  const replicas = existing?.spec.router.replicas;
  const entryPort = options.entryPort ?? existing?.spec.entry?.port;
  const objects = installObjects({
    namespace,
    siteName: name,
    image,
    linkAccess,
    ...(replicas === undefined ? {} : { replicas }),
  });
  return entryPort === undefined ? objects : objects.map((object) => withEntry(object, entryPort));
}

function withEntry(object: KubeObject, port: number): KubeObject {
  if (object.kind !== RESOURCES.sites.kind || typeof object.spec !== "object") return object;
  return { ...object, spec: { ...object.spec, entry: { port } } };
}

function refuseSecond(existing: Site, { name, session }: { name: string; session: Session }): never {
  const first = siteName(existing);
  throw new IsthmusError(
    "ALREADY_EXISTS",
    `Namespace "${session.namespace}" has the site "${first}" already, and can have only one: "${name}" was not made`,
    { hint: `Use another namespace, or first: ${session.command("uninstall")}` },
  );
}

async function install(objects: readonly KubeObject[], session: Session): Promise<void> {
  const { client } = session;
  const made: { def: ResourceDef; name: string }[] = [];
  const place = async (def: ResourceDef, object: KubeObject): Promise<void> => {
    const { name } = object.metadata;
    const { namespace } = session;
    const known = await client.find(def, def.namespaced ? { namespace, name } : { name });
    if (known === undefined) made.push({ def, name });
    await client.apply(def, object);
  };
  try {
    await Promise.all(crds().map((crd) => placeCrd(crd, { place, session })));
    for (const object of objects) {
      // oxlint-disable-next-line no-await-in-loop -- in order: rights before who uses them
      await served(() => place(resourceOf(object), object), session);
    }
  } catch (error) {
    for (const { def, name } of made.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop
      await client.delete(def, { namespace: session.namespace, name }).catch(() => false);
    }
    throw error;
  }
}

/** Kinds are cluster-wide: who may not install them can still use those that an administrator has installed. */
async function placeCrd(
  crd: CustomResourceDefinition,
  input: { place: (def: ResourceDef, object: KubeObject) => Promise<void>; session: Session },
): Promise<void> {
  const def = RESOURCES.customResourceDefinitions;
  try {
    await input.place(def, crd);
  } catch (error) {
    if (!(error instanceof IsthmusError) || error.code !== "DENIED") throw error;
    const known = await input.session.client.find(def, { name: crd.metadata.name }).catch(() => undefined);
    if (known === undefined) throw error;
  }
}

/** A kind that was installed a moment ago may not be served yet. */
async function served(place: () => Promise<void>, session: Session): Promise<void> {
  await waitUntil({
    what: "the new kinds to be served",
    timeoutMs: CRD_TIMEOUT_MS,
    progress: session.progress,
    hint: session.kubectl("get customresourcedefinitions"),
    look: async () => {
      try {
        await place();
        return { done: true };
      } catch (error) {
        if (error instanceof IsthmusError && error.code === "NOT_FOUND") return { pending: "" };
        throw error;
      }
    },
  });
}

function resourceOf(object: KubeObject): ResourceDef {
  const found = Object.values(RESOURCES).find((def) => def.kind === object.kind);
  if (found === undefined) throw new IsthmusError("INTERNAL", `No resource for kind "${object.kind}"`);
  return found;
}

async function untilReady(input: { name: string; timeoutMs: number; session: Session }): Promise<void> {
  const { name, timeoutMs, session } = input;
  const { client, namespace } = session;
  await waitUntil({
    what: `site "${name}" to be ready`,
    timeoutMs,
    progress: session.progress,
    hint: session.kubectl("get pods"),
    look: async () => {
      const site = await client.get<Site>(RESOURCES.sites, { namespace, name });
      const why = notReady(site);
      if (why === undefined) return { done: true };
      return { pending: (await podTrouble(session)) ?? (why === "" ? "the controller is starting" : why) };
    },
  });
}

/** What keeps one of the site's pods from starting, as its cluster says; undefined when nothing is known. */
async function podTrouble({ client, namespace }: Session): Promise<string | undefined> {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
  // Who may not look at pods still gets to know what the controller says.
  const pods = await client.list<Pod>(RESOURCES.pods, { namespace, labelSelector }).catch(() => undefined);
  for (const { metadata, status } of pods?.items ?? []) {
    for (const { state } of status?.containerStatuses ?? []) {
      const { reason = "", message } = state?.waiting ?? {};
      if (message !== undefined && message !== "") return `pod ${metadata.name}: ${reason}: ${message}`;
    }
  }
  return undefined;
}
