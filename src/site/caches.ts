import type { Deployment, EndpointSlice, Secret, Service } from "#api/builtin.ts";
import type { AccessGrant } from "#api/kinds/access-grant.ts";
import type { AccessToken } from "#api/kinds/access-token.ts";
import type { Link } from "#api/kinds/link.ts";
import type { ServiceExport } from "#api/kinds/service-export.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { Site } from "#api/kinds/site.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import type { KubeObject } from "#api/object.ts";
import { RESOURCES, type ResourceDef } from "#api/resources.ts";
import { Informer } from "#controller/informer.ts";
import { isOwnedBy } from "#controller/owner-reference.ts";
import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";
import type { KubeClient } from "#kube/client.ts";
import { type ControlMaterial, readControl } from "./routers/control-secret.ts";
import { type Identity, readIdentity, readRoot, type RootAuthority } from "./join/identity.ts";
import { SecretCache } from "./join/secret-cache.ts";
import { isShadowOf, shadowName } from "./policy/take-over.ts";
import { isImportSlice } from "./imports/import-slices.ts";
import { pinKey, pinOf, type PinTarget } from "./imports/pin-services.ts";
import {
  CONTROL_SECRET,
  IDENTITY_SECRET,
  MCS_SERVICE_LABEL,
  ROOT_SECRET,
  ROUTER,
  SERVICE_NAME_LABEL,
} from "./names.ts";

const SLICES_OF = "service";
const SLICES_OF_IMPORT = "import";
const PINS_OF = "pinned";
const PIN = "pin";

export interface CachesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** All that this controller watches, in one namespace. Secrets are read by name only. */
export class Caches {
  readonly namespace: string;
  readonly sites: Informer<Site>;
  readonly links: Informer<Link>;
  readonly grants: Informer<AccessGrant>;
  readonly tokens: Informer<AccessToken>;
  readonly policies: Informer<TrafficPolicy>;
  readonly exports: Informer<ServiceExport>;
  readonly imports: Informer<ServiceImport>;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
  readonly secrets: SecretCache;
  readonly routerDeployment: Informer<Deployment>;
  readonly #all: Pick<Informer, "start" | "synced" | "stop">[] = [];

  constructor(options: CachesOptions) {
    const { client, namespace, clock, random } = options;
    this.namespace = namespace;
    const informer = <T extends KubeObject>(
      def: ResourceDef<T>,
      more: { name?: string; indexes?: Record<string, (object: T) => readonly string[]> } = {},
    ): Informer<T> => {
      const { name, indexes } = more;
      const made = new Informer<T>({
        client,
        def,
        namespace,
        clock,
        random,
        ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
        ...(indexes === undefined ? {} : { indexes }),
      });
      this.#all.push(made);
      return made;
    };
    this.sites = informer(RESOURCES.sites);
    this.links = informer(RESOURCES.links);
    this.grants = informer(RESOURCES.accessGrants);
    this.tokens = informer(RESOURCES.accessTokens);
    this.policies = informer(RESOURCES.trafficPolicies);
    this.exports = informer(RESOURCES.serviceExports);
    this.imports = informer(RESOURCES.serviceImports);
    this.services = informer(RESOURCES.services, {
      indexes: {
        [PINS_OF]: (service) => [pinOf(service)?.of ?? ""],
        [PIN]: (service) => {
          const pin = pinOf(service);
          return pin === undefined ? [] : [pinKey(pin)];
        },
      },
    });
    this.slices = informer(RESOURCES.endpointSlices, {
      indexes: {
        [SLICES_OF]: (slice) => [slice.metadata.labels?.[SERVICE_NAME_LABEL] ?? ""],
        [SLICES_OF_IMPORT]: (slice) =>
          isImportSlice(slice) ? [slice.metadata.labels?.[MCS_SERVICE_LABEL] ?? ""] : [],
      },
    });
    const names = [IDENTITY_SECRET, ROOT_SECRET, CONTROL_SECRET];
    this.secrets = new SecretCache({ client, namespace, names, clock, random });
    this.#all.push(this.secrets);
    this.routerDeployment = informer(RESOURCES.deployments, { name: ROUTER });
  }

  start(): void {
    for (const informer of this.#all) informer.start();
  }

  async synced(): Promise<void> {
    await Promise.all(this.#all.map((informer) => informer.synced()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((informer) => informer.stop()));
  }

  /** The Site of this namespace: the oldest that is not being deleted. */
  site(): Site | undefined {
    return oldestSite(this.sites.list());
  }

  service(name: string): Service | undefined {
    return this.services.get(this.namespace, name);
  }

  policy(name: string): TrafficPolicy | undefined {
    return this.policies.get(this.namespace, name);
  }

  /** Our headless Service that stands for the pods of that Service, while that leads to the routers. */
  shadowOf(name: string): Service | undefined {
    const shadow = this.service(shadowName(name));
    return shadow !== undefined && isShadowOf(shadow, name) ? shadow : undefined;
  }

  slicesOf(service: string): EndpointSlice[] {
    return this.slices.by(SLICES_OF, service);
  }

  /** Those that this controller wrote for an import. */
  slicesOfImport(name: string): EndpointSlice[] {
    return this.slices.by(SLICES_OF_IMPORT, name);
  }

  /** Those that lead to one cluster of an import, or to one pod. */
  pinsOf(name: string): Service[] {
    return this.services.by(PINS_OF, name);
  }

  /** The one that leads there. */
  pin(target: PinTarget): Service | undefined {
    return this.services.by(PIN, pinKey(target))[0];
  }

  /** What belongs to another Site than this one is left over from before, and counts as absent. */
  identity(site: Site): Identity | undefined {
    return readIdentity(this.#owned(IDENTITY_SECRET, site));
  }

  root(site: Site): RootAuthority | undefined {
    return readRoot(this.#owned(ROOT_SECRET, site));
  }

  control(site: Site): ControlMaterial | undefined {
    return readControl(this.#owned(CONTROL_SECRET, site));
  }

  #owned(name: string, site: Site): Secret | undefined {
    const secret = this.secrets.get(name);
    return secret !== undefined && isOwnedBy(secret, site) ? secret : undefined;
  }
}

/** Of several Sites the oldest counts, by name among those of the same second. */
export function oldestSite(sites: readonly Site[]): Site | undefined {
  const [oldest] = sites
    .filter((site) => site.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => {
      const [left, right] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
      if (left !== right) return left < right ? -1 : 1;
      return a.metadata.name < b.metadata.name ? -1 : 1;
    });
  return oldest;
}

/** Name of a site as others see it. */
export function siteNameOf(site: Site): string {
  return site.spec.name ?? site.metadata.name;
}

/** What a site is called in its routers' configuration while it is in no network. */
export function fallbackIdOf(site: Site): string {
  return site.metadata.uid ?? site.metadata.name;
}
