import type { EndpointSlice } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import { messageOf } from "#core/errors.ts";
import type { PolicyConfig, RouterConfig, ServiceConfig } from "#router/config.ts";
import type { ObjectKey } from "#controller/object-key.ts";
import { type Caches, fallbackIdOf, siteNameOf } from "../caches.ts";
import { buildConfig } from "./config-builder.ts";
import { type EntryPlan, type EntryVerdict, planEntry } from "../entry.ts";
import { type ExportVerdict, resolveExport } from "../exports.ts";
import { isImportService } from "../imports/imports.ts";
import type { ServiceListener } from "./listener-book.ts";
import { SERVICE_NAME_LABEL, SHADOW_LABEL } from "../names.ts";
import { affinityOf, healthConfig, policyConfig } from "../policy/policy-config.ts";
import { contentKey } from "../status-writer.ts";
import { isTaken, judgeTakeOver, shadowName } from "../policy/take-over.ts";

export interface AssemblerOptions {
  readonly caches: Caches;
  readonly clock: Clock;
  /** Listeners of services that clients here reach through the routers. */
  readonly listeners: () => readonly ServiceListener[];
  /** A configuration that may differ from the last, and what is in it (see `contentKey`). */
  readonly onConfig: (config: RouterConfig, contents: readonly string[]) => void;
  /** The verdicts on the exports of these names were made anew. */
  readonly onExports: (names: readonly string[]) => void;
}

const NO_ENTRY: EntryPlan = { routes: [], verdicts: new Map() };
const log = logFor("site", "config");

/**
 * Keeps the configuration of the routers equal to what the caches say. Changes of one turn of the event loop make one new
 * configuration; nothing waits longer. Only the services that changed are worked out again.
 */
export class Assembler {
  readonly #options: AssemblerOptions;
  readonly #verdicts = new Map<string, ExportVerdict>();
  /** Services that only this site's routers may use, because a policy leads their clients through them. */
  readonly #own = new Map<string, ServiceConfig>();
  readonly #dirty = new Set<string>();
  #entry: EntryPlan = NO_ENTRY;
  #scheduled = false;
  #enabled = false;
  #last: RouterConfig | undefined;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    const { caches } = options;
    const serviceChanged = (name: string | undefined): void => {
      if (name === undefined) return;
      this.#dirty.add(name);
      this.changed();
    };
    caches.exports.onChange(({ name }) => serviceChanged(name));
    caches.services.onChange(({ name }, { before, after }) => {
      serviceChanged(name);
      serviceChanged((after ?? before)?.metadata.labels?.[SHADOW_LABEL]);
    });
    caches.slices.onChange((_key, { before, after }) => {
      for (const slice of [before, after]) {
        const service = slice?.metadata.labels?.[SERVICE_NAME_LABEL];
        serviceChanged(service);
        if (service !== undefined) serviceChanged(caches.service(service)?.metadata.labels?.[SHADOW_LABEL]);
      }
    });
    const changed = (_key: ObjectKey): void => this.changed();
    caches.sites.onChange(() => {
      for (const { metadata } of caches.policies.list()) this.#dirty.add(metadata.name);
      this.changed();
    });
    caches.links.onChange(changed);
    caches.imports.onChange(changed);
    caches.policies.onChange(({ name }) => serviceChanged(name));
    caches.secrets.onChange(() => this.changed());
  }

  /** Nothing is assembled before all caches are filled: half a configuration would withdraw the other half. */
  enable(): void {
    this.#enabled = true;
    this.changed();
  }

  verdict(name: string): ExportVerdict | undefined {
    return this.#verdicts.get(name);
  }

  /** Whether the export answers from outside; undefined when it does not ask for it. */
  entryVerdict(name: string): EntryVerdict | undefined {
    return this.#entry.verdicts.get(name);
  }

  /** What this site exports now. */
  exports(): ServiceConfig[] {
    return [...this.#verdicts.values()].flatMap((verdict) => (verdict.valid ? [verdict.config] : []));
  }

  changed(): void {
    if (!this.#enabled || this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.after(0, () => {
      this.#scheduled = false;
      try {
        this.#assemble();
      } catch (error) {
        log.error("Cannot make the configuration", { error: messageOf(error) });
      }
    });
  }

  #assemble(): void {
    const { caches, onConfig, onExports } = this.#options;
    const site = caches.site();
    const judged = this.#judge(site);
    const entry = this.#planEntry(site);
    const moved = [...new Set([...entry.verdicts.keys(), ...this.#entry.verdicts.keys()])].filter(
      (name) => entry.verdicts.get(name)?.message !== this.#entry.verdicts.get(name)?.message,
    );
    this.#entry = entry;
    if (judged.length > 0 || moved.length > 0) onExports([...new Set([...judged, ...moved])]);
    if (site !== undefined) this.#last = this.#config(site);
    else if (this.#last !== undefined) this.#last = this.#lastWord(this.#last);
    if (this.#last !== undefined) onConfig(this.#last, this.#contents());
  }

  /** The names that were worked out again. */
  #judge(site: Site | undefined): string[] {
    const names = [...this.#dirty];
    this.#dirty.clear();
    const { caches } = this.#options;
    for (const name of names) {
      const exported = caches.exports.get(caches.namespace, name);
      const isExported = exported !== undefined && exported.metadata.deletionTimestamp === undefined;
      const through = this.#leadsThrough(name, site);
      const verdict = isExported || through ? this.#resolve(name) : undefined;
      if (verdict !== undefined && isExported) this.#verdicts.set(name, verdict);
      else this.#verdicts.delete(name);
      if (verdict?.valid === true && through) this.#own.set(name, { ...verdict.config, exported: false });
      else this.#own.delete(name);
    }
    return names;
  }

  #resolve(name: string): ExportVerdict {
    const { caches } = this.#options;
    const before = this.#verdicts.get(name);
    return resolveExport({
      namespace: caches.namespace,
      name,
      service: caches.service(name),
      exported: caches.exports.get(caches.namespace, name),
      slices: this.#podsOf(name),
      before: (before?.valid === true ? before.config : undefined) ?? this.#own.get(name),
      health: healthConfig(caches.policy(name)),
    });
  }

  /** Whether clients of the Service come through the routers, are about to, or did until just now. */
  #leadsThrough(name: string, site: Site | undefined): boolean {
    const { caches } = this.#options;
    const service = caches.service(name);
    const shadow = caches.service(shadowName(name));
    if (service === undefined || isImportService(service)) return false;
    return (
      caches.shadowOf(name) !== undefined ||
      isTaken(service, shadow) ||
      judgeTakeOver({ service, shadow, policy: site && caches.policy(name) }).kind === "wanted"
    );
  }

  /**
   * The slices that list the pods behind a Service: its own, or its shadow's while it leads to the routers, and until Kubernetes has
   * brought its own up to date again. Undefined while the shadow is just being made again.
   */
  #podsOf(name: string): readonly EndpointSlice[] | undefined {
    const { caches } = this.#options;
    const service = caches.service(name);
    const shadow = caches.shadowOf(name);
    const listed = shadow === undefined ? [] : caches.slicesOf(shadow.metadata.name);
    if (listed.length > 0) return listed;
    return service !== undefined && isTaken(service, shadow) ? undefined : caches.slicesOf(name);
  }

  #planEntry(site: Site | undefined): EntryPlan {
    const { caches } = this.#options;
    if (site === undefined) return NO_ENTRY;
    return planEntry({
      namespace: caches.namespace,
      open: site.spec.entry !== undefined,
      exports: caches.exports.list(),
      verdict: (name) => this.#verdicts.get(name),
    });
  }

  /**
   * The Site was deleted: the others are told that nothing is exported any more, while the links still stand. Clients that were led
   * through the routers still find them until the Services are put back.
   */
  #lastWord(last: RouterConfig): RouterConfig {
    const services = [...this.#own.values()];
    const kept = new Set(services.map(({ service }) => service));
    const { entry: _, ...rest } = last;
    return {
      ...rest,
      services,
      listeners: (last.listeners ?? []).filter(({ service }) => kept.has(service)),
    };
  }

  #contents(): string[] {
    const exports = [...this.#verdicts].flatMap(([name, { valid }]) =>
      valid ? [contentKey.export(name)] : [],
    );
    const policies = this.#options.caches.policies
      .list()
      .map(({ metadata }) => contentKey.policy(metadata.name, metadata.generation));
    return [...exports, ...policies];
  }

  #config(site: Site): RouterConfig {
    const { caches, listeners: current } = this.#options;
    const listeners = current();
    const exports = this.exports();
    const exported = new Set(exports.map(({ service }) => service));
    return buildConfig({
      namespace: caches.namespace,
      siteName: siteNameOf(site),
      fallbackId: fallbackIdOf(site),
      identity: caches.identity(site),
      acceptLinks: site.spec.linkAccess !== "None",
      links: caches.links.list().filter((link) => link.metadata.deletionTimestamp === undefined),
      services: [...exports, ...[...this.#own.values()].filter(({ service }) => !exported.has(service))],
      listeners,
      policies: this.#policies(listeners),
      entry: site.spec.entry === undefined ? undefined : { routes: [...this.#entry.routes] },
    });
  }

  /** Of all TrafficPolicies, and of services whose Service or ServiceImport asks for affinity. */
  #policies(listeners: readonly ServiceListener[]): PolicyConfig[] {
    const { caches } = this.#options;
    const { namespace } = caches;
    const names = new Set(caches.policies.list().map(({ metadata }) => metadata.name));
    for (const { service } of listeners) names.add(service.slice(namespace.length + 1));
    return [...names].flatMap((name) => {
      const affinity = affinityOf([caches.service(name)?.spec, caches.imports.get(namespace, name)?.spec]);
      return policyConfig(`${namespace}/${name}`, { policy: caches.policy(name), affinity }) ?? [];
    });
  }
}
