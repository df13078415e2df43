import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { CliLine } from "./cli-line.tsx";

/** One answer on the page, with what is asked for it in a terminal. */
export function Panel(props: {
  title: string;
  /** Beside the title. */
  aside?: ComponentChildren;
  cli?: string;
  class?: string;
  children: ComponentChildren;
}): JSX.Element {
  const id = useId();
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        {props.aside !== undefined && <div class="aside">{props.aside}</div>}
      </header>
      <div class="panel-body">{props.children}</div>
      {props.cli !== undefined && <CliLine command={props.cli} />}
    </section>
  );
}

/** Nothing to show, and what to do about it. */
export function Empty(props: { title: string; children?: ComponentChildren; next?: string }): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children !== undefined && <p>{props.children}</p>}
      {props.next !== undefined && <CliLine command={props.next} />}
    </div>
  );
}

/** The bones of what comes; as high as what will be there. */
export function Waiting({ rows = 4 }: { rows?: number }): JSX.Element {
  return (
    <div class="waiting" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} />
      ))}
    </div>
  );
}

export function Stat(props: {
  label: string;
  value: string;
  note?: string;
  tone?: "warn" | "bad";
}): JSX.Element {
  return (
    <div class={`stat ${props.tone ?? ""}`}>
      <dt>{props.label}</dt>
      <dd>{props.value}</dd>
      <dd class="note">{props.note ?? "\u00a0"}</dd>
    </div>
  );
}
