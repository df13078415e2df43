import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { LinkEdge } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { linkWidth, type Speed, SPEED_MS, speedOf } from "../../domain/link-look.ts";
import { type PlannedLink, pointsAlong } from "../../domain/map-layout.ts";

/** Dots of one direction, and points of the curve that they run along. */
const DOTS = 6;
const POINTS = 24;

/**
 * What flows, as dots that run from the one who sends to the other, in a lane for each direction. They are moved by transforms alone,
 * which the compositor does by itself: the main thread has no work with them.
 */
export function LinkDots({ link, planned }: { link: LinkEdge; planned: PlannedLink }): JSX.Element | null {
  const app = useApp();
  if (link.state !== "up") return null;
  const lane = linkWidth(link.bytesForth + link.bytesBack) / 4;
  return (
    <>
      {link.bytesForth > 0 && (
        <Lane
          planned={planned}
          lane={lane}
          speed={speedOf(link.bytesForth)}
          colour={app.colours.classOf(app.siteName(link.from))}
        />
      )}
      {link.bytesBack > 0 && (
        <Lane
          planned={planned}
          lane={-lane}
          speed={speedOf(link.bytesBack)}
          colour={app.colours.classOf(app.siteName(link.to))}
          back
        />
      )}
    </>
  );
}

function Lane(props: {
  planned: PlannedLink;
  lane: number;
  speed: Speed;
  colour: string;
  back?: boolean;
}): JSX.Element {
  const { planned, lane, speed, colour, back = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const upright = planned.towards === "up" || planned.towards === "down";
  useEffect(() => {
    const element = place.current;
    if (element === null || matchMedia("(prefers-reduced-motion: reduce)").matches) return undefined;
    const [dx, dy] = upright ? [lane, 0] : [0, lane];
    const points = pointsAlong(planned.curve, POINTS);
    const frames = (back ? points.toReversed() : points).map(({ x, y }) => ({
      transform: `translate(${(x + dx).toFixed(1)}px, ${(y + dy).toFixed(1)}px)`,
    }));
    const duration = SPEED_MS[speed];
    const running = [...element.children].map((dot, index) =>
      dot.animate(frames, { duration, iterations: Infinity, delay: -(duration * index) / DOTS }),
    );
    return () => {
      for (const animation of running) animation.cancel();
    };
  }, [planned, lane, speed, back]);
  return (
    <div class={`dots ${colour}`} ref={place} aria-hidden="true">
      {Array.from({ length: DOTS }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}
