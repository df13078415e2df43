import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useApp } from "../data/app.ts";

/** A modal dialog of the browser's own, which keeps focus inside and gives it back. */
export function Dialog(props: { title: string; class?: string; children: ComponentChildren }): JSX.Element {
  const app = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const close = (): void => {
    app.dialog.value = undefined;
  };
  return (
    <dialog
      ref={dialog}
      class={props.class ?? ""}
      aria-label={props.title}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <div class="dialog-body">
        <h2>{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}
