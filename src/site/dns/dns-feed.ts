import type { ServiceImport } from "#api/kinds/service-import.ts";
import { RESOURCES } from "#api/resources.ts";
import { Informer } from "#controller/informer.ts";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { labelsOf } from "#dns/name.ts";
import type { Zone } from "#dns/zone.ts";
import type { KubeClient } from "#kube/client.ts";
import { clustersetRecords } from "./clusterset-records.ts";

/** Version of the DNS schema (KEP-1645), as CoreDNS gives it. */
const DNS_VERSION = "1.1.0";

const log = logFor("dns");

export interface DnsFeedOptions {
  readonly client: KubeClient;
  readonly zone: Zone;
  readonly clock: Clock;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** The letter of KEP-1645: no names that pin a cluster [false]. */
  readonly strict?: boolean;
}

/** Keeps a zone as the ServiceImports of a cluster are. While the API is away the zone stays as it was. */
export class DnsFeed {
  readonly #imports: Informer<ServiceImport>;
  readonly #zone: Zone;

  constructor({ client, zone, clock, namespace }: DnsFeedOptions) {
    this.#zone = zone;
    this.#imports = new Informer<ServiceImport>({
      client,
      def: RESOURCES.serviceImports,
      clock,
      ...(namespace === undefined ? {} : { namespace }),
    });
    zone.set("dns-version", [{ labels: ["dns-version"], data: { type: "TXT", texts: [DNS_VERSION] } }]);
    this.#imports.onChange(({ namespace: of, name }) => this.#changed(of, name));
  }

  /** All imports were read once: a name that is not in the zone does not exist. */
  get ready(): boolean {
    return this.#imports.hasSynced;
  }

  start(): void {
    this.#imports.start();
  }

  async stop(): Promise<void> {
    await this.#imports.stop();
  }

  #changed(namespace: string, name: string): void {
    const imported = this.#imports.get(namespace, name);
    const owner = `${namespace}/${name}`;
    try {
      const origin = labelsOf(this.#zone.origin);
      this.#zone.set(owner, imported === undefined ? [] : clustersetRecords(imported, origin));
    } catch (error) {
      log.error("A service has no place in DNS", { service: owner, reason: messageOf(error) });
      this.#zone.remove(owner);
    }
  }
}
