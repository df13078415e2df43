import type { Clock } from "#core/clock.ts";
import type { EventRecorder } from "../events.ts";
import type { Stores } from "../stores.ts";

/** What every controller stands on. */
export interface ControllerContext {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly events: EventRecorder;
  /** The one node of the cluster; controllers bind the pods that they make, so that no scheduler has to. */
  readonly nodeName: string;
}

export interface Controller {
  stop(): void;
}
