import type { Service } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { covers } from "#controller/compare.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import { withConditions, writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "../caches.ts";
import { listenerProtocol } from "../app-protocol.ts";
import { clustersetName, clustersetOf } from "./clusterset-service.ts";
import {
  importMetadata,
  importSpec,
  isAsWanted,
  merged,
  saysAsWanted,
  withoutExported,
} from "./import-objects.ts";
import { ImportView, type PinNews } from "./import-view.ts";
import {
  claimed,
  type DesiredImport,
  type ImportPlan,
  type PlanInput,
  isClaimed,
  isImportService,
  planImports,
} from "./imports.ts";
import type { ListenerBook, WantedListener } from "../routers/listener-book.ts";
import type { Conflict } from "./merge-exports.ts";
import { IMPORT_LABEL } from "../names.ts";
import type { SiteState } from "../network-view.ts";

export interface ImportWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly book: ListenerBook;
  /** How long a service has to be gone everywhere before it is deleted here, ms [500]. */
  readonly graceMs?: number;
  readonly pins: PinNews;
}

const log = logFor("site", "imports");

/**
 * Makes ServiceImports and Services of what the routers see. The plan (imports.ts) is made on each piece of news, in memory, and
 * with it the listener ports (listener-book.ts), so that the routers listen before anybody can find the Service; then
 * each service is written by itself.
 */
export class ImportWriter {
  readonly #options: ImportWriterOptions;
  readonly #goneSinceMs = new Map<string, number>();
  /** ServiceImports that somebody has deleted: their Service goes too, unless the service is still exported. */
  readonly #released = new Set<string>();
  readonly #dropped = new Set<string>();
  readonly #view: ImportView;
  #desired = new Map<string, DesiredImport>();
  #gone = new Set<string>();

  constructor(options: ImportWriterOptions) {
    this.#options = options;
    this.#view = new ImportView(options);
  }

  /** Plans anew. */
  plan(sites: readonly SiteState[] | undefined, how: Pick<PlanInput, "selfId" | "isSteady"> = {}): void {
    const { caches, clock } = this.#options;
    const plan = planImports({ namespace: caches.namespace, sites, imports: this.#ownImports(), ...how });
    for (const name of this.#desired.keys()) this.#dropped.add(name);
    this.#desired = new Map(plan.desired.map((desired) => [desired.name, desired]));
    for (const name of this.#desired.keys()) this.#dropped.delete(name);
    this.#noteGone(plan, clock.monotonicMs());
  }

  /** Ports that the routers shall listen for. */
  wanted(): WantedListener[] {
    const { caches } = this.#options;
    return [...this.#desired.values()].flatMap(({ name, ports }) =>
      ports.map((port) => ({
        service: `${caches.namespace}/${name}`,
        port: port.port,
        protocol: listenerProtocol(port),
      })),
    );
  }

  /** What is imported now, by name. */
  get desired(): ReadonlyMap<string, DesiredImport> {
    return this.#desired;
  }

  /** In what the exporters of a service differ; undefined while not all of them are known. */
  conflicts(name: string): readonly Conflict[] | undefined {
    return this.#desired.get(name)?.conflicts;
  }

  /** Names of services that may have to be written. */
  toWrite(): string[] {
    const names = new Set([...this.#gone, ...this.#dropped]);
    this.#dropped.clear();
    for (const name of names) this.#view.forget(name);
    for (const [name, desired] of this.#desired) if (!this.#view.isWritten(desired)) names.add(name);
    return [...names];
  }

  /** The ServiceImport of that name is gone from the API. */
  released(name: string): void {
    this.#released.add(name);
  }

  /** Forgets what was planned: another process writes now. */
  reset(): void {
    this.#dropped.clear();
    this.#view.forget();
    this.#goneSinceMs.clear();
    this.#released.clear();
    this.#desired.clear();
    this.#gone.clear();
  }

  /** Writes one service as planned. Throws what is to be tried again with back-off. */
  async reconcile(name: string): Promise<ReconcileResult> {
    const desired = this.#desired.get(name);
    if (desired !== undefined) {
      this.#released.delete(name);
      await this.#write(desired);
      return {};
    }
    if (this.#released.has(name)) {
      await this.#deleteService(name);
      this.#released.delete(name);
      return {};
    }
    const since = this.#goneSinceMs.get(name);
    if (!this.#gone.has(name) || since === undefined) return {};
    const { clock, graceMs = 500 } = this.#options;
    const leftMs = since + graceMs - clock.monotonicMs();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await this.#delete(name);
    return {};
  }

  async #write(desired: DesiredImport): Promise<void> {
    const { client, caches, clock } = this.#options;
    const { namespace } = caches;
    const site = caches.site();
    if (site === undefined) return;
    const owner = ownerReference(site);
    const { name } = desired;
    const service = caches.service(name);
    const known = caches.imports.get(namespace, name);
    if (known !== undefined && known.metadata.labels?.[IMPORT_LABEL] === undefined) {
      log.warning("A ServiceImport that somebody else made is in the way", { name });
      return;
    }
    const [object] = await Promise.all([
      this.#writeImport(desired, { known, owner, ips: this.#view.ips(desired) }),
      desired.spec.type === "Headless" || !this.#view.hasPlainName
        ? this.#deleteService(name, { clusterset: desired.spec.type === "Headless" })
        : this.#writeService(this.#view.wantedService(desired, owner), service),
    ]);
    await this.#writeClusterset(desired, object);
    const conditions = withConditions(
      object.status?.conditions,
      [{ type: "Ready", ...this.#view.ready(desired) }],
      { nowMs: clock.now() },
    );
    const clusters = desired.exporters.map((cluster) => ({ cluster }));
    const status = { clusters, conditions, endpointSliceObjects: "Present" } as const;
    await writeStatus(client, { def: RESOURCES.serviceImports, object, status });
  }

  async #writeImport(
    desired: DesiredImport,
    input: {
      known: ServiceImport | undefined;
      owner: ReturnType<typeof ownerReference>;
      ips: readonly string[];
    },
  ): Promise<ServiceImport> {
    const { client, caches } = this.#options;
    const { known, owner, ips } = input;
    const spec = importSpec(desired, ips);
    const metadata = {
      name: desired.name,
      namespace: caches.namespace,
      ...importMetadata(desired),
      ownerReferences: [owner],
    };
    const base = { apiVersion: apiVersionOf(RESOURCES.serviceImports), kind: RESOURCES.serviceImports.kind };
    if (known === undefined)
      return await client.create<ServiceImport>(RESOURCES.serviceImports, { ...base, metadata, spec });
    if (
      covers(known.metadata, { ownerReferences: metadata.ownerReferences }) &&
      saysAsWanted(known, { desired, ips })
    )
      return known;
    return await client.update<ServiceImport>(RESOURCES.serviceImports, {
      ...known,
      metadata: merged(withoutExported(known.metadata), metadata),
      spec,
    });
  }

  /** The Service that has the clusterset address where the Service of that name is the user's; none is made for a headless import. */
  async #writeClusterset(desired: DesiredImport, object: ServiceImport): Promise<void> {
    const { client, caches } = this.#options;
    const known = caches.service(clustersetName(desired.name));
    if (known !== undefined && clustersetOf(known) !== desired.name) {
      log.warning("A Service of the user has the name of the clusterset address", {
        name: known.metadata.name,
      });
      return;
    }
    if (!this.#view.needsClusterset(desired)) {
      if (known !== undefined) await this.#deleteOwn(known);
      return;
    }
    const wanted = this.#view.wantedClusterset(desired, object);
    if (known === undefined) await client.create<Service>(RESOURCES.services, wanted);
    else if (!isAsWanted(known, wanted))
      await client.update<Service>(RESOURCES.services, {
        ...known,
        metadata: merged(known.metadata, wanted.metadata),
        spec: { ...known.spec, ...wanted.spec },
      });
  }

  async #writeService(wanted: Service, known: Service | undefined): Promise<void> {
    const { client } = this.#options;
    if (known === undefined) {
      await client.create<Service>(RESOURCES.services, wanted);
      log.info("Imported a service", { name: wanted.metadata.name });
      return;
    }
    if (await this.#giveUp(known)) return;
    if (!isImportService(known) || isAsWanted(known, wanted)) return;
    await client.update<Service>(RESOURCES.services, {
      ...known,
      metadata: merged(known.metadata, wanted.metadata),
      spec: { ...known.spec, ...wanted.spec },
    });
  }

  /** A Service that its user claims is his from now on; says whether it is. */
  async #giveUp(service: Service): Promise<boolean> {
    if (!isClaimed(service)) return false;
    await this.#options.client.update<Service>(RESOURCES.services, claimed(service));
    log.info("An imported Service is the user's own now: it has a selector of his", {
      name: service.metadata.name,
    });
    return true;
  }

  async #delete(name: string): Promise<void> {
    const { client, caches } = this.#options;
    const { namespace } = caches;
    const known = caches.imports.get(namespace, name);
    await this.#deleteService(name);
    if (known !== undefined)
      await client.delete(RESOURCES.serviceImports, { namespace, name, preconditions: uidOf(known) });
    log.info("The last export of a service is gone, and with it the import", { name });
  }

  /** Both that stand for an import, or the one of its own name only; never one of the user's. */
  async #deleteService(name: string, which = { clusterset: true }): Promise<void> {
    const { caches } = this.#options;
    const clusterset = which.clusterset ? caches.service(clustersetName(name)) : undefined;
    if (clusterset !== undefined && clustersetOf(clusterset) === name) await this.#deleteOwn(clusterset);
    const service = caches.service(name);
    if (service === undefined || (await this.#giveUp(service)) || !isImportService(service)) return;
    await this.#deleteOwn(service);
  }

  async #deleteOwn(service: Service): Promise<void> {
    const { client, caches } = this.#options;
    await client.delete(RESOURCES.services, {
      namespace: caches.namespace,
      name: service.metadata.name,
      preconditions: uidOf(service),
    });
  }

  #ownImports(): ServiceImport[] {
    return this.#options.caches.imports
      .list()
      .filter((object) => object.metadata.labels?.[IMPORT_LABEL] !== undefined);
  }

  #noteGone(plan: ImportPlan, nowMs: number): void {
    this.#gone = new Set(plan.gone);
    for (const name of this.#goneSinceMs.keys()) if (!this.#gone.has(name)) this.#goneSinceMs.delete(name);
    for (const name of plan.gone) if (!this.#goneSinceMs.has(name)) this.#goneSinceMs.set(name, nowMs);
  }
}

function uidOf(object: { metadata: { uid?: string } }): { uid?: string } {
  return object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
}
