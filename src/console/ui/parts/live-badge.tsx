import type { JSX } from "preact";
import { useApp } from "../data/app.ts";
import { span, time } from "../domain/format.ts";

/** What is shown is this old at most while it is called live, ms. */
const STALE_MS = 6000;

/** Whether what is shown is now. */
export function LiveBadge(): JSX.Element {
  const app = useApp();
  const live = app.live.value;
  const network = app.network.value;
  const now = app.nowMs.value;
  const self = network?.sites.find((site) => site.self);
  const heardMs = Math.max(0, ...(self?.routers ?? []).map(({ observedMs }) => observedMs));
  const stale =
    live.kind === "live" && network !== undefined && heardMs > 0 && network.atMs - heardMs > STALE_MS;
  const [tone, word, title] =
    live.kind === "reconnecting" || live.kind === "refused"
      ? ([
          "bad",
          "Reconnecting",
          `The observer does not answer; next try in ${span(Math.max(0, live.nextMs - now))}`,
        ] as const)
      : stale
        ? (["warn", "Stale", `The routers were last heard at ${time(heardMs)}`] as const)
        : live.kind === "live"
          ? (["ok", "Live", "What is shown is as it is now"] as const)
          : ([
              "quiet",
              live.kind === "resting" ? "Resting" : "Connecting",
              "Waiting for the observer",
            ] as const);
  return (
    <div class={`live ${tone}`} role="status" title={title}>
      <span class="pulse" aria-hidden="true" />
      <span class="live-word">{word}</span>
    </div>
  );
}
