import type { Service } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { ensure } from "#controller/ensure.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import { writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "./caches.ts";
import { ConsoleWriter } from "./console/console-writer.ts";
import { controlMark, type ControlMaterial, ensureControl } from "./routers/control-secret.ts";
import { exposureOf, type Exposure } from "./link-access.ts";
import { CONTROLLER, ENTRY_SERVICE, JOIN_SERVICE, MANAGED_BY, MANAGED_BY_LABEL, ROUTER } from "./names.ts";
import type { NetworkView } from "./network-view.ts";
import { lifetimeOf } from "./join/renewal.ts";
import { accessServices, routerDeployment } from "./routers/router-workload.ts";
import { type RouterSummary, secondSiteStatus, siteStatus } from "./status.ts";

export interface SiteWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  /** Image of the routers. */
  readonly image: string;
  /** Address of a node, for NodePort. */
  readonly nodeHost: string | undefined;
  readonly view: () => NetworkView | undefined;
  readonly routers: (wanted: number) => RouterSummary;
  /** The control Secret was made or read. */
  readonly onControl: (material: ControlMaterial) => void;
}

/** Makes what a Site stands for: Secret isthmus-control, the routers, the Services others reach them by, the console; and the Site's status. */
export class SiteWriter {
  readonly #options: SiteWriterOptions;
  readonly #console: ConsoleWriter;

  constructor(options: SiteWriterOptions) {
    this.#options = options;
    const { client, caches, image, nodeHost, clock } = options;
    const { namespace } = caches;
    const service = (name: string): Service | undefined => caches.service(name);
    this.#console = new ConsoleWriter({ client, namespace, image, nodeHost, clock, service });
  }

  /** Throws what is to be tried again with back-off; the status is written also then. */
  async reconcile(): Promise<ReconcileResult> {
    const { client, caches, clock } = this.#options;
    const site = caches.site();
    if (site === undefined) return {};
    for (const other of caches.sites.list()) {
      if (other.metadata.uid === site.metadata.uid || other.metadata.deletionTimestamp !== undefined)
        continue;
      const status = secondSiteStatus(other, { oldest: site.metadata.name, nowMs: clock.now() });
      // oxlint-disable-next-line no-await-in-loop -- hardly ever one
      await writeStatus(client, { def: RESOURCES.sites, object: other, status });
    }
    try {
      await this.#makeParts(site);
    } finally {
      await this.#writeStatus(site);
    }
    return {};
  }

  async #writeStatus(site: Site): Promise<void> {
    const { client, caches, clock } = this.#options;
    const status = siteStatus({
      site,
      identity: caches.identity(site),
      view: this.#options.view(),
      link: this.exposure("link"),
      join: this.exposure("join"),
      entry: site.spec.entry === undefined ? undefined : this.exposure("entry"),
      routers: this.#options.routers(site.spec.router?.replicas ?? 1),
      endsAtMs: this.#endsAtMs(site),
      nowMs: clock.now(),
    });
    await writeStatus(client, { def: RESOURCES.sites, object: site, status });
  }

  /** Where this site is reached for links, for joining, or by clients from outside. */
  exposure(port: "link" | "join" | "entry"): Exposure {
    const { caches, nodeHost } = this.#options;
    const name = { link: ROUTER, join: JOIN_SERVICE, entry: ENTRY_SERVICE }[port];
    return exposureOf(caches.service(name), { port, nodeHost });
  }

  async #makeParts(site: Site): Promise<void> {
    const { client, caches, clock, image } = this.#options;
    const { namespace } = caches;
    const host = caches.service(CONTROLLER)?.spec.clusterIP;
    if (host === undefined || host === "" || host === "None") {
      throw new IsthmusError(
        "NOT_FOUND",
        `There is no Service "${CONTROLLER}" with a cluster IP in namespace "${namespace}"`,
        {
          hint: "isthmus init",
        },
      );
    }
    const known = caches.control(site);
    const material =
      known?.host === host ? known : await ensureControl({ client, namespace, site, host, clock });
    this.#options.onControl(material);
    const owner = ownerReference(site);
    const linkAccess = site.spec.linkAccess ?? "None";
    const services = accessServices({ namespace, owner, linkAccess, entryPort: site.spec.entry?.port });
    const deployment = routerDeployment({
      namespace,
      owner,
      image,
      replicas: site.spec.router?.replicas ?? 1,
      controlHost: host,
      controlMark: controlMark(material),
    });
    await Promise.all([
      ensure(client, {
        def: RESOURCES.deployments,
        desired: deployment,
        existing: caches.routerDeployment.get(namespace, ROUTER),
        mayChange: isManaged,
      }),
      ...services.map((desired) =>
        ensure(client, {
          def: RESOURCES.services,
          desired,
          existing: caches.service(desired.metadata.name),
          mayChange: isManaged,
        }),
      ),
      ...[ROUTER, JOIN_SERVICE, ENTRY_SERVICE]
        .filter((name) => services.every((service) => service.metadata.name !== name))
        .map((name) => this.#remove(caches.service(name))),
    ]);
    await this.#console.reconcile(site);
  }

  async #remove(service: Service | undefined): Promise<void> {
    if (service === undefined || !isManaged(service)) return;
    const { namespace = "", name } = service.metadata;
    await this.#options.client.delete(RESOURCES.services, { namespace, name });
  }

  #endsAtMs(site: Site): number | undefined {
    const identity = this.#options.caches.identity(site);
    return identity === undefined ? undefined : lifetimeOf(identity).endsAtMs;
  }
}

function isManaged(object: { metadata: { labels?: Record<string, string> } }): boolean {
  return object.metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}
