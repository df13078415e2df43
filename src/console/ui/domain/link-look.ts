import type { LinkEdge } from "#observe/views.ts";
import { bytesPerSecond } from "./format.ts";
import type { PlannedLink } from "./map-layout.ts";

const ARROWS = {
  right: ["→", "←"],
  left: ["←", "→"],
  down: ["↓", "↑"],
  up: ["↑", "↓"],
} as const;

/** How thick a link is drawn, px: a step more for each ten times as much, from 1 kB/s to 100 MB/s. */
export function linkWidth(bytes: number): number {
  const powers = Math.log10(Math.max(1, bytes)) - 3;
  return Math.round((8 + Math.max(0, Math.min(5, powers)) * 1.6) * 10) / 10;
}

/** How fast dots run along it; steps, so that a run is not begun anew each second. */
export function speedOf(bytes: number): "slow" | "medium" | "fast" {
  return bytes < 10_000 ? "slow" : bytes < 1_000_000 ? "medium" : "fast";
}

/** What goes each way, with arrows as the map lies. */
export function trafficLine(link: LinkEdge, towards: PlannedLink["towards"]): string {
  const [forth, back] = ARROWS[towards];
  return `${forth} ${bytesPerSecond(link.bytesForth)}  ${back} ${bytesPerSecond(link.bytesBack)}`;
}
