import type { Secret } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { Backoff } from "#core/backoff.ts";
import type { Clock } from "#core/clock.ts";
import { messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { Random } from "#core/random.ts";
import type { KubeClient } from "#kube/client.ts";

export interface SecretCacheOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** Longest time after which a change that nobody told us of is seen, ms [15,000]. */
  readonly periodMs?: number;
}

const log = logFor("site", "secrets");

/**
 * A few Secrets that are known by name. They are only ever read one by one, so that the controller needs no right to list or
 * watch Secrets. Who writes one calls `refresh`; what another replica wrote is seen when the Site's status tells of it, or
 * after `periodMs`. An API server that is away changes nothing.
 */
export class SecretCache {
  readonly #options: SecretCacheOptions;
  readonly #secrets = new Map<string, Secret>();
  readonly #handlers = new Set<() => void>();
  readonly #syncing = Promise.withResolvers<void>();
  readonly #backoff: Backoff;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #cancel = (): void => {};

  constructor(options: SecretCacheOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ baseMs: 200, capMs: 5000, random: options.random });
  }

  get(name: string): Secret | undefined {
    return this.#secrets.get(name);
  }

  /** Calls `fn` when one of them came, changed or went. */
  onChange(fn: () => void): void {
    this.#handlers.add(fn);
  }

  /** Resolves when all were read once. */
  synced(): Promise<void> {
    return this.#syncing.promise;
  }

  start(): void {
    void this.refresh();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  /** Reads them again; resolves when that is done, or failed and will be tried again. */
  refresh(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    // What is being read may be older than what the caller knows of.
    if (this.#running !== undefined) this.#again = true;
    this.#running ??= this.#read();
    return this.#running;
  }

  async #read(): Promise<void> {
    const { client, namespace, names, clock, periodMs = 15_000 } = this.#options;
    this.#cancel();
    let nextMs = periodMs;
    try {
      do {
        this.#again = false;
        const found = await Promise.all(
          names.map((name) => client.find<Secret>(RESOURCES.secrets, { namespace, name })),
        );
        this.#take(names, found);
      } while (this.#again);
      this.#backoff.reset();
      this.#syncing.resolve();
    } catch (error) {
      nextMs = this.#backoff.nextDelayMs();
      log.warning("Cannot read the Secrets, they stay as they are", { error: messageOf(error) });
    }
    // In the same turn as the last look at `#again`: a refresh after it has to begin a new reading.
    this.#running = undefined;
    if (!this.#stopped) this.#cancel = clock.after(nextMs, () => void this.refresh());
  }

  #take(names: readonly string[], found: readonly (Secret | undefined)[]): void {
    let changed = false;
    for (const [index, name] of names.entries()) {
      const secret = found[index];
      const before = this.#secrets.get(name);
      if (before?.metadata.resourceVersion === secret?.metadata.resourceVersion) continue;
      changed = true;
      if (secret === undefined) this.#secrets.delete(name);
      else this.#secrets.set(name, secret);
    }
    if (changed) for (const handler of this.#handlers) handler();
  }
}
