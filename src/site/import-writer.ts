import type { Service } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { Site } from "#api/kinds/site.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { covers } from "#controller/compare.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { NewCondition } from "#api/object.ts";
import { withConditions, writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "./caches.ts";
import { listenerProtocol } from "./app-protocol.ts";
import { importObject, isAsWanted, merged, portsText } from "./import-objects.ts";
import {
  claimed,
  type DesiredImport,
  importService,
  type ImportPlan,
  isClaimed,
  isImportService,
  planImports,
} from "./imports.ts";
import type { ListenerBook, WantedListener } from "./listener-book.ts";
import { EXPORTERS_ANNOTATION, IMPORT_LABEL, ORIGINAL_ANNOTATION } from "./names.ts";
import type { SiteState } from "./network-view.ts";

export interface ImportWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly book: ListenerBook;
  /** How long a service has to be gone everywhere before it is deleted here, ms [500]. */
  readonly graceMs?: number;
}

const READY_MESSAGES = {
  Ready: "",
  Local: "The TrafficPolicy has mode Local: clients of this cluster are refused",
  ServiceExists:
    'Service "NAME" of this namespace is not managed by Isthmus: clients here reach that one, not the imported service. A TrafficPolicy "NAME" makes both work together',
} as const;
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
  /** What was found written at the last look. */
  readonly #written = new Map<string, Seen>();
  #desired = new Map<string, DesiredImport>();
  #gone = new Set<string>();

  constructor(options: ImportWriterOptions) {
    this.#options = options;
  }

  /** Plans anew. */
  plan(sites: readonly SiteState[] | undefined): void {
    const { caches, clock } = this.#options;
    const plan = planImports({ namespace: caches.namespace, sites, imports: this.#ownImports() });
    for (const name of this.#desired.keys()) this.#dropped.add(name);
    this.#desired = new Map(plan.desired.map((desired) => [desired.name, desired]));
    for (const name of this.#desired.keys()) this.#dropped.delete(name);
    this.#noteGone(plan, clock.monotonicMs());
  }

  /** Ports that the routers shall listen for. */
  wanted(): WantedListener[] {
    const { caches } = this.#options;
    return [...this.#desired.values()].flatMap(({ name, ports }) => {
      const service = caches.service(name);
      if (service !== undefined && !isImportService(service)) return [];
      return ports.map((port) => ({
        service: `${caches.namespace}/${name}`,
        port: port.port,
        protocol: listenerProtocol(port),
      }));
    });
  }

  /** Names of services that may have to be written. */
  toWrite(): string[] {
    const names = new Set([...this.#gone, ...this.#dropped]);
    this.#dropped.clear();
    for (const name of names) this.#written.delete(name);
    for (const [name, desired] of this.#desired) if (!this.#isWritten(desired)) names.add(name);
    return [...names];
  }

  /** The ServiceImport of that name is gone from the API. */
  released(name: string): void {
    this.#released.add(name);
  }

  /** Forgets what was planned: another process writes now. */
  reset(): void {
    this.#dropped.clear();
    this.#written.clear();
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
    const service = caches.service(desired.name);
    const known = caches.imports.get(namespace, desired.name);
    if (known !== undefined && known.metadata.labels?.[IMPORT_LABEL] === undefined) {
      log.warning("A ServiceImport that somebody else made is in the way", { name: desired.name });
      return;
    }
    const wanted = this.#wantedService(desired, owner);
    const ips =
      service?.spec.clusterIP === undefined || service.spec.clusterIP === "None"
        ? []
        : [service.spec.clusterIP];
    const [object] = await Promise.all([
      this.#writeImport(desired, {
        known,
        owner,
        ips: service !== undefined && this.#leadsToImport(service) ? ips : [],
      }),
      this.#writeService(wanted, service),
    ]);
    const conditions = withConditions(
      object.status?.conditions,
      [{ type: "Ready", ...this.#ready(desired.name, service) }],
      { nowMs: clock.now() },
    );
    const clusters = desired.exporters.map((cluster) => ({ cluster }));
    await writeStatus(client, { def: RESOURCES.serviceImports, object, status: { clusters, conditions } });
  }

  async #writeImport(
    desired: DesiredImport,
    input: { known: ServiceImport | undefined; owner: ReturnType<typeof ownerReference>; ips: string[] },
  ): Promise<ServiceImport> {
    const { client, caches } = this.#options;
    const { known, owner, ips } = input;
    const { spec, metadata } = importObject(desired, { namespace: caches.namespace, owner, ips });
    const base = { apiVersion: apiVersionOf(RESOURCES.serviceImports), kind: RESOURCES.serviceImports.kind };
    if (known === undefined)
      return await client.create<ServiceImport>(RESOURCES.serviceImports, { ...base, metadata, spec });
    const same =
      covers(known, { metadata, spec }) &&
      portsText(known.spec.ports) === portsText(desired.ports) &&
      (known.spec.ips ?? []).join() === ips.join();
    if (same) return known;
    return await client.update<ServiceImport>(RESOURCES.serviceImports, {
      ...known,
      metadata: merged(known.metadata, metadata),
      spec: { ...known.spec, ...spec },
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

  async #deleteService(name: string): Promise<void> {
    const { client, caches } = this.#options;
    const service = caches.service(name);
    if (service === undefined || (await this.#giveUp(service)) || !isImportService(service)) return;
    await client.delete(RESOURCES.services, {
      namespace: caches.namespace,
      name,
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

  #ready(name: string, service: Service | undefined): Omit<NewCondition, "type"> {
    const reason = this.#readyReason(service);
    const message = READY_MESSAGES[reason].replaceAll("NAME", name);
    return { status: reason === "ServiceExists" ? "False" : "True", reason, message };
  }

  #readyReason(service: Service | undefined): keyof typeof READY_MESSAGES {
    const { caches } = this.#options;
    if (service === undefined || isImportService(service))
      return service !== undefined && this.#refuses(service.metadata.name) ? "Local" : "Ready";
    const { name } = service.metadata;
    if (this.#leadsToImport(service) || caches.exports.get(caches.namespace, name) !== undefined)
      return "Ready";
    return "ServiceExists";
  }

  #wantedService(desired: DesiredImport, owner: ReturnType<typeof ownerReference>): Service {
    const { caches, book } = this.#options;
    const { namespace } = caches;
    const service = `${namespace}/${desired.name}`;
    return importService(desired, {
      namespace,
      owner,
      targetPort: (port) => book.portOf({ service, port }) ?? port,
      refuse: this.#refuses(desired.name),
    });
  }

  /** Mode Local for a service that has no pods here. */
  #refuses(name: string): boolean {
    const { caches } = this.#options;
    return caches.policies.get(caches.namespace, name)?.spec.mode === "Local";
  }

  /** Ours, or a Service of the user that a policy points to the routers. */
  #leadsToImport(service: Service): boolean {
    return isImportService(service) || service.metadata.annotations?.[ORIGINAL_ANNOTATION] !== undefined;
  }

  /** Whether nothing is left to write, as far as the caches know; looked at again only when one of its objects is another. */
  #isWritten(desired: DesiredImport): boolean {
    const { caches } = this.#options;
    const { name } = desired;
    const seen = {
      known: caches.imports.get(caches.namespace, name),
      service: caches.service(name),
      site: caches.site(),
      exported: caches.exports.get(caches.namespace, name) !== undefined,
      refuses: this.#refuses(name),
      wanted: `${portsText(desired.ports)} ${desired.exporters.join()}`,
    };
    const last = this.#written.get(name);
    if (last !== undefined && SEEN_KEYS.every((key) => last[key] === seen[key])) return true;
    const written = this.#compare(desired, seen);
    if (written) this.#written.set(name, seen);
    else this.#written.delete(name);
    return written;
  }

  #compare(desired: DesiredImport, { known, service, site }: Seen): boolean {
    if (known === undefined || service === undefined || site === undefined) return false;
    const exporters = desired.exporters.join(",");
    if (known.metadata.annotations?.[EXPORTERS_ANNOTATION] !== exporters) return false;
    if (known.status?.clusters?.map(({ cluster }) => cluster).join(",") !== exporters) return false;
    if (portsText(known.spec.ports) !== portsText(desired.ports)) return false;
    const ready = known.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.reason !== this.#readyReason(service)) return false;
    if (!this.#leadsToImport(service)) return true;
    const [ip] = known.spec.ips ?? [];
    if (ip !== service.spec.clusterIP) return false;
    return (
      !isImportService(service) || isAsWanted(service, this.#wantedService(desired, ownerReference(site)))
    );
  }
}

/** What decides whether an import is written. */
interface Seen {
  readonly known: ServiceImport | undefined;
  readonly service: Service | undefined;
  readonly site: Site | undefined;
  readonly exported: boolean;
  readonly refuses: boolean;
  readonly wanted: string;
}

const SEEN_KEYS = ["known", "service", "site", "exported", "refuses", "wanted"] as const;

function uidOf(object: { metadata: { uid?: string } }): { uid?: string } {
  return object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
}
