import type { Pod, Secret } from "#api/builtin.ts";
import type { KubeObject } from "#api/object.ts";
import { crds } from "#api/registry.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import { runChecks, type RunChecksOptions } from "#observe/checks/run-checks.ts";
import { CONSOLE } from "#site/console/console-names.ts";
import { DNS } from "#site/dns/dns-manifests.ts";
import { ADMIN_PORT, CONTROLLER, NAME_LABEL, ROUTER } from "#site/names.ts";
import type { Session } from "../session.ts";
import { publicObject, Redactor, secretFacts } from "./redact.ts";

export interface GatherOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** Last lines of each container's log. */
  readonly logLines: number;
}

/** Files of a dump by their path in it, all of them free of secrets. */
export type DumpFiles = ReadonlyMap<string, string>;

/** No log and no answer of a pod is longer; of a log the end counts, of an answer the beginning. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Of all of them together; what comes later is left out, and `errors.txt` says so. */
const MAX_PODS_BYTES = 128 * 1024 * 1024;
/** Of one pod's answer. */
const ASK_MS = 10_000;
const METRICS_PORT_DNS = 9153;

/** Kinds of the namespace of which all objects are taken. */
const ALL_OF: readonly ResourceDef[] = [
  RESOURCES.sites,
  RESOURCES.links,
  RESOURCES.accessGrants,
  RESOURCES.accessTokens,
  RESOURCES.serviceExports,
  RESOURCES.serviceImports,
  RESOURCES.trafficPolicies,
  RESOURCES.services,
  RESOURCES.endpointSlices,
  RESOURCES.events,
  RESOURCES.leases,
];

/** Kinds whose objects may be the user's, with passwords in their environment: only those of Isthmus are taken. */
const OWN_OF: readonly ResourceDef[] = [
  RESOURCES.deployments,
  RESOURCES.replicaSets,
  RESOURCES.pods,
  RESOURCES.serviceAccounts,
  RESOURCES.roles,
  RESOURCES.roleBindings,
];

const OWN_NAMES = [CONTROLLER, ROUTER, CONSOLE, DNS];
const ASKED: Readonly<Record<string, { readonly port: number; readonly paths: readonly string[] }>> = {
  [CONTROLLER]: { port: ADMIN_PORT, paths: ["/v1/state", "/metrics"] },
  [ROUTER]: { port: ADMIN_PORT, paths: ["/v1/state", "/v1/routes", "/metrics"] },
  [DNS]: { port: METRICS_PORT_DNS, paths: ["/metrics"] },
};

/**
 * Reads all that helps to find a fault from outside: what cannot be read is told in `errors.txt`, and ends nothing. `say` is told what
 * is being read.
 */
export async function gather(options: GatherOptions, say: (what: string) => void): Promise<DumpFiles> {
  const { session, clock } = options;
  const { client, namespace } = session;
  const files = new Map<string, string>();
  const errors: string[] = [];
  const redactor = new Redactor();
  const attempt = async (what: string, read: () => Promise<void>): Promise<void> => {
    say(what);
    try {
      await read();
    } catch (error) {
      errors.push(`${what}: ${messageOf(error)}`);
    }
  };
  const put = (path: string, value: object): void => {
    files.set(path, `${JSON.stringify(value, undefined, 2)}\n`);
  };

  await attempt("secrets, their names and sizes", async () => {
    const { items } = await client.list<Secret>(RESOURCES.secrets, { namespace });
    for (const secret of items) redactor.add(secret);
    put("resources/secrets.json", items.map(secretFacts));
  });
  await attempt("versions", async () => {
    const kubernetes = await client.version();
    put("versions.json", {
      isthmus: VERSION,
      bun: Bun.version,
      platform: `${process.platform}/${process.arch}`,
      kubernetes,
      kinds: await kindsOf(session),
    });
  });
  await attempt("checks", async () => {
    const input: RunChecksOptions = {
      client,
      namespace,
      clock,
      command: (text) => session.command(text),
      kubectl: (text) => session.kubectl(text),
    };
    put("checks.json", await Array.fromAsync(runChecks(input)));
  });
  for (const def of ALL_OF) {
    // oxlint-disable-next-line no-await-in-loop -- one kind after the other
    await attempt(def.plural, async () => {
      const { items } = await client.list<KubeObject>(def, { namespace });
      put(`resources/${def.plural}.json`, items.map(publicObject));
    });
  }
  let pods: Pod[] = [];
  for (const def of OWN_OF) {
    // oxlint-disable-next-line no-await-in-loop
    await attempt(`${def.plural} of Isthmus`, async () => {
      const { items } = await client.list<KubeObject>(def, { namespace });
      const own = items.filter(isOwn);
      put(`resources/${def.plural}.json`, own.map(publicObject));
      // The list of pods is one of Pods.
      if (def.plural === RESOURCES.pods.plural) pods = own as Pod[];
    });
  }
  let room = MAX_PODS_BYTES;
  const keep = (path: string, text: string): void => {
    room -= text.length;
    if (room < 0) throw new Error(`left out, since ${MAX_PODS_BYTES / 1024 / 1024} MiB are full`);
    files.set(path, text);
  };
  for (const pod of pods) {
    // oxlint-disable-next-line no-await-in-loop
    await gatherPod(pod, { ...options, keep, attempt });
  }
  if (errors.length > 0) files.set("errors.txt", `${errors.join("\n")}\n`);
  files.set("README.txt", README);
  return new Map([...files].map(([path, text]) => [path, redactor.clean(text)]));
}

interface PodInput extends GatherOptions {
  /** Throws when there is no room left. */
  readonly keep: (path: string, text: string) => void;
  readonly attempt: (what: string, read: () => Promise<void>) => Promise<void>;
}

async function gatherPod({ metadata, spec, status }: Pod, input: PodInput): Promise<void> {
  const { session, keep, attempt, logLines } = input;
  const { client, namespace } = session;
  const { name } = metadata;
  for (const container of spec.containers) {
    const state = status?.containerStatuses?.find((one) => one.name === container.name);
    for (const previous of (state?.restartCount ?? 0) > 0 ? [false, true] : [false]) {
      // oxlint-disable-next-line no-await-in-loop
      await attempt(`log of ${name}/${container.name}${previous ? ", of before" : ""}`, async () => {
        const log = client.logs({
          namespace,
          pod: name,
          container: container.name,
          tailLines: logLines,
          previous,
        });
        const text = await textOf(log, "end");
        keep(`logs/${name}/${container.name}${previous ? ".previous" : ""}.log`, text);
      });
    }
  }
  const { port, paths } = ASKED[metadata.labels?.[NAME_LABEL] ?? ""] ?? { port: 0, paths: [] };
  for (const path of paths) {
    // oxlint-disable-next-line no-await-in-loop
    await attempt(`${path} of ${name}`, async () => {
      const answer = client.askPodBytes({ namespace, pod: name, port, path, timeoutMs: ASK_MS });
      const file = path.slice(1).replaceAll("/", "-");
      keep(`pods/${name}/${file}${path === "/metrics" ? ".txt" : ".json"}`, await textOf(answer, "begin"));
    });
  }
}

/** At most MAX_FILE_BYTES of it. */
async function textOf(chunks: AsyncIterable<Uint8Array>, keep: "begin" | "end"): Promise<string> {
  const held: Uint8Array[] = [];
  let bytes = 0;
  let cut = false;
  for await (const chunk of chunks) {
    held.push(chunk);
    bytes += chunk.length;
    while (bytes > MAX_FILE_BYTES && held.length > 1) {
      cut = true;
      const gone = keep === "end" ? held.shift() : held.pop();
      bytes -= gone?.length ?? 0;
      if (keep === "begin") return `${Buffer.concat(held).toString("utf8")}\n(cut)\n`;
    }
  }
  const text = Buffer.concat(held).toString("utf8");
  return cut ? `(cut)\n${text}` : text;
}

async function kindsOf({ client }: Session): Promise<object[]> {
  const found = await Promise.all(
    crds().map(({ metadata }) => client.find(RESOURCES.customResourceDefinitions, { name: metadata.name })),
  );
  return found.flatMap((crd) =>
    crd === undefined
      ? []
      : [{ name: crd.metadata.name, versions: crd.spec.versions.map(({ name }) => name) }],
  );
}

function isOwn({ metadata }: KubeObject): boolean {
  return OWN_NAMES.includes(metadata.labels?.[NAME_LABEL] ?? "");
}

const README = `What "isthmus debug dump" saw.

versions.json     program, Bun, Kubernetes, kinds
checks.json       what "isthmus check" says
resources/        objects of the namespace; of Deployments and pods those of Isthmus only; of Secrets names, keys and sizes
logs/             of the pods of Isthmus, the last lines; .previous of a container that was started anew
pods/             what routers, controller and DNS say of themselves
errors.txt        what could not be read

No value of a Secret is in here. Names of services, pods and clusters, and addresses are.
`;
