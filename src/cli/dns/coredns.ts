import type { ConfigMap } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Session } from "../session.ts";
import {
  importsServers,
  reloads,
  type Stub,
  unifiedDiff,
  withoutStub,
  withStub,
  zoneServer,
} from "./corefile.ts";

/** Where CoreDNS of a cluster has its configuration, as every installer of clusters puts it. */
const CONFIG = { namespace: "kube-system", name: "coredns" };
const FILE = "Corefile";
/** Somebody else may write at the same time. */
const TRIES = 3;

interface Found {
  readonly corefile: string;
  readonly resourceVersion: string | undefined;
}

/**
 * The change of the cluster's Corefile that sends the zone to us, as a diff; empty when it is so already, undefined when CoreDNS serves
 * the zone itself. Throws CONFLICT when somebody else's server block has the zone, NOT_FOUND without a Corefile.
 */
export async function stubDiff(stub: Stub, session: Session): Promise<string | undefined> {
  const { corefile } = await read(session);
  return servedByCoreDns(corefile, { stub, session })
    ? undefined
    : unifiedDiff(corefile, withStub(corefile, stub), FILE);
}

/** Makes that change; gives it as a diff. */
export async function placeStub(stub: Stub, session: Session): Promise<string | undefined> {
  return await change(session, (corefile) =>
    servedByCoreDns(corefile, { stub, session }) ? undefined : withStub(corefile, stub),
  );
}

/** Takes our server block out again; gives that as a diff, empty when there was none. */
export async function removeStub(zone: string, session: Session): Promise<string> {
  try {
    return (await change(session, (corefile) => withoutStub(corefile, zone))) ?? "";
  } catch (error) {
    // A cluster whose DNS is something else.
    if (error instanceof IsthmusError && error.code === "NOT_FOUND") return "";
    throw error;
  }
}

/** What there is to know about a change that was made. */
export async function changeHints(session: Session): Promise<string[]> {
  const { corefile } = await read(session);
  const kubectl = `kubectl${session.context === undefined ? "" : ` --context ${session.context}`} -n kube-system`;
  return [
    ...(reloads(corefile)
      ? []
      : [`CoreDNS does not reload its Corefile: ${kubectl} rollout restart deployment/coredns`]),
    ...(importsServers(corefile)
      ? ["This Corefile may be written anew by whoever runs the cluster; coredns-custom stays: docs/dns.md"]
      : []),
  ];
}

async function change(
  session: Session,
  make: (corefile: string) => string | undefined,
): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    const { corefile, resourceVersion } = await read(session);
    const after = make(corefile);
    if (after === undefined || after === corefile) return after === undefined ? undefined : "";
    try {
      // oxlint-disable-next-line no-await-in-loop
      await session.client.patch(RESOURCES.configMaps, {
        ...CONFIG,
        type: "merge",
        body: { metadata: { resourceVersion }, data: { [FILE]: after } },
      });
      return unifiedDiff(corefile, after, FILE);
    } catch (error) {
      if (!(error instanceof IsthmusError) || error.code !== "CONFLICT" || tries === TRIES) throw error;
    }
  }
}

async function read({ client }: Session): Promise<Found> {
  const config = await client.find<ConfigMap>(RESOURCES.configMaps, CONFIG);
  const corefile = config?.data?.[FILE];
  if (config === undefined || corefile === undefined) {
    throw new IsthmusError("NOT_FOUND", `There is no ConfigMap kube-system/coredns with a "${FILE}"`, {
      hint: "Send the zone to the Service isthmus-dns in the way of the cluster's own DNS: docs/dns.md",
    });
  }
  return { corefile, resourceVersion: config.metadata.resourceVersion };
}

function servedByCoreDns(
  corefile: string,
  { stub, session }: { readonly stub: Stub; readonly session: Session },
): boolean {
  const server = zoneServer(corefile, stub.zone);
  if (server.by === "other") {
    throw new IsthmusError(
      "CONFLICT",
      `The Corefile sends "${stub.zone}" elsewhere already (line ${server.line}), and was not changed`,
      {
        hint: `Take that block out if nobody needs it: ${kubectlEdit(session)}`,
        retryable: false,
      },
    );
  }
  return server.by === "coredns";
}

function kubectlEdit({ context }: Session): string {
  return `kubectl${context === undefined ? "" : ` --context ${context}`} -n kube-system edit configmap coredns`;
}
