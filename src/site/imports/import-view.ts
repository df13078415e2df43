import type { Service } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import type { Site } from "#api/kinds/site.ts";
import type { NewCondition } from "#api/object.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import type { Caches } from "../caches.ts";
import { clustersetName, clustersetOf, clustersetService } from "./clusterset-service.ts";
import { contentText, isAsWanted, saysAsWanted } from "./import-objects.ts";
import { type DesiredImport, importService, isClaimed, isImportService } from "./imports.ts";
import type { ListenerBook } from "../routers/listener-book.ts";
import { EXPORTERS_ANNOTATION } from "../names.ts";

export interface ImportViewOptions {
  readonly caches: Caches;
  readonly book: ListenerBook;
  readonly pins: PinNews;
}

/** What there is to say of the addresses of an import's clusters and pods. */
export interface PinNews {
  /** How many have none for want of room. */
  left(name: string): number;
  /** Whether one of them has none yet. */
  waits(name: string): boolean;
}

/** Why an import can be used or not. Ready is told from what else there is to say of it. */
export interface Readiness extends Omit<NewCondition, "type"> {
  readonly reason: "Ready" | "Local" | "Limited" | "Pending";
}

/** How one import should look in this cluster, and whether it does, as far as the caches know. */
export class ImportView {
  readonly #caches: Caches;
  readonly #book: ListenerBook;
  readonly #pins: PinNews;
  /** What was found written at the last look. */
  readonly #written = new Map<string, Seen>();

  constructor({ caches, book, pins }: ImportViewOptions) {
    this.#caches = caches;
    this.#book = book;
    this.#pins = pins;
  }

  /** It is to be looked at again. */
  forget(name?: string): void {
    if (name === undefined) this.#written.clear();
    else this.#written.delete(name);
  }

  /** Whether an import may have a Service of its own name. */
  get hasPlainName(): boolean {
    return this.#caches.site()?.spec.discovery?.plainNames ?? true;
  }

  /** Once there is one it stays, so that the address stays. */
  needsClusterset({ name, spec }: DesiredImport): boolean {
    const caches = this.#caches;
    if (spec.type === "Headless") return false;
    const service = caches.service(name);
    return (
      !this.hasPlainName ||
      (service !== undefined && (!isImportService(service) || isClaimed(service))) ||
      clustersetOf(caches.service(clustersetName(name))) === name
    );
  }

  /** The addresses by which clients of this cluster reach the import, once there are any. */
  ips(desired: DesiredImport): readonly string[] {
    const caches = this.#caches;
    const { name, spec } = desired;
    if (spec.type === "Headless") return [];
    const service = caches.service(this.needsClusterset(desired) ? clustersetName(name) : name);
    if (service === undefined) return [];
    if (!isImportService(service) && clustersetOf(service) !== name) return [];
    const { clusterIP, clusterIPs } = service.spec;
    if (clusterIP === undefined || clusterIP === "" || clusterIP === "None") return [];
    return (clusterIPs ?? [clusterIP]).slice(0, 2);
  }

  ready(desired: DesiredImport): Readiness {
    const caches = this.#caches;
    const { name, spec, ports } = desired;
    const headless = spec.type === "Headless";
    if (!headless && this.ips(desired).length === 0)
      return { status: "False", reason: "Pending", message: "It has no address in this cluster yet" };
    const left = this.#pins.left(name);
    const limited = {
      status: "True",
      reason: "Limited",
      message: `There is no room for an address of ${left} ${headless ? "pods of other clusters" : "single clusters"}`,
    } as const;
    if (headless && this.#pins.waits(name))
      return {
        status: "False",
        reason: "Pending",
        message: "Not every pod has an address in this cluster yet",
      };
    if (headless) return left > 0 ? limited : { status: "True", reason: "Ready", message: "" };
    const service = caches.service(name);
    const isOwn = service !== undefined && !isImportService(service);
    if (!isOwn && this.#refuses(name))
      return {
        status: "True",
        reason: "Local",
        message: "The TrafficPolicy has mode Local: clients of this cluster are refused",
      };
    if (left > 0) return limited;
    const others = spec.ports.filter(({ protocol }) => protocol !== "TCP");
    const says = [
      isOwn
        ? `Service "${name}" of this namespace is not managed by Isthmus: clients that ask for ${name}.${caches.namespace}.svc.cluster.local reach that one, as long as no TrafficPolicy "${name}" leads it to all clusters`
        : "",
      others.length > 0 && ports.length + others.length === spec.ports.length
        ? `Only TCP is carried to other clusters, not ${others.map(({ port, protocol }) => `${port}/${protocol}`).join(", ")}`
        : "",
    ].filter((text) => text !== "");
    return { status: "True", reason: "Ready", message: says.join(". ") };
  }

  wantedService(desired: DesiredImport, owner: ReturnType<typeof ownerReference>): Service {
    return importService(desired, { ...this.#leading(desired), owner, refuse: this.#refuses(desired.name) });
  }

  /** Pods that are exported here are behind the routers too. */
  wantedClusterset(desired: DesiredImport, object: ServiceImport): Service {
    const caches = this.#caches;
    const exported = caches.exports.get(caches.namespace, desired.name) !== undefined;
    return clustersetService(desired, {
      ...this.#leading(desired),
      owner: ownerReference(object, { controller: false }),
      refuse: this.#refuses(desired.name) && !exported,
    });
  }

  #leading({ name }: DesiredImport): { namespace: string; targetPort: (port: number) => number } {
    const [caches, book] = [this.#caches, this.#book];
    const { namespace } = caches;
    const service = `${namespace}/${name}`;
    return { namespace, targetPort: (port) => book.portOf({ service, port }) ?? port };
  }

  /** Whether nothing is left to write, as far as the caches know; looked at again only when one of its objects is another. */
  isWritten(desired: DesiredImport): boolean {
    const caches = this.#caches;
    const { name } = desired;
    const seen = {
      known: caches.imports.get(caches.namespace, name),
      service: caches.service(name),
      clusterset: caches.service(clustersetName(name)),
      site: caches.site(),
      exported: caches.exports.get(caches.namespace, name) !== undefined,
      refuses: this.#refuses(name),
      left: this.#pins.left(name),
      waits: desired.spec.type === "Headless" && this.#pins.waits(name),
      wanted: `${contentText(desired)} ${desired.exporters.join()}`,
    };
    const last = this.#written.get(name);
    if (last !== undefined && SEEN_KEYS.every((key) => last[key] === seen[key])) return true;
    const written = this.#compare(desired, seen);
    if (written) this.#written.set(name, seen);
    else this.#written.delete(name);
    return written;
  }

  #compare(desired: DesiredImport, { known, service, clusterset, site }: Seen): boolean {
    if (known === undefined || site === undefined) return false;
    const exporters = desired.exporters.join(",");
    if (known.metadata.annotations?.[EXPORTERS_ANNOTATION] !== exporters) return false;
    if (known.status?.clusters?.map(({ cluster }) => cluster).join(",") !== exporters) return false;
    if (!saysAsWanted(known, { desired, ips: this.ips(desired) })) return false;
    const ready = known.status?.conditions?.find(({ type }) => type === "Ready");
    const wantedReady = this.ready(desired);
    if (ready?.reason !== wantedReady.reason || ready.message !== wantedReady.message) return false;
    const ownClusterset = clustersetOf(clusterset) === desired.name;
    if (desired.spec.type === "Headless")
      return !ownClusterset && (service === undefined || !isImportService(service));
    if (this.needsClusterset(desired)) {
      if (clusterset === undefined) return false;
      if (ownClusterset && !isAsWanted(clusterset, this.wantedClusterset(desired, known))) return false;
    }
    if (!this.hasPlainName) return service === undefined || !isImportService(service);
    if (service === undefined) return false;
    return (
      !isImportService(service) || isAsWanted(service, this.wantedService(desired, ownerReference(site)))
    );
  }

  /** Mode Local for a service that has no pods here. */
  #refuses(name: string): boolean {
    const caches = this.#caches;
    return caches.policies.get(caches.namespace, name)?.spec.mode === "Local";
  }
}

/** What decides whether an import is written. */
interface Seen {
  readonly known: ServiceImport | undefined;
  readonly service: Service | undefined;
  readonly clusterset: Service | undefined;
  readonly site: Site | undefined;
  readonly exported: boolean;
  readonly refuses: boolean;
  readonly left: number;
  readonly waits: boolean;
  readonly wanted: string;
}

const SEEN_KEYS = [
  "known",
  "service",
  "clusterset",
  "site",
  "exported",
  "refuses",
  "left",
  "waits",
  "wanted",
] as const;
