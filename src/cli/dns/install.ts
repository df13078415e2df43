import type { ClusterRoleBinding, Deployment, Service } from "#api/builtin.ts";
import type { KubeObject } from "#api/object.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import { labelsOf, wireName } from "#dns/name.ts";
import { DNS, dnsObjects } from "#site/dns/dns-manifests.ts";
import { type WaitOptions, waitMs } from "../flags.ts";
import { formatObjects, type ObjectFormat } from "../output/objects.ts";
import { requireNamespace } from "../require-namespace.ts";
import type { Session } from "../session.ts";
import { waitUntil } from "../wait.ts";
import { changeHints, placeStub, stubDiff } from "./coredns.ts";
import type { Stub } from "./corefile.ts";

export interface DnsInstallOptions extends WaitOptions {
  readonly apply?: boolean;
  readonly coredns?: boolean;
  readonly replicas: number;
  readonly strict?: boolean;
  readonly zone: string;
  readonly ttl: number;
  readonly image?: string;
  readonly output?: ObjectFormat;
}

/**
 * Without `apply` it prints: the objects, or with `coredns` the change of the Corefile. With it both are made, in this order: nobody is
 * sent to a server that does not answer yet. What failed half-way is taken away again.
 */
export async function installDns(options: DnsInstallOptions, session: Session): Promise<void> {
  const { io, namespace } = session;
  const zone = zoneOf(options.zone);
  const { replicas, ttl, strict = false, image = `isthmus/isthmus:${VERSION}` } = options;
  const objects = dnsObjects({ namespace, image, replicas, zone, ttl, strict });
  if (options.apply !== true) {
    if (options.coredns !== true) io.out(formatObjects(objects, options.output ?? "yaml"));
    else {
      const known = await addressOf(session);
      const address = known ?? `<cluster IP of Service ${namespace}/${DNS}>`;
      sayDiff(await stubDiff({ zone, ttl, address }, session), { zone, session });
    }
    return;
  }
  await requireNamespace(session);
  await refuseSecond(session);
  await apply(objects, session);
  const timeoutMs = waitMs(options, true);
  if (timeoutMs > 0) await untilReady(timeoutMs, session);
  const is = timeoutMs > 0 ? "answers" : "is being installed";
  io.out(`DNS for "${zone}" ${is} in namespace "${namespace}"\n`);
  if (options.coredns !== true) {
    io.err(`hint: Send the zone there: ${session.command("dns install --coredns --apply")}\n`);
    return;
  }
  await sendThere({ zone, ttl }, session);
}

async function sendThere({ zone, ttl }: Omit<Stub, "address">, session: Session): Promise<void> {
  const address = await addressOf(session);
  if (address === undefined) {
    throw new IsthmusError("NOT_FOUND", `The Service "${DNS}" has no address yet; CoreDNS was not changed`, {
      hint: session.command("dns install --coredns --apply"),
    });
  }
  const diff = await placeStub({ zone, ttl, address }, session);
  sayDiff(diff, { zone, session });
  if (diff === undefined || diff === "") return;
  for (const hint of await changeHints(session)) session.io.err(`hint: ${hint}\n`);
}

function sayDiff(diff: string | undefined, { zone, session }: { zone: string; session: Session }): void {
  if (diff === undefined)
    session.io.out(`CoreDNS serves "${zone}" by itself (multicluster): it is left as it is\n`);
  else session.io.out(diff === "" ? `CoreDNS sends "${zone}" here already\n` : diff);
}

/** One serves the imports of all namespaces, and CoreDNS can send the zone to one place only. */
async function refuseSecond(session: Session): Promise<void> {
  const { client, namespace } = session;
  const binding = await client.find<ClusterRoleBinding>(RESOURCES.clusterRoleBindings, { name: DNS });
  const other = binding?.subjects?.find((subject) => subject.namespace !== namespace)?.namespace;
  if (other === undefined) return;
  throw new IsthmusError(
    "ALREADY_EXISTS",
    `DNS is installed in namespace "${other}" already, and serves the imports of all namespaces`,
    { hint: `Use that one, or first: ${session.in(other).command("dns uninstall")}` },
  );
}

async function apply(objects: readonly KubeObject[], session: Session): Promise<void> {
  const { client } = session;
  const made: (() => Promise<unknown>)[] = [];
  try {
    for (const object of objects) {
      const def = resourceOf(object);
      const { name, namespace } = object.metadata;
      const ref = namespace === undefined ? { name } : { namespace, name };
      // oxlint-disable-next-line no-await-in-loop -- in order: rights before who uses them
      if ((await client.find(def, ref)) === undefined) made.push(() => client.delete(def, ref));
      // oxlint-disable-next-line no-await-in-loop
      await client.apply(def, object);
    }
  } catch (error) {
    for (const undo of made.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop
      await undo().catch(() => false);
    }
    throw error;
  }
}

function resourceOf({ kind }: KubeObject): ResourceDef {
  const found = Object.values(RESOURCES).find((def) => def.kind === kind);
  if (found === undefined) throw new IsthmusError("INTERNAL", `No resource for kind "${kind}"`);
  return found;
}

async function untilReady(timeoutMs: number, session: Session): Promise<void> {
  const { client, namespace } = session;
  await waitUntil({
    what: "DNS to answer",
    timeoutMs,
    progress: session.progress,
    hint: session.kubectl(`get pods -l app.kubernetes.io/name=${DNS}`),
    look: async () => {
      const { metadata, spec, status } = await client.get<Deployment>(RESOURCES.deployments, {
        namespace,
        name: DNS,
      });
      const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = status ?? {};
      const wanted = spec.replicas ?? 1;
      const seen = observedGeneration >= (metadata.generation ?? 0);
      if (seen && updatedReplicas === wanted && readyReplicas === wanted && replicas === wanted)
        return { done: true };
      return { pending: `${readyReplicas} of ${wanted} are ready` };
    },
  });
}

async function addressOf({ client, namespace }: Session): Promise<string | undefined> {
  const service = await client.find<Service>(RESOURCES.services, { namespace, name: DNS });
  const address = service?.spec.clusterIP;
  return address === undefined || address === "" ? undefined : address;
}

/** As it is written in a Corefile. Throws INVALID for what DNS cannot have. */
function zoneOf(text: string): string {
  const labels = labelsOf(text.toLowerCase());
  wireName(labels);
  return labels.join(".");
}
