import type {
  ActivityItem,
  Control,
  FlowView,
  HistoryView,
  NetworkView,
  ServiceExplanation,
  ServiceRow,
  ServiceView,
  SiteView,
} from "#observe/views.ts";
import { type Activity, pastActivity } from "./world/activity.ts";
import { explanationOf } from "./world/explanation.ts";
import { generatedFlows } from "./world/flows.ts";
import { type HistoryRange, historyView } from "./world/history.ts";
import type { Moment } from "./world/moment.ts";
import { networkView } from "./world/network-view.ts";
import { serviceRow, serviceView } from "./world/service-views.ts";
import { type GeneratedService, generatedServices, type WorldSize } from "./world/services.ts";
import { siteView } from "./world/site-view.ts";

/**
 * A network that never was, the same each time: what it shows depends on its size, on the time asked for, and on what was done to it.
 * It holds what was done; what follows from that is told by functions of one `Moment` each, in `world/`.
 */
export class GeneratedWorld {
  readonly startMs: number;
  readonly #sites: number;
  readonly #services: readonly GeneratedService[];
  readonly #byKey: ReadonlyMap<string, GeneratedService>;
  readonly #cut = new Map<string, number>();
  readonly #down = new Set<string>();
  readonly #load = new Map<string, number>();
  readonly #activity: Activity;
  #nextFlow = 1;

  constructor(size: WorldSize, startMs: number) {
    this.startMs = startMs;
    this.#sites = size.sites;
    this.#services = generatedServices(size);
    this.#byKey = new Map(this.#services.map((service) => [service.key, service]));
    this.#activity = pastActivity(startMs);
  }

  network(atMs: number): NetworkView {
    return networkView(this.#services, { sites: this.#sites, moment: this.#at(atMs) });
  }

  row(key: string, atMs: number): ServiceRow | undefined {
    const service = this.#byKey.get(key);
    return service && serviceRow(service, this.#at(atMs));
  }

  rows(atMs: number): ServiceRow[] {
    return this.#services.map((service) => serviceRow(service, this.#at(atMs)));
  }

  service(key: string, atMs: number): ServiceView | undefined {
    const service = this.#byKey.get(key);
    return service && serviceView(service, this.#at(atMs));
  }

  history(key: string, range: HistoryRange): HistoryView | undefined {
    const service = this.#byKey.get(key);
    const [moment, activity] = [this.#at(range.toMs), this.#activity.items];
    return service && historyView(service, range, { moment, activity });
  }

  explain(key: string, atMs: number): ServiceExplanation | undefined {
    const view = this.service(key, atMs);
    return view && explanationOf(view);
  }

  /** So many flows that ended up to `atMs`, oldest first. */
  flows(count: number, atMs: number): FlowView[] {
    const fromId = this.#nextFlow;
    this.#nextFlow += count;
    return generatedFlows(this.#services, { fromId, count, moment: this.#at(atMs) });
  }

  /** By id or name. */
  site(id: string, atMs: number): SiteView | undefined {
    return siteView(id, {
      network: this.network(atMs),
      services: this.#services,
      moment: this.#at(atMs),
    });
  }

  /** Newest first. */
  activity(): readonly ActivityItem[] {
    return this.#activity.items.toReversed();
  }

  /** Does it, and says so. */
  control(control: Control, atMs: number): string {
    switch (control.do) {
      case "cut-link":
        this.#cut.set(control.link, atMs);
        this.#activity.note(atMs, {
          kind: "LinkDown",
          severity: "error",
          message: `link ${control.link} is down: cut by hand`,
        });
        return `Link ${control.link} is cut`;
      case "restore-link":
        this.#cut.delete(control.link);
        this.#activity.note(atMs, { kind: "LinkUp", message: `link ${control.link} is up` });
        return `Link ${control.link} is restored`;
      case "kill-pod":
      case "stop-pod":
        this.#down.add(control.pod);
        return `Pod ${control.pod} is ${control.do === "kill-pod" ? "killed" : "stopped"}`;
      case "scale":
        return `${control.service} has ${control.replicas} pods at ${control.site}`;
      default:
        this.#load.set(control.service, control.rps);
        return control.rps === 0
          ? `No more load on ${control.service}`
          : `${control.rps} requests per second to ${control.service}`;
    }
  }

  #at(atMs: number): Moment {
    return { atMs, startMs: this.startMs, cut: this.#cut, down: this.#down, load: this.#load };
  }
}
