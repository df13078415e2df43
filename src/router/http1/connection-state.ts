import { BODY_TIMEOUT_MS, DRAIN_MS, HEAD_TIMEOUT_MS, LINGER_MS, LOOK_MS } from "./limits.ts";

/** What a client's connection is doing; the diagram is at `Http1Connection`. */
export const STATE = { IDLE: 0, HEAD: 1, BODY: 2, BUSY: 3, DRAIN: 4, LINGER: 5, OVER: 6 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

/** What time asks for: `lighten` gives back what an idle connection does not need, `askPod` looks after the answer. */
export type Due = "nothing" | "lighten" | "close" | "cut" | "headTimeout" | "bodyTimeout" | "askPod";

export interface Waiting {
  /** Since when nothing happened. */
  readonly quietMs: number;
  readonly idleMs: number;
  /** It is not the client who lets a body stand still. */
  readonly excused: boolean;
  /** All that was for the client has gone. */
  readonly sent: boolean;
}

/** What is to be done with a connection that has been in a state for a while. */
export function due(state: State, { quietMs, idleMs, excused, sent }: Waiting): Due {
  switch (state) {
    case STATE.IDLE:
      if (quietMs > idleMs) return "close";
      return quietMs > LOOK_MS ? "lighten" : "nothing";
    case STATE.HEAD:
      return quietMs > HEAD_TIMEOUT_MS ? "headTimeout" : "nothing";
    case STATE.BODY:
      return !excused && quietMs > BODY_TIMEOUT_MS ? "bodyTimeout" : "askPod";
    case STATE.BUSY:
      return "askPod";
    case STATE.DRAIN:
      return quietMs > DRAIN_MS ? "close" : "nothing";
    case STATE.LINGER:
      return quietMs > LINGER_MS && sent ? "cut" : "nothing";
    default:
      return "nothing";
  }
}
