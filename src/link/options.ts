import { systemClock, type Clock } from "#core/clock.ts";
import { systemRandom, type Random } from "#core/random.ts";
import type { LaneContext } from "./lane-context.ts";
import { DEFAULT_LIMITS, type LinkLimits } from "./limits.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { ProtocolErrorCounts, type LinkHandler, type LinkIdentity, type LinkSelf } from "./types.ts";

const DEFAULT_MEMORY_BYTES = 256 * 1024 * 1024;

/** What dialling and accepting have in common. */
export interface LinkOptions {
  /** Read for each new handshake. When its certificate or trust changes, lanes are replaced one by one. */
  readonly identity: () => LinkIdentity;
  readonly self: LinkSelf;
  readonly handler: LinkHandler;
  readonly limits?: Partial<LinkLimits>;
  /** Shared by all links of a router, so that one bound holds for all. */
  readonly memory?: MemoryBudget;
  /** Shared by all links of a router, for its metrics. */
  readonly errors?: ProtocolErrorCounts;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface ResolvedOptions {
  readonly context: LaneContext;
  readonly random: Random;
}

export function resolveOptions(options: LinkOptions): ResolvedOptions {
  return {
    context: {
      clock: options.clock ?? systemClock,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      memory: options.memory ?? new MemoryBudget(DEFAULT_MEMORY_BYTES),
      errors: options.errors ?? new ProtocolErrorCounts(),
      soon: (fn) => void setImmediate(fn),
    },
    random: options.random ?? systemRandom,
  };
}
