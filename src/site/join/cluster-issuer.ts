import type { AccessGrant } from "#api/kinds/access-grant.ts";
import { RESOURCES } from "#api/resources.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import { type Caches, siteNameOf } from "../caches.ts";
import { Issuer } from "./issuer.ts";
import type { Exposure } from "../link-access.ts";
import { Redemptions } from "./redemption.ts";

export interface ClusterIssuerOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  /** Where joiners dial their link. */
  readonly exposure: () => Exposure;
}

/** The issuer of the site of this cluster: its grants, its root and its identity as they stand in the API. */
export function clusterIssuer(options: ClusterIssuerOptions): Issuer {
  const { client, caches, clock, exposure } = options;
  const { namespace } = caches;
  const store = {
    list: () => caches.grants.list(),
    get: (name: string) => client.find<AccessGrant>(RESOURCES.accessGrants, { namespace, name }),
    updateStatus: (grant: AccessGrant) =>
      client.update<AccessGrant>(RESOURCES.accessGrants, grant, { subresource: "status" }),
  };
  return new Issuer({
    root: () => {
      const site = caches.site();
      return site === undefined ? undefined : caches.root(site);
    },
    self: () => {
      const site = caches.site();
      const identity = site === undefined ? undefined : caches.identity(site);
      return site === undefined || identity === undefined
        ? undefined
        : { id: identity.siteId, name: siteNameOf(site) };
    },
    linkAddresses: () => {
      const links = exposure();
      return links.state === "assigned" ? links.addresses : [];
    },
    redemptions: new Redemptions({ store, clock }),
    clock,
  });
}
