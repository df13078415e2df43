import type { RouterConfig, ServiceConfig } from "#router/config.ts";

/**
 * JSON of configurations that mostly repeat the last one: the text of a service is made once for each object, so a change of one
 * endpoint among ten thousand costs about that endpoint's service and one join.
 */
export class ConfigText {
  readonly #services = new WeakMap<ServiceConfig, string>();

  of(config: RouterConfig): string {
    const { services, ...rest } = config;
    const head = JSON.stringify(rest);
    if (services === undefined) return head;
    const texts = services.map((service) => this.#service(service));
    return `${head.slice(0, -1)},"services":[${texts.join(",")}]}`;
  }

  #service(service: ServiceConfig): string {
    let text = this.#services.get(service);
    if (text === undefined) {
      text = JSON.stringify(service);
      this.#services.set(service, text);
    }
    return text;
  }
}
