import type { Link } from "#api/kinds/link.ts";
import type {
  EntryConfig,
  IdentityConfig,
  LinkConfig,
  ListenerConfig,
  PolicyConfig,
  RouterConfig,
  ServiceConfig,
} from "#router/config.ts";
import type { Identity } from "../join/identity.ts";
import { hostPort } from "../link-access.ts";
import type { ServiceListener } from "./listener-book.ts";
import { ADMIN_PORT, ENTRY_PORT, LINK_PORT, POD_IP_TOKEN } from "../names.ts";

export interface ConfigInput {
  readonly namespace: string;
  /** Cluster name, as other sites see it. */
  readonly siteName: string;
  /** Who this site is while it is in no network. */
  readonly fallbackId: string;
  readonly identity: Identity | undefined;
  readonly acceptLinks: boolean;
  readonly links: readonly Link[];
  /** Exported ones, and those that only this site's routers may use. */
  readonly services: readonly ServiceConfig[];
  readonly listeners: readonly ServiceListener[];
  readonly policies: readonly PolicyConfig[];
  /** Absent: nothing answers from outside. */
  readonly entry?: Pick<EntryConfig, "routes"> | undefined;
}

/**
 * The configuration of this site's routers: a pure function of what the cluster's API says, the same for the same input
 * whatever the order of the objects. Links and their listener are left out until the site is in a network.
 */
export function buildConfig(input: ConfigInput): RouterConfig {
  const { namespace, siteName, identity } = input;
  return {
    site: { id: identity?.siteId ?? input.fallbackId, name: siteName, namespace },
    admin: { listen: `${POD_IP_TOKEN}:${ADMIN_PORT}` },
    ...(identity === undefined
      ? {}
      : {
          identity: identityConfig(identity),
          ...(input.acceptLinks ? { accept: [{ listen: `${POD_IP_TOKEN}:${LINK_PORT}` }] } : {}),
          links: byKey(input.links, (link) => link.metadata.name).map(linkConfig),
        }),
    services: byKey(input.services, (service) => service.service),
    listeners: byKey(input.listeners, keyOfListener).map(listenerConfig),
    ...(input.entry === undefined
      ? {}
      : { entry: { listen: `${POD_IP_TOKEN}:${ENTRY_PORT}`, routes: input.entry.routes } }),
    policies: byKey(input.policies, (policy) => policy.service),
  };
}

/** A service port can have two listeners for a while: an old router port that drains. */
function keyOfListener({ service, port, listenerPort }: ServiceListener): string {
  return `${service}:${port} ${listenerPort}`;
}

function identityConfig(identity: Identity): IdentityConfig {
  const { network, client, server, trust } = identity;
  return { network, client, server, trust };
}

function linkConfig(link: Link): LinkConfig {
  const { endpoints, cost, lanes, site } = link.spec;
  return {
    name: link.metadata.name,
    addresses: endpoints.map(hostPort),
    // Objects made before a default was added to the CRD lack the field.
    cost: cost ?? 1,
    lanes: lanes ?? 2,
    ...(site === undefined ? {} : { site }),
  };
}

function listenerConfig({ service, port, listenerPort, protocol, only }: ServiceListener): ListenerConfig {
  const listen = `${POD_IP_TOKEN}:${listenerPort}`;
  return { service, port, listen, protocol, ...(only === undefined ? {} : { only }) };
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
}
