import type { Deployment, Service } from "#api/builtin.ts";
import type { ConsoleSpec, Site } from "#api/kinds/site.ts";
import type { KubeObject } from "#api/object.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { ensure } from "#controller/ensure.ts";
import { isOwnedBy, ownerReference } from "#controller/owner-reference.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import { exposureOf } from "../link-access.ts";
import { CONSOLE, CONSOLE_ROUTERS } from "./console-names.ts";
import { ensureConsoleSecret } from "./console-secret.ts";
import { consoleDeployment, consoleServices } from "./console-workload.ts";

export interface ConsoleWriterOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly image: string;
  /** Address of a node, for NodePort. */
  readonly nodeHost: string | undefined;
  readonly clock: Clock;
  /** What a cache knows of a Service. */
  readonly service: (name: string) => Service | undefined;
}

/** Nothing of it is watched but its Services, so that all else is looked at again after so long. */
const LOOK_AGAIN_MS = 30_000;

/** Makes the console that a Site asks for, and takes away one that it no longer does. */
export class ConsoleWriter {
  readonly #options: ConsoleWriterOptions;
  #done = "";
  #doneMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConsoleWriterOptions) {
    this.#options = options;
  }

  /** Cheap while nothing changed. Throws what is to be tried again. */
  async reconcile(site: Site): Promise<void> {
    const { clock, service } = this.#options;
    const { console: spec } = site.spec;
    const key = JSON.stringify([
      site.metadata.uid,
      spec ?? null,
      site.status?.network ?? null,
      [CONSOLE, CONSOLE_ROUTERS].map((name) => service(name)?.metadata.resourceVersion ?? null),
    ]);
    if (key === this.#done && clock.monotonicMs() - this.#doneMs < LOOK_AGAIN_MS) return;
    if (spec?.enabled === true) await this.#make(site, spec);
    else await this.#remove(site);
    this.#done = key;
    this.#doneMs = clock.monotonicMs();
  }

  async #make(site: Site, spec: ConsoleSpec): Promise<void> {
    const { client, namespace, image, clock, service } = this.#options;
    const place = { namespace, owner: ownerReference(site) };
    const mayChange = (existing: KubeObject): boolean => isOwnedBy(existing, site);
    const [own] = await Promise.all(
      consoleServices(place, spec).map((desired) =>
        ensure(client, {
          def: RESOURCES.services,
          desired,
          existing: service(desired.metadata.name),
          mayChange,
        }),
      ),
    );
    const hosts = this.#hosts(own?.object, spec);
    const { mark } = await ensureConsoleSecret({ client, namespace, site, hosts, clock });
    await ensure(client, {
      def: RESOURCES.deployments,
      desired: consoleDeployment(place, { spec, image, network: site.status?.network, mark }),
      mayChange,
    });
  }

  /** Names and addresses of its certificate: what people may type, and what is forwarded. */
  #hosts(found: Service | undefined, spec: ConsoleSpec): string[] {
    const { namespace, nodeHost } = this.#options;
    const exposure = exposureOf(found, { port: "console", nodeHost });
    const { clusterIP } = found?.spec ?? {};
    return [
      CONSOLE,
      `${CONSOLE}.${namespace}`,
      `${CONSOLE}.${namespace}.svc`,
      "localhost",
      "127.0.0.1",
      ...(clusterIP === undefined || clusterIP === "" ? [] : [clusterIP]),
      ...(exposure.state === "assigned" ? exposure.addresses.map(({ host }) => host) : []),
      ...(spec.hosts ?? []),
    ];
  }

  async #remove(site: Site): Promise<void> {
    const { client, namespace, service } = this.#options;
    const known = [CONSOLE, CONSOLE_ROUTERS].filter((name) => service(name) !== undefined);
    // Its Service is made first and goes last, so that it tells whether there is anything else.
    if (known.length === 0) return;
    const parts: readonly [ResourceDef, string][] = [
      [RESOURCES.deployments, CONSOLE],
      [RESOURCES.secrets, CONSOLE],
      ...known.map((name): [ResourceDef, string] => [RESOURCES.services, name]),
    ];
    for (const [def, name] of parts) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      const object = await client.find<Deployment>(def as typeof RESOURCES.deployments, { namespace, name });
      if (object === undefined || !isOwnedBy(object, site)) continue;
      // oxlint-disable-next-line no-await-in-loop
      await client.delete(def, { namespace, name, propagation: "Background" });
    }
  }
}
