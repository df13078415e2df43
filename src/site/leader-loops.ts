import type { ObjectKey } from "#controller/object-key.ts";
import { type ReconcileCounts, reconcileCounts } from "#controller/reconcile-counts.ts";
import { Reconciler, type ReconcileResult, type ReconcilerStats } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import type { Random } from "#core/random.ts";

/** What is reconciled by name, each kind in a queue of its own; only the leader runs them. */
export interface LoopDef {
  readonly reconcile: (name: string) => Promise<ReconcileResult | void>;
  /** Names worked on at the same time [1]. */
  readonly concurrency?: number;
  /** Bounds of the back-off of a name that failed, ms. */
  readonly baseMs?: number;
  readonly capMs?: number;
}

export interface LeaderLoopsOptions<Kind extends string> {
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly loops: Readonly<Record<Kind, LoopDef>>;
}

/** Queues with a life: begun when this replica leads, ended when it does not. Names given meanwhile are forgotten. */
export class LeaderLoops<Kind extends string> {
  readonly #options: LeaderLoopsOptions<Kind>;
  #running: Map<Kind, Reconciler> | undefined;
  #ending: Promise<unknown> = Promise.resolve();
  /** Of each kind, over all the times that this replica led. */
  readonly #counts = new Map<string, ReconcileCounts>();

  constructor(options: LeaderLoopsOptions<Kind>) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Of each loop, also while none runs. */
  stats(): ReconcilerStats[] {
    return Object.keys(this.#options.loops).map((kind) => {
      const idle = { name: kind, active: 0, depth: 0, delayed: 0, ...this.#countsOf(kind) };
      return [...(this.#running ?? [])].find(([name]) => name === kind)?.[1].stats() ?? idle;
    });
  }

  enqueue(kind: Kind, name: string): void {
    this.#running?.get(kind)?.enqueue({ namespace: this.#options.namespace, name });
  }

  start(): void {
    if (this.#running !== undefined) return;
    const { clock, random, loops } = this.#options;
    this.#running = new Map();
    for (const kind in loops) {
      const def: LoopDef = loops[kind];
      const { concurrency = 1, baseMs = 50, capMs = 30_000 } = def;
      const reconcile = ({ name }: ObjectKey): Promise<ReconcileResult | void> => def.reconcile(name);
      const counts = this.#countsOf(kind);
      const loop = new Reconciler({
        name: kind,
        reconcile,
        concurrency,
        baseMs,
        capMs,
        clock,
        random,
        counts,
      });
      this.#running.set(kind, loop);
      loop.start();
    }
  }

  /** Resolves when nothing of them runs any more. */
  async stop(): Promise<void> {
    const loops = [...(this.#running?.values() ?? [])];
    this.#running = undefined;
    this.#ending = Promise.all([this.#ending, ...loops.map((loop) => loop.stop())]);
    await this.#ending;
  }

  #countsOf(kind: string): ReconcileCounts {
    const counts = this.#counts.get(kind) ?? reconcileCounts();
    this.#counts.set(kind, counts);
    return counts;
  }
}
