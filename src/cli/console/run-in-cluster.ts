import { join } from "node:path";
import type { EndpointSlice } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import type { Auth } from "#console/access.ts";
import { openConsole } from "#console/open-console.ts";
import { IsthmusError } from "#core/errors.ts";
import { untilSignal } from "#core/lifecycle.ts";
import { logFor, startLogging } from "#core/log.ts";
import { KubeClient } from "#kube/client.ts";
import { inCluster } from "#kube/in-cluster.ts";
import type { RouterSource } from "#observe/source.ts";
import { directSource } from "#observe/sources/direct.ts";
import { CONSOLE_PORT, CONSOLE_ROUTERS } from "#site/console/console-names.ts";
import { ADMIN_PORT, SERVICE_NAME_LABEL } from "#site/names.ts";
import type { Io } from "../io.ts";
import { type AccessFlags, authOf } from "./console-access.ts";

const log = logFor("console");

/**
 * The console of a Site, in its pod: on the pod's address, with TLS always. Password and certificate come in the environment; the
 * routers are found by the EndpointSlices of a headless Service.
 */
export async function runInCluster(
  options: AccessFlags & { readonly data?: string; readonly network?: string },
  { env }: Io,
): Promise<void> {
  await startLogging("info");
  const ended = untilSignal();
  const connection = inCluster(env);
  const { namespace } = connection;
  const client = new KubeClient(connection);
  const auth: Auth =
    options.proxyHeader === undefined
      ? { mode: "password", password: required(env, "ISTHMUS_CONSOLE_PASSWORD") }
      : authOf(options);
  const opened = await openConsole({
    source: routerSource(client, namespace),
    store: options.data === undefined ? ":memory:" : join(options.data, "console.sqlite"),
    network: options.network ?? "",
    cli: `isthmus -n ${namespace}`,
    listen: { hostname: env["POD_IP"] || "0.0.0.0", port: CONSOLE_PORT },
    auth,
    tls: {
      cert: required(env, "ISTHMUS_CONSOLE_CERTIFICATE"),
      key: required(env, "ISTHMUS_CONSOLE_KEY"),
    },
    hosts: options.host ?? [],
  });
  log.info("Serving", { url: opened.console.url, namespace });
  const signal = await ended;
  log.info("Stopping", { signal });
  await opened.stop();
}

function routerSource(client: KubeClient, namespace: string): RouterSource {
  let known: readonly string[] = [];
  const routers = async (signal: AbortSignal): Promise<readonly string[]> => {
    known = await routersOf(client, { namespace, signal });
    return known;
  };
  return {
    routers,
    async get(path, request) {
      const addresses = known.length > 0 ? known : await routers(request.signal);
      return await directSource(addresses).get(path, request);
    },
  };
}

async function routersOf(
  client: KubeClient,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<string[]> {
  const { items } = await client.list<EndpointSlice>(RESOURCES.endpointSlices, {
    namespace,
    labelSelector: `${SERVICE_NAME_LABEL}=${CONSOLE_ROUTERS}`,
    signal,
  });
  return items
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses)
    .map((host) => `http://${host.includes(":") ? `[${host}]` : host}:${ADMIN_PORT}`)
    .toSorted();
}

function required(env: Io["env"], name: string): string {
  const value = env[name];
  if (value !== undefined && value !== "") return value;
  throw new IsthmusError("INVALID", `${name} is not set: the controller gives it to the console's pod`, {
    hint: "isthmus init",
  });
}
