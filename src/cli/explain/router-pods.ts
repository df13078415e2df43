import type { Pod } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { KubeError } from "#kube/kube-error.ts";
import { ADMIN_PORT, NAME_LABEL, ROUTER } from "#site/names.ts";
import type { Session } from "../session.ts";
import { placeOf } from "../site.ts";

export interface RouterAnswer {
  readonly pod: string;
  /** Routers of the site that are ready, this one included. */
  readonly routers: number;
  readonly value: unknown;
}

/**
 * Asks a ready router of the namespace's site, one after the other until one answers, through the API server's
 * `pods/proxy`: no port-forward, and the rights of the cluster decide. Undefined when the router says 404. Throws
 * UNREACHABLE when none is ready, DENIED with the verb that is missing.
 */
export async function askRouter(path: string, session: Session): Promise<RouterAnswer | undefined> {
  const { client, namespace } = session;
  const { items } = await client.list<Pod>(RESOURCES.pods, {
    namespace,
    labelSelector: `${NAME_LABEL}=${ROUTER}`,
  });
  const ready = items
    .filter(isReady)
    .map(({ metadata }) => metadata.name)
    .toSorted();
  let last: unknown;
  for (const pod of ready) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- the next one only when this one fails
      const value = await client.askPod<unknown>({ namespace, pod, port: ADMIN_PORT, path, timeoutMs: 5000 });
      return { pod, routers: ready.length, value };
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (error.status === 404 && error.kubeReason === undefined) return undefined;
      if (error.status === 403) throw refused(error, session);
      if (!error.retryable && error.status !== 404) throw error;
      last = error;
    }
  }
  throw new IsthmusError(
    "UNREACHABLE",
    noneText({ found: items.length, ready: ready.length, last, session }),
    {
      hint: session.kubectl(`get pods -l ${NAME_LABEL}=${ROUTER}`),
    },
  );
}

function noneText(facts: { found: number; ready: number; last: unknown; session: Session }): string {
  const { found, ready, last, session } = facts;
  const where = `of namespace "${session.namespace}" of ${placeOf(session)}`;
  if (found === 0) return `There is no router ${where}`;
  if (ready === 0)
    return `No router ${where} is ready: ${found} ${found === 1 ? "is" : "are"} starting or ending`;
  return `No router ${where} answers: ${messageOf(last)}`;
}

function refused(error: KubeError, session: Session): IsthmusError {
  const { namespace } = session;
  return new IsthmusError(
    "DENIED",
    `Not allowed to ask a router of namespace "${namespace}": the verb "get" on "pods/proxy" is missing`,
    {
      cause: error,
      hint: `Whoever administers it can allow it: ${session.kubectl("create role ask-routers --verb=get --resource=pods/proxy")}, bound to you`,
    },
  );
}

function isReady({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}
