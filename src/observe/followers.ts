import { flowMatches } from "./model/flow-filter.ts";
import { ServicesDiff } from "./model/services-diff.ts";
import type { RoundNews } from "./recorder.ts";
import { eventMatches, itemOf, type ActivityQuery } from "./store/event-table.ts";
import { viewEvent, type ViewEvent, type ViewRequest } from "./subscriptions.ts";
import type { ActivityView, FlowFilter, FlowsView, NetworkView, ServicesView, ServiceView } from "./views.ts";

/** The views as they are now. Each throws where there is none. */
export interface FollowedViews {
  readonly network: () => NetworkView;
  readonly services: () => ServicesView;
  readonly service: (key: string, port: number | undefined) => ServiceView;
  readonly flows: (filter: FlowFilter) => FlowsView;
  readonly activity: (query: ActivityQuery) => ActivityView;
}

/** What a round brought, and the flows of the last minute that are in no list. */
export type FollowedNews = RoundNews & Omit<FlowsView, "flows">;

interface Follower {
  readonly request: ViewRequest;
  readonly fn: (event: ViewEvent) => void;
  /** JSON of the last view, where views are sent only when they changed. */
  last: string | undefined;
}

/** Who follows which view. What is the same for several is made once a round, and nothing is made for nobody. */
export class Followers {
  readonly #views: FollowedViews;
  readonly #all = new Set<Follower>();
  #diff = new ServicesDiff();

  constructor(views: FollowedViews) {
    this.#views = views;
  }

  /** Tells `fn` all of the view now, then with each `publish` what changed, until the returned function is called. Throws what the view throws. */
  add(request: ViewRequest, fn: (event: ViewEvent) => void): () => void {
    const first = this.#view(request);
    const follower: Follower = { request, fn, last: undefined };
    if (request.view === "service" || request.view === "network") follower.last = comparable(first.json);
    this.#all.add(follower);
    fn(first);
    return () => this.#all.delete(follower);
  }

  clear(): void {
    this.#all.clear();
  }

  publish(news: FollowedNews): void {
    if (this.#all.size === 0) return;
    const network = (): ViewEvent => (networkEvent ??= viewEvent("view", this.#views.network()));
    let networkEvent: ViewEvent | undefined;
    const update = this.#follow("services") ? this.#diff.next(this.#views.services()) : undefined;
    const servicesEvent = update === undefined ? undefined : viewEvent("update", update);
    for (const follower of this.#all) {
      const { request, fn } = follower;
      if (request.view === "network") tellChanged(follower, network());
      else if (request.view === "services") {
        if (servicesEvent !== undefined) fn(servicesEvent);
      } else if (request.view === "service") tellChanged(follower, this.#viewOrGone(request));
      else {
        const event = newsEvent(request, news);
        if (event !== undefined) fn(event);
      }
    }
  }

  #view(request: ViewRequest): ViewEvent {
    const views = this.#views;
    switch (request.view) {
      case "network":
        return viewEvent("view", views.network());
      case "services": {
        const services = views.services();
        // Nobody followed: what changes from here on is told against this.
        if (!this.#follow("services")) {
          this.#diff = new ServicesDiff();
          this.#diff.next(services);
        }
        return viewEvent("view", services);
      }
      case "service":
        return viewEvent("view", views.service(request.service, request.port));
      case "flows":
        return viewEvent("view", views.flows(request.filter));
      case "activity":
        return viewEvent("view", views.activity(request.query));
      default:
        return request satisfies never;
    }
  }

  /** A service that is gone has no view any more: whoever follows it keeps what was last. */
  #viewOrGone(request: ViewRequest): ViewEvent | undefined {
    try {
      return this.#view(request);
    } catch {
      return undefined;
    }
  }

  #follow(view: ViewRequest["view"]): boolean {
    return [...this.#all].some(({ request }) => request.view === view);
  }
}

function tellChanged(follower: Follower, event: ViewEvent | undefined): void {
  if (event === undefined) return;
  const text = comparable(event.json);
  if (text === follower.last) return;
  follower.last = text;
  follower.fn(event);
}

/** What of a round's news a follower asked for; undefined when it is nothing. */
function newsEvent(
  request: Extract<ViewRequest, { readonly view: "flows" | "activity" }>,
  { flows: allFlows, events, ...facts }: FollowedNews,
): ViewEvent | undefined {
  if (request.view === "flows") {
    const flows = allFlows.filter((flow) => flowMatches(flow, request.filter));
    if (flows.length === 0) return undefined;
    const { atMs, unsampled, lost } = facts;
    return viewEvent("flows", { atMs, flows, unsampled, lost } satisfies FlowsView);
  }
  const items = events.filter((event) => eventMatches(event, request.query)).map(itemOf);
  return items.length === 0 ? undefined : viewEvent("activity", { items } satisfies ActivityView);
}

/** A view is another one when anything but its time is. */
function comparable(json: string): string {
  return json.replace(/^\{"atMs":[\d.]+,/, "");
}
