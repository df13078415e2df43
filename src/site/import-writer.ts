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
import type { Caches } from "./caches.ts";
import type { ImportListener } from "./config-builder.ts";
import {
  type DesiredImport,
  importLabels,
  importService,
  type ImportPlan,
  isImportService,
  listenersOf,
  planImports,
} from "./imports.ts";
import { ListenerPorts } from "./listener-ports.ts";
import { EXPORTERS_ANNOTATION, IMPORT_LABEL } from "./names.ts";
import type { SiteState } from "./network-view.ts";

export interface ImportWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  /** How long a service has to be gone everywhere before it is deleted here, ms [500]. */
  readonly graceMs?: number;
}

const log = logFor("site", "imports");

/**
 * Makes ServiceImports and Services of what the routers see. The plan (imports.ts) is made on each piece of news, in memory, and
 * with it the listener ports, so that the routers listen before anybody can find the Service; then each service is
 * written by itself.
 */
export class ImportWriter {
  readonly #options: ImportWriterOptions;
  readonly #ports = new ListenerPorts();
  /** Listeners of Services that are not written yet: `name:port` -> listener port. */
  readonly #pending = new Map<string, number>();
  readonly #goneSinceMs = new Map<string, number>();
  /** ServiceImports that somebody has deleted: their Service goes too, unless the service is still exported. */
  readonly #released = new Set<string>();
  #desired = new Map<string, DesiredImport>();
  #gone = new Set<string>();

  constructor(options: ImportWriterOptions) {
    this.#options = options;
  }

  /** Plans anew; returns the names of services that may have to be written. */
  plan(sites: readonly SiteState[] | undefined): string[] {
    const { caches, clock } = this.#options;
    const plan = planImports({ namespace: caches.namespace, sites, imports: this.#ownImports() });
    const before = this.#desired;
    this.#desired = new Map(plan.desired.map((desired) => [desired.name, desired]));
    this.#noteGone(plan, clock.monotonicMs());
    this.#allocate();
    const names = new Set(plan.gone);
    for (const [name, desired] of this.#desired) if (!this.#isWritten(desired)) names.add(name);
    for (const name of before.keys()) if (!this.#desired.has(name)) names.add(name);
    return [...names];
  }

  /** The ServiceImport of that name is gone from the API. */
  released(name: string): void {
    this.#released.add(name);
  }

  /** All listeners that the routers shall have. */
  listeners(): ImportListener[] {
    const { caches } = this.#options;
    const listeners = uniqueListeners(listenersOf(caches.services.list()));
    const known = new Set(listeners.map(({ service, port }) => `${service}:${port}`));
    for (const [key, listenerPort] of this.#pending) {
      const colon = key.lastIndexOf(":");
      const service = `${caches.namespace}/${key.slice(0, colon)}`;
      const port = Number(key.slice(colon + 1));
      if (!known.has(`${service}:${port}`)) listeners.push({ service, port, listenerPort });
    }
    return listeners;
  }

  /** Forgets what was planned: another process writes now. */
  reset(): void {
    this.#pending.clear();
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
    const wanted = importService(desired, {
      namespace,
      owner,
      targetPort: (port) => this.#listenerPort(desired.name, port) ?? port,
    });
    const ips =
      service?.spec.clusterIP === undefined || service.spec.clusterIP === "None"
        ? []
        : [service.spec.clusterIP];
    const [object] = await Promise.all([
      this.#writeImport(desired, {
        known,
        owner,
        ips: service !== undefined && isImportService(service) ? ips : [],
      }),
      this.#writeService(wanted, service),
    ]);
    const foreign =
      service !== undefined &&
      !isImportService(service) &&
      caches.exports.get(namespace, desired.name) === undefined;
    const conditions = withConditions(
      object.status?.conditions,
      [
        foreign
          ? {
              type: "Ready",
              status: "False",
              reason: "ServiceExists",
              message: `Service "${desired.name}" of this namespace is not managed by Isthmus: clients here reach that one, not the imported service`,
            }
          : { type: "Ready", status: "True", reason: "Ready", message: "" },
      ],
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
    if (covers(known, { metadata, spec }) && (known.spec.ips ?? []).join() === ips.join()) return known;
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
    if (!isImportService(known) || isAsWanted(known, wanted)) return;
    await client.update<Service>(RESOURCES.services, {
      ...known,
      metadata: merged(known.metadata, wanted.metadata),
      spec: { ...known.spec, ...wanted.spec },
    });
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
    if (service === undefined || !isImportService(service)) return;
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

  /** A listener port for each port of each desired import that has none. */
  #allocate(): void {
    const { caches } = this.#options;
    const { namespace } = caches;
    const present = uniqueListeners(listenersOf(caches.services.list()));
    const byKey = new Map(present.map((one) => [`${one.service}:${one.port}`, one.listenerPort]));
    const used = new Set([...byKey.values(), ...this.#pending.values()]);
    for (const port of used) this.#ports.continueAfter(port);
    const wanted = new Set<string>();
    for (const desired of this.#desired.values()) {
      const service = caches.service(desired.name);
      if (service !== undefined && !isImportService(service)) continue;
      for (const { port } of desired.ports) {
        const key = `${desired.name}:${port}`;
        wanted.add(key);
        if (byKey.has(`${namespace}/${key}`)) {
          this.#pending.delete(key);
          continue;
        }
        if (this.#pending.has(key)) continue;
        const listenerPort = this.#ports.allocate(used);
        if (listenerPort === undefined) {
          log.error("No listener port is left for an imported service", { service: desired.name, port });
          continue;
        }
        used.add(listenerPort);
        this.#pending.set(key, listenerPort);
      }
    }
    for (const key of this.#pending.keys()) if (!wanted.has(key)) this.#pending.delete(key);
  }

  #listenerPort(name: string, port: number): number | undefined {
    const pending = this.#pending.get(`${name}:${port}`);
    if (pending !== undefined) return pending;
    const service = this.#options.caches.service(name);
    const key = `${this.#options.caches.namespace}/${name}`;
    return listenersOf(service === undefined ? [] : [service]).find(
      (one) => one.service === key && one.port === port,
    )?.listenerPort;
  }

  /** Whether nothing is left to write, as far as the caches know. */
  #isWritten(desired: DesiredImport): boolean {
    const { caches } = this.#options;
    const known = caches.imports.get(caches.namespace, desired.name);
    if (
      known === undefined ||
      known.metadata.annotations?.[EXPORTERS_ANNOTATION] !== desired.exporters.join(",")
    )
      return false;
    if (known.status?.clusters?.map(({ cluster }) => cluster).join(",") !== desired.exporters.join(","))
      return false;
    const ports = known.spec.ports.map(({ name, port }) => `${name ?? ""}:${port}`).join();
    if (ports !== desired.ports.map(({ name, port }) => `${name ?? ""}:${port}`).join()) return false;
    const service = caches.service(desired.name);
    if (service === undefined) return false;
    if (!isImportService(service)) return true;
    const [ip] = known.spec.ips ?? [];
    if (ip !== service.spec.clusterIP) return false;
    return (
      desired.ports.every(({ port }) => !this.#pending.has(`${desired.name}:${port}`)) &&
      service.spec.ports?.length === desired.ports.length
    );
  }
}

function importObject(
  desired: DesiredImport,
  options: { namespace: string; owner: ReturnType<typeof ownerReference>; ips: string[] },
): Pick<ServiceImport, "metadata" | "spec"> {
  return {
    metadata: {
      name: desired.name,
      namespace: options.namespace,
      labels: importLabels(),
      annotations: { [EXPORTERS_ANNOTATION]: desired.exporters.join(",") },
      ownerReferences: [options.owner],
    },
    spec: {
      type: "ClusterSetIP",
      ports: desired.ports.map(({ name, port }) => ({
        ...(name === undefined ? {} : { name }),
        protocol: "TCP",
        port,
      })),
      ips: options.ips,
    },
  };
}

function merged(known: Service["metadata"], wanted: Service["metadata"]): Service["metadata"] {
  return {
    ...known,
    labels: { ...known.labels, ...wanted.labels },
    annotations: { ...known.annotations, ...wanted.annotations },
    ...(wanted.ownerReferences === undefined ? {} : { ownerReferences: wanted.ownerReferences }),
  };
}

/** Selector and ports exactly, since more of either would send clients elsewhere. */
function isAsWanted(known: Service, wanted: Service): boolean {
  return (
    routing(known) === routing(wanted) &&
    covers(known.metadata, {
      labels: wanted.metadata.labels,
      ownerReferences: wanted.metadata.ownerReferences,
    })
  );
}

function routing(service: Service): string {
  const selector = Object.entries(service.spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const ports = (service.spec.ports ?? []).map(
    ({ name, port, targetPort }) => `${port}/${name ?? ""}/${targetPort ?? ""}`,
  );
  return `${selector.toSorted(compareText).join()} ${ports.toSorted(compareText).join()}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Two Services that point to one router port cannot both be right: the first by name keeps it. */
function uniqueListeners(listeners: readonly ImportListener[]): ImportListener[] {
  const byPort = new Map<number, ImportListener>();
  const sorted = listeners.toSorted((a, b) => (`${a.service}:${a.port}` < `${b.service}:${b.port}` ? -1 : 1));
  for (const listener of sorted)
    if (!byPort.has(listener.listenerPort)) byPort.set(listener.listenerPort, listener);
  return [...byPort.values()];
}

function uidOf(object: { metadata: { uid?: string } }): { uid?: string } {
  return object.metadata.uid === undefined ? {} : { uid: object.metadata.uid };
}
