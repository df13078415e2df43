import type { ComponentChildren, JSX } from "preact";
import type { Control } from "#observe/views.ts";
import { type Notice, useApp } from "../data/app.ts";
import { Icon, type IconName } from "./icon.tsx";

/** Breaks or mends something in a sandbox at one click; elsewhere there is no such button. */
export function ControlButton(props: {
  control: Control;
  icon: IconName;
  undo?: Notice["undo"];
  /** What it is done to, for those who do not see the row. */
  label: string;
  disabled?: boolean;
  children: ComponentChildren;
}): JSX.Element | null {
  const app = useApp();
  if (app.about.value?.sandbox !== true) return null;
  return (
    <button
      type="button"
      class="button small"
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled}
      onClick={() => void app.control(props.control, props.undo)}
    >
      <Icon name={props.icon} />
      {props.children}
    </button>
  );
}
