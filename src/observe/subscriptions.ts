import type { ActivityQuery } from "./store/event-table.ts";
import type { FlowFilter } from "./views.ts";

/** What can be followed. */
export type ViewRequest =
  | { readonly view: "network" }
  | { readonly view: "services" }
  | { readonly view: "service"; readonly service: string; readonly port?: number }
  | { readonly view: "flows"; readonly filter: FlowFilter }
  | { readonly view: "activity"; readonly query: ActivityQuery };

/** What a follower is told: the names and data of views.ts. */
export interface ViewEvent {
  readonly event: "view" | "update" | "flows" | "activity";
  readonly data: unknown;
  /** The data as JSON, made once for all followers. */
  readonly json: string;
}

/** An event whose JSON is made when somebody wants it first. */
export function viewEvent(event: ViewEvent["event"], data: unknown): ViewEvent {
  let json: string | undefined;
  return {
    event,
    data,
    get json() {
      json ??= JSON.stringify(data);
      return json;
    },
  };
}
