import type { Site } from "#api/kinds/site.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import { messageOf } from "#core/errors.ts";
import type { RouterConfig, ServiceConfig } from "#router/config.ts";
import type { ObjectKey } from "#controller/object-key.ts";
import { type Caches, fallbackIdOf, siteNameOf } from "./caches.ts";
import { buildConfig, type ImportListener } from "./config-builder.ts";
import { type ExportVerdict, resolveExport } from "./exports.ts";
import { SERVICE_NAME_LABEL } from "./names.ts";
import { contentKey } from "./status-writer.ts";

export interface AssemblerOptions {
  readonly caches: Caches;
  readonly clock: Clock;
  /** Listeners of imported services: present ones, and those whose Service is being made. */
  readonly listeners: () => readonly ImportListener[];
  /** A configuration that may differ from the last, and what is in it (see `contentKey`). */
  readonly onConfig: (config: RouterConfig, contents: readonly string[]) => void;
  /** The verdicts on the exports of these names were made anew. */
  readonly onExports: (names: readonly string[]) => void;
}

const log = logFor("site", "config");

/**
 * Keeps the configuration of the routers equal to what the caches say. Changes of one turn of the event loop make one new
 * configuration; nothing waits longer. Only the exports that changed are worked out again.
 */
export class Assembler {
  readonly #options: AssemblerOptions;
  readonly #verdicts = new Map<string, ExportVerdict>();
  readonly #dirtyExports = new Set<string>();
  #scheduled = false;
  #enabled = false;
  #last: RouterConfig | undefined;

  constructor(options: AssemblerOptions) {
    this.#options = options;
    const { caches } = options;
    const exportChanged = (name: string | undefined): void => {
      if (name === undefined) return;
      this.#dirtyExports.add(name);
      this.changed();
    };
    caches.exports.onChange(({ name }) => exportChanged(name));
    caches.services.onChange(({ name }) => exportChanged(name));
    caches.slices.onChange((_key, { before, after }) => {
      const of = (slice: typeof after): string | undefined => slice?.metadata.labels?.[SERVICE_NAME_LABEL];
      exportChanged(of(after));
      if (of(before) !== of(after)) exportChanged(of(before));
    });
    const changed = (_key: ObjectKey): void => this.changed();
    caches.sites.onChange(changed);
    caches.links.onChange(changed);
    caches.policies.onChange(changed);
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
    const { caches } = this.#options;
    this.#judgeExports();
    const site = caches.site();
    if (site !== undefined) this.#last = this.#config(site);
    // The Site was deleted: tell the others that nothing is exported any more, while the links still stand.
    else if (this.#last !== undefined) this.#last = { ...this.#last, services: [], listeners: [] };
    if (this.#last !== undefined) this.#options.onConfig(this.#last, this.#contents());
  }

  #judgeExports(): void {
    const { caches, onExports } = this.#options;
    const names = [...this.#dirtyExports];
    if (names.length === 0) return;
    this.#dirtyExports.clear();
    for (const name of names) {
      const { namespace } = caches;
      const exported = caches.exports.get(namespace, name);
      if (exported === undefined || exported.metadata.deletionTimestamp !== undefined) {
        this.#verdicts.delete(name);
        continue;
      }
      const input = { namespace, name, service: caches.service(name), slices: caches.slicesOf(name) };
      this.#verdicts.set(name, resolveExport(input));
    }
    onExports(names);
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
    const { caches, listeners } = this.#options;
    return buildConfig({
      namespace: caches.namespace,
      siteName: siteNameOf(site),
      fallbackId: fallbackIdOf(site),
      identity: caches.identity(site),
      acceptLinks: site.spec.linkAccess !== "None",
      links: caches.links.list().filter((link) => link.metadata.deletionTimestamp === undefined),
      exports: this.exports(),
      imports: listeners(),
      policies: caches.policies.list(),
    });
  }
}
