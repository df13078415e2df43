import type { EndpointSlice } from "#api/builtin.ts";
import type { ServiceImport } from "#api/kinds/service-import.ts";
import { RESOURCES } from "#api/resources.ts";
import { Informer } from "#controller/informer.ts";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { labelsOf } from "#dns/name.ts";
import type { Zone } from "#dns/zone.ts";
import type { KubeClient } from "#kube/client.ts";
import { MCS_SERVICE_LABEL, SLICE_MANAGER, SLICE_MANAGER_LABEL } from "../names.ts";
import { clustersetRecords } from "./clusterset-records.ts";

/** Version of the DNS schema (KEP-1645), as CoreDNS gives it. */
const DNS_VERSION = "1.1.0";
const OF_IMPORT = "import";

const log = logFor("dns");

export interface DnsFeedOptions {
  readonly client: KubeClient;
  readonly zone: Zone;
  readonly clock: Clock;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** [false] By the letter of KEP-1645: no name for one cluster of a service. */
  readonly strict?: boolean;
}

/**
 * Keeps a zone as the ServiceImports of a cluster are, and the EndpointSlices that Isthmus writes for them. While the API is away the zone stays as
 * it was. It has no opinion on clusters that come and go: who writes the slices has (`imports/held-reach.ts`).
 */
export class DnsFeed {
  readonly #imports: Informer<ServiceImport>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #zone: Zone;
  readonly #strict: boolean;

  constructor({ client, zone, clock, namespace, strict = false }: DnsFeedOptions) {
    this.#zone = zone;
    this.#strict = strict;
    const common = { client, clock, ...(namespace === undefined ? {} : { namespace }) };
    this.#imports = new Informer<ServiceImport>({ ...common, def: RESOURCES.serviceImports });
    this.#slices = new Informer<EndpointSlice>({
      ...common,
      def: RESOURCES.endpointSlices,
      labelSelector: `${SLICE_MANAGER_LABEL}=${SLICE_MANAGER}`,
      indexes: { [OF_IMPORT]: (slice) => [importOf(slice) ?? ""] },
    });
    zone.set("dns-version", [{ labels: ["dns-version"], data: { type: "TXT", texts: [DNS_VERSION] } }]);
    this.#imports.onChange(({ namespace: of, name }) => this.#changed(of, name));
    this.#slices.onChange(({ namespace: of }, { before, after }) => {
      const names = [before, after].map((slice) => slice?.metadata.labels?.[MCS_SERVICE_LABEL]);
      for (const name of new Set(names)) if (name !== undefined) this.#changed(of, name);
    });
  }

  /** Everything was read once: a name that is not in the zone does not exist. */
  get ready(): boolean {
    return this.#imports.hasSynced && this.#slices.hasSynced;
  }

  start(): void {
    this.#imports.start();
    this.#slices.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#imports.stop(), this.#slices.stop()]);
  }

  #changed(namespace: string, name: string): void {
    const imported = this.#imports.get(namespace, name);
    const owner = `${namespace}/${name}`;
    if (imported === undefined) {
      this.#zone.remove(owner);
      return;
    }
    try {
      const { records, left } = clustersetRecords({
        imported,
        slices: this.#slices.by(OF_IMPORT, owner),
        origin: labelsOf(this.#zone.origin),
        strict: this.#strict,
      });
      if (left.length > 0)
        log.warning("DNS has no room for some names of a service", {
          service: owner,
          names: left.length,
          first: left[0],
        });
      this.#zone.set(owner, records);
    } catch (error) {
      log.error("A service has no place in DNS", { service: owner, reason: messageOf(error) });
      this.#zone.remove(owner);
    }
  }
}

/** namespace/name of the import that a slice is of. */
function importOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[MCS_SERVICE_LABEL];
  return name === undefined ? undefined : `${metadata.namespace ?? ""}/${name}`;
}
