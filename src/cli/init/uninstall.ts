import type { KubeObject } from "#api/object.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { CONTROLLER, IMPORT_LABEL, LEASE, MANAGED_BY, MANAGED_BY_LABEL } from "#site/names.ts";
import { putBackServices } from "#site/policy/put-back.ts";
import { EXPOSED_BY, EXPOSED_LABEL } from "../expose/exposed-service.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import type { Session } from "../session.ts";
import { requireSite, siteName } from "../site.ts";
import { waitUntil } from "../wait.ts";

export type UninstallOptions = WaitOptions;

const OURS = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

/** What goes, in this order; without a selector all objects of the kind. Kinds (CRDs) stay: other namespaces use them. */
const STEPS: readonly { readonly def: ResourceDef; readonly selector?: string }[] = [
  { def: RESOURCES.serviceExports, selector: `${EXPOSED_LABEL}=${EXPOSED_BY}` },
  { def: RESOURCES.services, selector: `${EXPOSED_LABEL}=${EXPOSED_BY}` },
  { def: RESOURCES.links },
  { def: RESOURCES.accessTokens },
  { def: RESOURCES.accessGrants },
  { def: RESOURCES.sites },
  { def: RESOURCES.serviceImports, selector: IMPORT_LABEL },
  { def: RESOURCES.services, selector: IMPORT_LABEL },
  { def: RESOURCES.deployments, selector: OURS },
  { def: RESOURCES.services, selector: OURS },
  { def: RESOURCES.secrets, selector: OURS },
  { def: RESOURCES.roleBindings, selector: OURS },
  { def: RESOURCES.roles, selector: OURS },
  { def: RESOURCES.serviceAccounts, selector: OURS },
];

/** Takes away what `init` and the controller made. What the user wrote himself (services, policies) stays. */
export async function uninstall(options: UninstallOptions, session: Session): Promise<void> {
  const { client, io, namespace } = session;
  const site = await requireSite(session);
  // First who would make everything again.
  await client.delete(RESOURCES.deployments, { namespace, name: CONTROLLER, propagation: "Background" });
  const timeoutMs = waitMs(options, true);
  if (timeoutMs > 0) await untilGone(`app.kubernetes.io/name=${CONTROLLER}`, { timeoutMs, session });
  // Services of the user that lead to the routers, while those still serve.
  await putBackServices(client, namespace);
  for (const { def, selector } of STEPS) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const { items } = await client.list<KubeObject>(def, {
      namespace,
      ...(selector === undefined ? {} : { labelSelector: selector }),
    });
    // oxlint-disable-next-line no-await-in-loop
    await Promise.all(
      items.map(({ metadata }) =>
        client.delete(def, { namespace, name: metadata.name, propagation: "Background" }),
      ),
    );
  }
  // A controller that ended later than it was waited for may have led one there again.
  await putBackServices(client, namespace);
  // Made by the controller's election, without a label.
  await client.delete(RESOURCES.leases, { namespace, name: LEASE });
  if (timeoutMs > 0) await untilGone(OURS, { timeoutMs, session });
  io.out(`Site "${siteName(site)}" is gone from namespace "${namespace}"\n`);
}

async function untilGone(
  labelSelector: string,
  input: { timeoutMs: number; session: Session },
): Promise<void> {
  const { timeoutMs, session } = input;
  const { client, namespace } = session;
  await waitUntil({
    what: "the pods to end",
    timeoutMs,
    progress: session.progress,
    hint: session.kubectl("get pods"),
    look: async () => {
      const { items } = await client.list(RESOURCES.pods, { namespace, labelSelector });
      return items.length === 0
        ? { done: true }
        : { pending: items.map(({ metadata }) => metadata.name).join(", ") };
    },
  });
}
