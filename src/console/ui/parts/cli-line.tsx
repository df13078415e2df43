import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Icon } from "./icon.tsx";

/** The command that gives the same answer in a terminal. */
export function CliLine({ command }: { command: string }): JSX.Element {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await copyText(command);
    copied.value = true;
    setTimeout(() => (copied.value = false), 1500);
  };
  return (
    <div class="cli">
      <span class="prompt" aria-hidden="true">
        $
      </span>
      <code>{command}</code>
      <button type="button" class="ghost" onClick={() => void copy()} aria-label={`Copy: ${command}`}>
        <Icon name={copied.value ? "ok" : "copy"} />
        <span class="copy-word" aria-live="polite">
          {copied.value ? "Copied" : "Copy"}
        </span>
      </button>
    </div>
  );
}

async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is no clipboard API; a selection still can be copied.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "off-screen";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
