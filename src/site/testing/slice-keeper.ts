import type { Service, ServicePort } from "#api/builtin.ts";
import { RESOURCES } from "#api/resources.ts";
import { NAMESPACE, type TestSite } from "./test-site.ts";

/** Pods of the test cluster: their labels, by address. */
export type Pods = Readonly<Record<string, Readonly<Record<string, string>>>>;

const EVERY_MS = 3;

/**
 * What Kubernetes does about EndpointSlices, in small: each Service with a selector has one slice with the pods that match, a moment
 * after it changed.
 */
export class SliceKeeper implements Disposable {
  pods: Pods;
  readonly #site: TestSite;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(site: TestSite, pods: Pods) {
    this.#site = site;
    this.pods = pods;
    this.#timer = setInterval(() => this.#keep(), EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #keep(): void {
    const names = new Set<string>();
    for (const name of this.#site.names(RESOURCES.services)) {
      const service = this.#site.read(RESOURCES.services, name);
      const selector = Object.entries(service?.spec.selector ?? {});
      if (service === undefined || selector.length === 0) continue;
      names.add(`${name}-1`);
      const addresses = Object.entries(this.pods)
        .filter(([, labels]) => selector.every(([key, value]) => labels[key] === value))
        .map(([address]) => address);
      this.#write(service, addresses);
    }
    for (const name of this.#site.names(RESOURCES.endpointSlices))
      if (!names.has(name)) this.#site.remove(RESOURCES.endpointSlices, name);
  }

  #write(service: Service, addresses: readonly string[]): void {
    const { name } = service.metadata;
    const slice = {
      metadata: {
        name: `${name}-1`,
        namespace: NAMESPACE,
        labels: { ...service.metadata.labels, "kubernetes.io/service-name": name },
      },
      addressType: "IPv4",
      ports: addresses.length === 0 ? [] : (service.spec.ports ?? []).map(slicePort),
      endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    };
    const known = this.#site.read(RESOURCES.endpointSlices, slice.metadata.name);
    const text = JSON.stringify([slice.ports, slice.endpoints]);
    if (known === undefined || JSON.stringify([known.ports, known.endpoints]) !== text)
      this.#site.put(RESOURCES.endpointSlices, slice);
  }
}

function slicePort({ name = "", port, targetPort = port }: ServicePort): object {
  return { name, protocol: "TCP", port: typeof targetPort === "number" ? targetPort : 8080 };
}
