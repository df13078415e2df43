import type { Link } from "#api/kinds/link.ts";
import type { TrafficPolicy } from "#api/kinds/traffic-policy.ts";
import type {
  IdentityConfig,
  LinkConfig,
  ListenerConfig,
  PolicyConfig,
  RouterConfig,
  ServiceConfig,
} from "#router/config.ts";
import type { Identity } from "./identity.ts";
import { hostPort } from "./link-access.ts";
import { ADMIN_PORT, LINK_PORT, POD_IP_TOKEN } from "./names.ts";

/** A port of an imported service and the router port that stands behind it. */
export interface ImportListener {
  readonly service: string;
  readonly port: number;
  readonly listenerPort: number;
}

export interface ConfigInput {
  readonly namespace: string;
  /** Cluster name, as other sites see it. */
  readonly siteName: string;
  /** Who this site is while it is in no network. */
  readonly fallbackId: string;
  readonly identity: Identity | undefined;
  readonly acceptLinks: boolean;
  readonly links: readonly Link[];
  readonly exports: readonly ServiceConfig[];
  readonly imports: readonly ImportListener[];
  readonly policies: readonly TrafficPolicy[];
}

/** Largest `spillAt` that a router takes. */
const MAX_SPILL_AT = 100_000;

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
    services: byKey(input.exports, (service) => service.service),
    listeners: byKey(input.imports, ({ service, port }) => `${service}:${port}`).map(listenerConfig),
    policies: byKey(input.policies, (policy) => policy.metadata.name).map((policy) =>
      policyConfig(namespace, policy),
    ),
  };
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

function listenerConfig({ service, port, listenerPort }: ImportListener): ListenerConfig {
  return { service, port, listen: `${POD_IP_TOKEN}:${listenerPort}` };
}

function policyConfig(namespace: string, policy: TrafficPolicy): PolicyConfig {
  const { spread, algorithm, spillAt } = policy.spec;
  return {
    service: `${namespace}/${policy.metadata.name}`,
    spread: spread ?? "Endpoints",
    algorithm: algorithm ?? "RoundRobin",
    ...(spillAt === undefined ? {} : { spillAt: Math.min(spillAt, MAX_SPILL_AT) }),
  };
}

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
}
