import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import type { Traffic } from "./collect/traffic.ts";
import type { Moment } from "./model/moment.ts";
import { networkView } from "./model/network-view.ts";
import { serviceView, type PolicyWords } from "./model/service-view.ts";
import { servicesView } from "./model/services-view.ts";
import type { Picture } from "./picture.ts";
import type { NetworkView, ServicesView, ServiceView } from "./views.ts";

export interface LiveViewsOptions {
  readonly picture: Picture;
  readonly traffic: Traffic;
  readonly clock: Clock;
  /** What is known of a client site's policy. */
  readonly wordsOf: (
    service: string,
    client: { readonly siteId: string; readonly port: number },
  ) => PolicyWords | undefined;
}

/** Views of the picture and its traffic as of the last round. Those of everything are made once a round, when somebody wants them first. */
export class LiveViews {
  readonly #options: LiveViewsOptions;
  /** Those that were made of this moment. */
  #made: { readonly moment: Moment; network?: NetworkView; services?: ServicesView } | undefined;

  constructor(options: LiveViewsOptions) {
    this.#options = options;
  }

  network(): NetworkView {
    const { picture, traffic, clock } = this.#options;
    const { topology, moment } = picture.now;
    return (this.#of(moment).network ??= networkView({
      moment,
      topology,
      routers: picture.shown(clock.now()),
      edges: [...picture.edges.values()].map(({ edge }) => edge),
      series: traffic.series.values(),
    }));
  }

  services(): ServicesView {
    const { picture, traffic } = this.#options;
    const { topology, moment } = picture.now;
    return (this.#of(moment).services ??= servicesView({ moment, topology, traffic: traffic.services }));
  }

  /** Of the port that has the most work, when none is given. Throws NOT_FOUND. */
  service(key: string, port: number | undefined): ServiceView {
    const { picture, traffic, wordsOf } = this.#options;
    const service = picture.service(key);
    if (port !== undefined && !service.ports.includes(port))
      throw new IsthmusError("NOT_FOUND", `${key} has no port ${port}: it has ${service.ports.join(", ")}`);
    return serviceView({
      ...picture.now,
      service,
      series: [...(traffic.services.get(key) ?? [])],
      port,
      policyOf: (siteId, used) => wordsOf(key, { siteId, port: used }),
    });
  }

  #of(moment: Moment): { network?: NetworkView; services?: ServicesView } {
    if (this.#made?.moment !== moment) this.#made = { moment };
    return this.#made;
  }
}
