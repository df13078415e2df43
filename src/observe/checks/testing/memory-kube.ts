import type { KubeObject } from "#api/object.ts";
import type { ResourceDef } from "#api/resources.ts";
import type { KubeClient, ObjectRef, PodRequest, Selection } from "#kube/client.ts";
import { KubeError } from "#kube/kube-error.ts";

type Placed = Partial<Omit<KubeObject, "metadata">> & {
  readonly metadata: { readonly name: string; readonly namespace?: string } & Record<string, unknown>;
} & Record<string, unknown>;

/** What a test may do to it. */
export interface MemoryKube {
  readonly client: KubeClient;
  put(def: ResourceDef, object: Placed): void;
  /** Verbs on resources that are refused: `list deployments.apps`. */
  readonly denied: Set<string>;
  /** Answers of pods, by `pod path`. */
  readonly pods: Map<string, unknown>;
  /** What everything throws instead. */
  failure: Error | undefined;
}

/** A cluster's objects in memory, read as by a KubeClient; access reviews say what `denied` says. For tests of checks. */
export function memoryKube(gitVersion = "v1.32.0"): MemoryKube {
  const objects = new Map<string, KubeObject>();
  const denied = new Set<string>();
  const pods = new Map<string, unknown>();
  const kube: { failure: Error | undefined } = { failure: undefined };
  const enter = (verb: string, resource: string): void => {
    if (kube.failure !== undefined) throw kube.failure;
    if (!denied.has(`${verb} ${resource}`)) return;
    throw new KubeError("DENIED", `Not allowed to ${verb} ${resource}`, { status: 403 });
  };
  const client: Pick<KubeClient, "version" | "find" | "list" | "create" | "askPod"> = {
    async version() {
      enter("get", "the server version");
      return { gitVersion, major: "1", minor: gitVersion.split(".")[1] ?? "" };
    },
    async find<T extends KubeObject>(def: ResourceDef<T>, ref: ObjectRef) {
      enter("get", resourceOf(def));
      return objects.get(keyOf(def, ref)) as T | undefined;
    },
    async list<T extends KubeObject>(def: ResourceDef<T>, selection: Selection = {}) {
      enter("list", resourceOf(def));
      const { namespace, labelSelector } = selection;
      const prefix = `${resourceOf(def)}/${def.namespaced && namespace !== undefined ? `${namespace}/` : ""}`;
      const items = [...objects].filter(([at]) => at.startsWith(prefix)).map(([, object]) => object as T);
      const [label = "", value] = (labelSelector ?? "").split("=");
      return {
        items: items.filter(({ metadata }) => label === "" || metadata.labels?.[label] === value),
        resourceVersion: "1",
      };
    },
    async create<T extends KubeObject>(_def: ResourceDef<T>, object: T) {
      enter("create", "reviews");
      const { resourceAttributes } = object.spec as { resourceAttributes: Record<string, string> };
      const { verb = "", group = "", resource = "" } = resourceAttributes;
      const allowed = !denied.has(`${verb} ${resource}${group === "" ? "" : `.${group}`}`);
      return { ...object, status: { allowed } };
    },
    async askPod<T>({ pod, path }: PodRequest) {
      enter("get", "pods/proxy");
      const answer = pods.get(`${pod} ${path}`);
      if (answer === undefined)
        throw new KubeError("UNREACHABLE", `Pod "${pod}" does not answer`, { status: 503 });
      return answer as T;
    },
  };
  return {
    // The rest is not used by checks.
    client: client as KubeClient,
    put(def, object) {
      const { metadata } = object;
      const { namespace = "shop" } = metadata;
      objects.set(keyOf(def, { namespace, name: metadata.name }), {
        apiVersion: def.version,
        kind: def.kind,
        ...object,
        metadata: { ...(def.namespaced ? { namespace } : {}), uid: metadata.name, ...metadata },
      });
    },
    denied,
    pods,
    get failure() {
      return kube.failure;
    },
    set failure(error) {
      kube.failure = error;
    },
  };
}

function resourceOf({ plural, group }: ResourceDef): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function keyOf(def: ResourceDef, { namespace = "", name }: ObjectRef): string {
  return `${resourceOf(def)}/${def.namespaced ? namespace : ""}/${name}`;
}
