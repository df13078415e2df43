import type { Deployment, Service } from "#api/builtin.ts";
import type { Link } from "#api/kinds/link.ts";
import { RESOURCES } from "#api/resources.ts";
import { IsthmusError } from "#core/errors.ts";
import { killPod } from "#sandbox/kill-pod.ts";
import { ORIGINAL_ANNOTATION } from "#site/names.ts";
import { originalOf, shadowName } from "#site/policy/take-over.ts";
import type { Control, LinkEdge } from "#observe/views.ts";
import type { Controls } from "../controls.ts";
import { cutLink, restoreAll, restoreLink } from "./link-cut.ts";
import type { SandboxSite, SandboxSites } from "./sandbox-sites.ts";
import { SteadyLoad } from "./steady-load.ts";

/** Loads at once, and requests per second of all of them. */
const MAX_LOADS = 16;
const MAX_TOTAL_RPS = 1000;

/** Breaks and mends things in the sandbox of one home. Links that are cut are mended at the start and at the end, whoever cut them. */
export class SandboxControls implements Controls {
  readonly #sites: SandboxSites;
  readonly #links: () => readonly LinkEdge[];
  readonly #loads = new Map<
    string,
    { readonly service: string; readonly load: SteadyLoad; readonly rps: number }
  >();
  /** One after the other: a cut and its mending must not meet. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: {
    readonly sites: SandboxSites;
    /** Links as the console shows them. */
    readonly links: () => readonly LinkEdge[];
  }) {
    this.#sites = options.sites;
    this.#links = options.links;
  }

  /** What is sent now, and how it goes. */
  get loads(): {
    readonly service: string;
    readonly rps: number;
    readonly sent: number;
    readonly failed: number;
  }[] {
    return [...this.#loads.values()].map(({ service, rps, load }) => ({ service, rps, ...load.count }));
  }

  /** Gives the names of the links that it found cut and mended. */
  async start(): Promise<string[]> {
    return await restoreAll(await this.#sites.all());
  }

  async stop(): Promise<void> {
    await this.#turn.catch(() => {});
    await Promise.all([...this.#loads.values()].map(({ load }) => load.stop()));
    this.#loads.clear();
    await restoreAll(await this.#sites.all());
  }

  perform(control: Control): Promise<string> {
    const result = this.#turn.then(() => this.#perform(control));
    this.#turn = result.catch(() => {});
    return result;
  }

  async #perform(control: Control): Promise<string> {
    if ("link" in control) {
      const { site, name } = await this.#linkOf(control.link);
      const cut = control.do === "cut-link";
      const changed = cut ? await cutLink(site, name) : await restoreLink(site, name);
      if (cut) return changed ? `Link ${name} is cut` : `Link ${name} was cut already`;
      return changed ? `Link ${name} is mended` : `Link ${name} was not cut`;
    }
    const site = await this.#sites.find(control.site);
    const { cluster, client, namespace } = site;
    switch (control.do) {
      case "kill-pod": {
        const { pod } = control;
        const count = await killPod({ home: this.#sites.home, cluster, namespace, pod });
        return count === 0 ? `Pod ${pod} had no process` : `Pod ${pod} is killed; it is started again`;
      }
      case "stop-pod": {
        const { pod } = control;
        if (!(await client.delete(RESOURCES.pods, { namespace, name: pod })))
          throw notThere("pod", pod, site);
        return `Pod ${pod} ends; another one takes its place`;
      }
      case "scale": {
        const { service, replicas } = control;
        const name = await this.#deploymentOf(service, site);
        await client.patch(RESOURCES.deployments, {
          namespace,
          name,
          type: "merge",
          body: { spec: { replicas } },
        });
        return `Deployment ${name} of ${cluster} has ${replicas} ${replicas === 1 ? "pod" : "pods"}`;
      }
      case "load":
        return await this.#setLoad(control, site);
      default:
        throw new IsthmusError("INTERNAL", "Unknown control");
    }
  }

  /** The Link object of an edge: it is in the dialler's cluster. */
  async #linkOf(id: string): Promise<{ site: SandboxSite; name: string }> {
    const edge = this.#links().find((one) => one.id === id);
    if (edge === undefined) {
      throw new IsthmusError("NOT_FOUND", `There is no link "${id}"`, { hint: "isthmus network status" });
    }
    const site = await this.#sites.find(edge.from);
    const { client, namespace } = site;
    const link = await client.find<Link>(RESOURCES.links, { namespace, name: edge.name });
    if (link === undefined) throw notThere("link", edge.name, site);
    return { site, name: edge.name };
  }

  /** The Deployment whose pods the Service selects, or selected before it was led through the routers. */
  async #deploymentOf(service: string, site: SandboxSite): Promise<string> {
    const { client, namespace } = site;
    const name = nameIn(namespace, service);
    const found = await client.find<Service>(RESOURCES.services, { namespace, name });
    const taken = found?.metadata.annotations?.[ORIGINAL_ANNOTATION] !== undefined;
    const shadow = taken
      ? await client.find<Service>(RESOURCES.services, { namespace, name: shadowName(name) })
      : undefined;
    const selector = found === undefined ? undefined : originalOf(found, shadow)?.selector;
    const wanted = Object.entries(selector ?? {});
    const { items } = await client.list<Deployment>(RESOURCES.deployments, { namespace });
    const matching = items.find(
      ({ spec }) =>
        wanted.length > 0 && wanted.every(([key, value]) => spec.template.metadata?.labels?.[key] === value),
    );
    if (matching === undefined) throw notThere("Deployment behind the service", service, site);
    return matching.metadata.name;
  }

  async #setLoad(control: Extract<Control, { do: "load" }>, site: SandboxSite): Promise<string> {
    const { service, rps } = control;
    const { client, namespace, cluster } = site;
    const key = `${cluster}/${service}`;
    const before = this.#loads.get(key);
    const total = [...this.#loads].reduce((sum, [other, one]) => sum + (other === key ? 0 : one.rps), rps);
    if (rps > 0 && (total > MAX_TOTAL_RPS || (before === undefined && this.#loads.size >= MAX_LOADS))) {
      throw new IsthmusError(
        "DENIED",
        `That is more load than this machine shall bear: at most ${MAX_LOADS} loads and ${MAX_TOTAL_RPS} requests/s in all`,
        { hint: "End another one first: 0 requests/s" },
      );
    }
    const name = nameIn(namespace, service);
    const found = await client.find<Service>(RESOURCES.services, { namespace, name });
    const host = found?.spec.clusterIP;
    const port = found?.spec.ports?.find(({ protocol = "TCP" }) => protocol === "TCP")?.port;
    if (rps > 0 && (!host || host === "None" || port === undefined)) throw notThere("service", service, site);
    this.#loads.delete(key);
    await before?.load.stop();
    if (rps === 0 || host === undefined || port === undefined) return `No load from ${cluster} to ${service}`;
    this.#loads.set(key, { service, load: new SteadyLoad({ host, port, rps }), rps });
    return `${rps} requests/s from ${cluster} to ${service}`;
  }
}

/** The name of `namespace/name`; a site has the services of its own namespace only. */
function nameIn(namespace: string, service: string): string {
  const [first = "", second, ...rest] = service.split("/");
  const name = second ?? first;
  if (rest.length > 0 || (second !== undefined && first !== namespace)) {
    throw new IsthmusError("INVALID", `"${service}" is no service of namespace "${namespace}"`);
  }
  return name;
}

function notThere(what: string, name: string, { cluster, namespace }: SandboxSite): IsthmusError {
  return new IsthmusError(
    "NOT_FOUND",
    `There is no ${what} "${name}" in namespace "${namespace}" of ${cluster}`,
    {
      hint: `isthmus network status --context sandbox-${cluster} -n ${namespace}`,
    },
  );
}
