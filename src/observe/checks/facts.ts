import type { Site } from "#api/kinds/site.ts";
import type { KubeObject } from "#api/object.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";

export interface FactsOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  /** `link status` with what leads to this place, for hints [`isthmus -n <namespace> link status`]. */
  readonly command?: ((text: string) => string) | undefined;
  /** The same for kubectl. */
  readonly kubectl?: ((text: string) => string) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What one run of the checks looks at. Each thing is read once, when the first check asks for it. */
export class Facts {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly command: (text: string) => string;
  readonly kubectl: (text: string) => string;
  readonly #read = new Map<string, Promise<unknown>>();

  constructor(options: FactsOptions) {
    const { client, namespace, clock, signal } = options;
    this.client = client;
    this.namespace = namespace;
    this.clock = clock;
    this.signal = signal;
    this.command = options.command ?? ((text) => `isthmus -n ${namespace} ${text}`);
    this.kubectl = options.kubectl ?? ((text) => `kubectl -n ${namespace} ${text}`);
  }

  /** All of the namespace; throws KubeError. */
  list<T extends KubeObject>(def: ResourceDef<T>, labelSelector?: string): Promise<readonly T[]> {
    return this.once(`list ${def.plural}.${def.group} ${labelSelector ?? ""}`, async () => {
      const { namespace, signal } = this;
      return (await this.client.list<T>(def, { namespace, labelSelector, signal })).items;
    });
  }

  /** By name, in this namespace; undefined when there is none. Throws KubeError. */
  find<T extends KubeObject>(def: ResourceDef<T>, name: string): Promise<T | undefined> {
    return this.once(`find ${def.plural}.${def.group} ${name}`, () => {
      const { namespace, signal } = this;
      return this.client.find<T>(def, { ...(def.namespaced ? { namespace } : {}), name, signal });
    });
  }

  /** The Site of the namespace: the oldest counts. Undefined when there is none. */
  async site(): Promise<Site | undefined> {
    const sites = await this.list<Site>(RESOURCES.sites);
    return sites
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1))[0];
  }

  /** What `read` gives, the first time; the same promise later. */
  once<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.#read.get(key);
    // A key is used for one type only: it is written beside its use.
    if (known !== undefined) return known as Promise<T>;
    const reading = read();
    this.#read.set(key, reading);
    return reading;
  }
}

function ageKey({ metadata }: Site): string {
  return `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
}
