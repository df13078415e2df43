import type { ObservedRouter } from "#router/observe/observation.ts";
import type { PortBucket, Row } from "../collect/traffic.ts";
import type { ActivityItem, FlowView } from "../views.ts";

/** An event, and the site whose router told of it. */
export interface StoredEvent extends ActivityItem {
  readonly routerSite?: string;
}

export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  /** The one that was silent; absent: nobody was heard. */
  readonly router?: string;
}

export interface Life {
  readonly router: ObservedRouter;
  readonly epoch: string;
  readonly flowsSeen: number;
  readonly eventsSeen: number;
  readonly heardMs: number;
}

/** Ten seconds that are over. */
export interface ClosedBucket {
  readonly atMs: number;
  readonly coveredMs: number;
  readonly ports: readonly PortBucket[];
  /** Rows whose totals moved. */
  readonly rows: readonly Row[];
}

/** What one round has to keep. */
export interface Batch {
  readonly atMs: number;
  readonly flows: readonly FlowView[];
  readonly events: readonly StoredEvent[];
  readonly gaps: readonly Gap[];
  /** Of the routers that were heard. */
  readonly lives: readonly Life[];
  readonly bucket?: ClosedBucket;
  /** Small things by key, replaced as a whole. */
  readonly kept: Readonly<Record<string, unknown>>;
}
