import type { JSX } from "preact";
import { useApp } from "../data/app.ts";
import { Icon } from "../parts/icon.tsx";

/** How what was done went, and what takes it back. */
export function Notices(): JSX.Element {
  const app = useApp();
  return (
    <div class="notices" role="status" aria-live="polite">
      {app.notices.value.map(({ id, tone, text, hint, undo }) => (
        <div key={id} class={`notice ${tone}`}>
          <Icon name={tone} />
          <div class="notice-text">
            {text}
            {hint !== undefined && <code>{hint}</code>}
          </div>
          {undo !== undefined && (
            <button
              type="button"
              class="button"
              onClick={() => {
                app.dismiss(id);
                void app.control(undo.control);
              }}
            >
              {undo.label}
            </button>
          )}
          <button type="button" class="ghost" aria-label="Dismiss" onClick={() => app.dismiss(id)}>
            <Icon name="bad" />
          </button>
        </div>
      ))}
    </div>
  );
}
