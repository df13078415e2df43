import type { JSX } from "preact";
import { useApp } from "../data/app.ts";
import { Dialog } from "./dialog.tsx";

const KEYS: readonly (readonly [string, string])[] = [
  ["g n", "Network"],
  ["g s", "Services"],
  ["g f", "Flows"],
  ["g a", "Activity"],
  ["Ctrl K", "Go to a service or site"],
  ["/", "Filter"],
  ["↑ ↓ or k j", "Choose a row"],
  ["Enter", "Open what is chosen"],
  ["Esc", "Close, leave a field"],
  ["p", "Pause and go on (flows)"],
  ["t", "Theme"],
  ["?", "These keys"],
];

export function HelpDialog(): JSX.Element {
  const app = useApp();
  const about = app.about.value;
  return (
    <Dialog title="Keys">
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={keys}>
            <dt>{what}</dt>
            <dd>
              <kbd>{keys}</kbd>
            </dd>
          </div>
        ))}
      </dl>
      {about !== undefined && (
        <p class="quiet">
          Isthmus {about.version}, network {about.network}, seen from {about.site}.
        </p>
      )}
    </Dialog>
  );
}
