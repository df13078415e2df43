import type { Pod } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import { KubeError } from "#kube/kube-error.ts";
import type { RouterAnswer, RouterRequest, RouterSource } from "../source.ts";

/** Label of routers' pods, and the port of their admin endpoint: those of #site/names.ts, which a test compares. */
export const ROUTER_SELECTOR = "app.kubernetes.io/name=isthmus-router";
export const ROUTER_ADMIN_PORT = 9901;
const TIMEOUT_MS = 5000;

export interface PodProxyOptions {
  readonly client: KubeClient;
  readonly namespace: string;
}

/**
 * Routers of a namespace's site through the API server's `pods/proxy`: no port-forward, and the rights of the cluster decide.
 * Throws what the client throws; UNREACHABLE when no router is ready; DENIED with the verb that is missing.
 */
export function podProxySource({ client, namespace }: PodProxyOptions): RouterSource {
  let known: readonly string[] = [];
  const routers = async (signal: AbortSignal): Promise<readonly string[]> => {
    const { items } = await client.list<Pod>(RESOURCES.pods, {
      namespace,
      labelSelector: ROUTER_SELECTOR,
      signal,
    });
    known = items
      .filter(isReady)
      .map(({ metadata }) => metadata.name)
      .toSorted();
    if (known.length > 0) return known;
    const found = items.length === 0 ? "There is no router" : "No router is ready";
    throw new IsthmusError(
      "UNREACHABLE",
      `${found} in namespace "${namespace}" of ${client.connection.origin}`,
      {
        hint: "isthmus check",
      },
    );
  };
  return {
    async get(path: string, { signal, router }: RouterRequest): Promise<RouterAnswer> {
      const pods = router === undefined ? (known.length > 0 ? known : await routers(signal)) : [router];
      let last: unknown;
      for (const pod of pods) {
        try {
          // oxlint-disable-next-line no-await-in-loop -- the next one only when this one fails
          return await ask(client, {
            namespace,
            pod,
            port: ROUTER_ADMIN_PORT,
            path,
            signal,
            timeoutMs: TIMEOUT_MS,
          });
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          last = error;
        }
      }
      if (last instanceof IsthmusError) throw last;
      throw new IsthmusError("UNREACHABLE", `No router answers: ${messageOf(last)}`, { cause: last });
    },
    routers,
  };
}

async function ask(client: KubeClient, input: Parameters<KubeClient["askPod"]>[0]): Promise<RouterAnswer> {
  try {
    return { status: 200, value: await client.askPod<unknown>(input) };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    // Without a reason of Kubernetes it is the router that refused.
    if (error.status !== undefined && error.kubeReason === undefined)
      return { status: error.status, value: error.message };
    if (error.status === 403)
      throw new IsthmusError(
        "DENIED",
        `Not allowed to ask a router of namespace "${input.namespace}": the verb "get" on "pods/proxy" is missing`,
        {
          cause: error,
          hint: `kubectl -n ${input.namespace} create role ask-routers --verb=get --resource=pods/proxy, bound to you`,
        },
      );
    throw error;
  }
}

function isReady({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}
