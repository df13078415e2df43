/** Chance as a dependency. Not for secrets: those come from `crypto`. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, below); `below` >= 1. */
  below(below: number): number;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  below: (below) => Math.floor(Math.random() * below),
};

/** The same sequence for the same seed (mulberry32). For tests and simulations. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { next, below: (below) => Math.floor(next() * below) };
}
