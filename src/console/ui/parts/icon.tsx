import type { JSX } from "preact";

/* Drawn on a grid of 16, in strokes of the text's colour. */
const PATHS = {
  network:
    "M8 3.2v3.6M8 6.8 3.8 10.200M8 6.800l4.2 3.400M6.5 2h3v2.500h-3zM2 10.500h3.500V13H2zM10.5 10.500H14V13h-3.500z",
  services: "M2.5 3h11v3h-11zM2.5 10h11v3h-11zM5 4.500h.01M5 11.500h.01M8 6v4",
  flows: "M2 5h9.500M9 2.5 11.5 5 9 7.500M14 11H4.500M7 8.5 4.5 11 7 13.5",
  activity: "M1.5 8.500h3l2-5 3 9 2-4h3",
  site: "M2.5 13.500v-8L8 2.500l5.5 3v8zM6 13.500V9.500h4v4",
  ok: "M3.5 8.5 6.5 11.5 12.5 4.5",
  warn: "M8 2.5 14.2 13.500H1.800zM8 6.500v3.200M8 11.600v.01",
  bad: "M4 4l8 8M12 4l-8 8",
  down: "M8 1.800a6.2 6.2 0 1 0 0 12.400A6.2 6.2 0 1 0 8 1.800M3.7 3.700l8.6 8.6",
  idle: "M4 8h8",
  info: "M8 7.200v4M8 4.600v.01M8 1.800a6.2 6.2 0 1 0 0 12.400A6.2 6.2 0 1 0 8 1.8",
  copy: "M5.5 5.500h7.500v8H5.500zM3 10.500v-8h7.5",
  sun: "M8 5.200a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 1 0 0-5.600M8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13 9.500A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2M8 2v12M8 4.500h3.800M8 8h6M8 11.500h3.8",
  pause: "M5.5 3.500v9M10.5 3.500v9",
  play: "M5 3.200v9.600l8-4.800z",
  search: "M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9M10.5 10.500l3 3",
  right: "M6 3.5 10.5 8 6 12.5",
  cut: "M4.5 10a2 2 0 1 0 0 4 2 2 0 1 0 0-4M11.5 10a2 2 0 1 0 0 4 2 2 0 1 0 0-4M5.6 10.3 11 2M10.4 10.3 5 2",
  mend: "M6.5 9.5 9.5 6.500M7 4.5 8.5 3a3 3 0 0 1 4.5 4.500L11.5 9M9 11.5 7.5 13A3 3 0 0 1 3 8.500L4.5 7",
  kill: "M9 1.5 3.5 9H7.500L7 14.5 12.5 7H8.500z",
  stop: "M4 4h8v8H4z",
  keyboard: "M1.5 4h13v8h-13zM4 6.500h.01M6.7 6.500h.01M9.3 6.500h.01M12 6.500h.01M4.5 9.500h7",
  up: "M8 13V3M4 7l4-4 4 4",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration beside words; says nothing by itself. */
export function Icon({ name, class: more = "" }: { name: IconName; class?: string }): JSX.Element {
  return (
    <svg class={`icon ${more}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
