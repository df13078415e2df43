import type { ComponentChildren, JSX } from "preact";
import { LiveBadge } from "./live-badge.tsx";

/** Title and tools of a page, and below them its content. */
export function PageHead(props: {
  title: ComponentChildren;
  tools?: ComponentChildren;
  /** The content scrolls by itself. */
  fill?: boolean;
  children: ComponentChildren;
}): JSX.Element {
  return (
    <>
      <header class="page-head">
        <h1>{props.title}</h1>
        <div class="tools">{props.tools}</div>
        <LiveBadge />
      </header>
      <div class={props.fill === true ? "page fill" : "page"}>{props.children}</div>
    </>
  );
}
