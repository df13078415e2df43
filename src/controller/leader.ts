import { RESOURCES } from "#api/resources.ts";
import type { Lease } from "#api/builtin.ts";
import { systemClock, type Clock } from "#core/clock.ts";
import { IsthmusError, messageOf } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { systemRandom, type Random } from "#core/random.ts";
import type { KubeClient } from "#kube/client.ts";
import { keepAlive, wait } from "./wait.ts";

export interface LeaderOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Lease: what is led. */
  readonly name: string;
  /** For people, such as the pod's name; made unique by a random ending. */
  readonly identity: string;
  /** Called with true when leading begins and false when it ends; never twice the same. */
  readonly onChange?: (leading: boolean) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Others wait so long after the last renewal that they saw, ms [15,000]. */
  readonly leaseMs?: number;
  /** A leader that could not renew for so long steps down, ms [10,000]. */
  readonly renewDeadlineMs?: number;
  /** Between attempts, ms [2,000 and up to a fifth more]. */
  readonly retryMs?: number;
}

/**
 * Leader election on a Lease, as client-go does it:
 *
 *     follower --(no holder, or none renewed for leaseMs as seen here)--> leader --(renewed each retryMs)--> leader
 *         ^------- another holder seen, renewDeadlineMs without renewal, stop (gives the Lease back) -----------'
 *
 * Each write carries the resource version that was read, so of two candidates one wins. Time is this process's own
 * monotonic clock, never the times in the Lease: clocks of two machines may differ by any amount. Since
 * renewDeadlineMs < leaseMs, the old leader has stepped down before the next one begins, also when it is cut off.
 */
export class LeaderElector {
  readonly id: string;
  readonly #options: LeaderOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #leaseMs: number;
  readonly #renewDeadlineMs: number;
  readonly #abort = new AbortController();
  readonly #log = logFor("controller", "leader");
  #running: Promise<void> | undefined;
  #told = false;
  /** When the last successful renewal was sent. */
  #renewedMs = -Infinity;
  #cancelDeadline = (): void => {};
  /** What the Lease last looked like, and since when. */
  #seen: { readonly mark: string; readonly sinceMs: number } | undefined;
  #lease: Lease | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#leaseMs = options.leaseMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.id = `${options.identity}_${crypto.randomUUID()}`;
  }

  /** Right also when the process was frozen for a while: it compares the clock, not what was last told. */
  get leading(): boolean {
    return this.#told && this.#clock.monotonicMs() - this.#renewedMs < this.#renewDeadlineMs;
  }

  /** Who holds the Lease, as last seen; undefined when nobody. */
  get holder(): string | undefined {
    const holder = this.#lease?.spec?.holderIdentity;
    return holder === "" ? undefined : holder;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Steps down and gives the Lease back, so that the next leader need not wait for its end. */
  async stop(): Promise<void> {
    const held = this.leading;
    this.#tell(false);
    this.#abort.abort();
    await this.#running;
    if (held) await this.#release();
  }

  async #run(): Promise<void> {
    const release = keepAlive();
    const clock = this.#clock;
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await this.#attempt();
      } catch (error) {
        // The deadline decides when this matters.
        if (!signal.aborted) this.#log.warning("Cannot renew or take the lease", { error: messageOf(error) });
      }
      await wait((this.#options.retryMs ?? 2_000) * (1 + 0.2 * this.#random.next()), { clock, signal });
    }
    release();
  }

  /** Reads the Lease, and writes it when it is ours or free. */
  async #attempt(): Promise<void> {
    const { client, namespace, name } = this.#options;
    const call = { signal: this.#abort.signal, timeoutMs: this.#renewDeadlineMs / 2 };
    const startMs = this.#clock.monotonicMs();
    const found = await client.find(RESOURCES.leases, { namespace, name, ...call });
    if (found !== undefined) this.#observe(found);
    if (found !== undefined && this.#isHeldByOther(found)) {
      this.#tell(false);
      return;
    }
    try {
      const lease = this.#next(found);
      const written =
        found === undefined
          ? await client.create(RESOURCES.leases, lease, call)
          : await client.update(RESOURCES.leases, lease, call);
      this.#observe(written);
    } catch (error) {
      // Another candidate was faster; the next attempt sees it.
      if (error instanceof IsthmusError && (error.code === "CONFLICT" || error.code === "ALREADY_EXISTS"))
        return;
      throw error;
    }
    if (this.#abort.signal.aborted) return;
    this.#renewedMs = startMs;
    this.#cancelDeadline();
    const leftMs = startMs + this.#renewDeadlineMs - this.#clock.monotonicMs();
    if (leftMs <= 0) return;
    this.#cancelDeadline = this.#clock.after(leftMs, () => this.#tell(false));
    this.#tell(true);
  }

  #observe(lease: Lease): void {
    const mark = `${lease.metadata.uid}/${lease.metadata.resourceVersion}`;
    this.#lease = lease;
    if (this.#seen?.mark !== mark) this.#seen = { mark, sinceMs: this.#clock.monotonicMs() };
  }

  #isHeldByOther(lease: Lease): boolean {
    const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
    if (holderIdentity === undefined || holderIdentity === "" || holderIdentity === this.id) return false;
    const durationMs = leaseDurationSeconds === undefined ? this.#leaseMs : leaseDurationSeconds * 1000;
    return this.#clock.monotonicMs() - (this.#seen?.sinceMs ?? 0) < durationMs;
  }

  #next(found: Lease | undefined): Lease {
    const { namespace, name } = this.#options;
    const now = microTime(this.#clock.now());
    const old = found?.spec;
    const own = old?.holderIdentity === this.id;
    return {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: found?.metadata ?? { namespace, name },
      spec: {
        holderIdentity: this.id,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
        acquireTime: own ? (old.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions:
          own || old === undefined ? (old?.leaseTransitions ?? 0) : (old.leaseTransitions ?? 0) + 1,
      },
    };
  }

  async #release(): Promise<void> {
    const lease = this.#lease;
    if (lease?.spec?.holderIdentity !== this.id) return;
    const spec = {
      ...lease.spec,
      holderIdentity: "",
      leaseDurationSeconds: 1,
      renewTime: microTime(this.#clock.now()),
    };
    try {
      await this.#options.client.update(RESOURCES.leases, { ...lease, spec }, { timeoutMs: 2_000 });
    } catch (error) {
      this.#log.warning("Cannot give the lease back", { error: messageOf(error) });
    }
  }

  #tell(leading: boolean): void {
    if (!leading) {
      this.#renewedMs = -Infinity;
      this.#cancelDeadline();
    }
    if (this.#told === leading) return;
    this.#told = leading;
    this.#log.info(leading ? "Leading" : "No longer leading", { lease: this.#options.name, id: this.id });
    this.#options.onChange?.(leading);
  }
}

/** metav1.MicroTime: exactly six digits after the point. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
