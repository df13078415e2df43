import type { JSX } from "preact";
import { Icon, type IconName } from "./icon.tsx";

export type Tone = "ok" | "warn" | "bad" | "quiet";

const STATES: Readonly<Record<string, readonly [Tone, IconName, string]>> = {
  ok: ["ok", "ok", "ok"],
  up: ["ok", "ok", "up"],
  in: ["ok", "ok", "in"],
  ready: ["ok", "ok", "ready"],
  info: ["quiet", "info", "info"],
  idle: ["quiet", "idle", "idle"],
  skipped: ["quiet", "idle", "skipped"],
  warning: ["warn", "warn", "warning"],
  stale: ["warn", "warn", "stale"],
  failover: ["warn", "warn", "failover"],
  connecting: ["warn", "warn", "connecting"],
  "not ready": ["warn", "warn", "not ready"],
  out: ["warn", "warn", "out"],
  failed: ["bad", "bad", "failed"],
  error: ["bad", "bad", "error"],
  down: ["bad", "down", "down"],
  unreachable: ["bad", "down", "unreachable"],
};

/** A state in colour, sign and word, so that none of them is needed to tell it. */
export function Status({ state }: { state: string }): JSX.Element {
  const [tone, icon, word] = STATES[state] ?? ["quiet", "info", state];
  return (
    <span class={`status ${tone}`}>
      <Icon name={icon} />
      {word}
    </span>
  );
}
