import type { PlannedLink } from "./map-layout.ts";

const ARROWS = {
  right: ["→", "←"],
  left: ["←", "→"],
  down: ["↓", "↑"],
  up: ["↑", "↓"],
} as const;

/** How thick a link is drawn, px: a step more for each ten times as much, from 1 kB/s to 100 MB/s. */
export function linkWidth(bytes: number): number {
  const powers = Math.floor(Math.log10(Math.max(1, bytes))) - 3;
  return 8 + Math.max(0, Math.min(5, powers)) * 2;
}

export type Speed = "slow" | "medium" | "fast";

/** How long a dot takes along a link, ms. */
export const SPEED_MS: Readonly<Record<Speed, number>> = { slow: 6000, medium: 3600, fast: 2000 };

/** How fast dots run along it; steps, so that a run is not begun anew each second. */
export function speedOf(bytes: number): Speed {
  return bytes < 10_000 ? "slow" : bytes < 1_000_000 ? "medium" : "fast";
}

/** Arrows of what goes there and back, as the link lies on the map. */
export function arrowsOf(towards: PlannedLink["towards"]): readonly [string, string] {
  return ARROWS[towards];
}
