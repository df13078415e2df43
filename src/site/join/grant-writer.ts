import { isTrue } from "#api/object.ts";
import { RESOURCES } from "#api/resources.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import { writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Caches } from "../caches.ts";
import { grantStatus } from "./grants.ts";
import type { Exposure } from "../link-access.ts";
import type { Lock } from "../lock.ts";
import type { NetworkSecrets } from "../network.ts";
import { expiryOf } from "./redemption.ts";
import { isFinal } from "./tokens.ts";

export interface GrantWriterOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly clock: Clock;
  readonly secrets: Pick<NetworkSecrets, "found" | "root">;
  /** Held while a network is founded. */
  readonly identityLock: Lock;
  /** Where this site is reached. */
  readonly exposure: (port: "link" | "join") => Exposure;
}

/** Status of AccessGrants; the first one in a site that is in no network founds one. */
export class GrantWriter {
  readonly #options: GrantWriterOptions;

  constructor(options: GrantWriterOptions) {
    this.#options = options;
  }

  /** Throws what is to be tried again with back-off. */
  async reconcile(name: string): Promise<ReconcileResult> {
    const { client, caches, clock, secrets, identityLock, exposure } = this.#options;
    const grant = caches.grants.get(caches.namespace, name);
    const site = caches.site();
    if (grant === undefined || site === undefined || grant.metadata.deletionTimestamp !== undefined)
      return {};
    const material = caches.control(site);
    if (material === undefined) return { requeueAfterMs: 200 };
    const linkAccess = site.spec.linkAccess ?? "None";
    let identity = caches.identity(site);
    if (
      identity === undefined &&
      linkAccess !== "None" &&
      clock.now() < expiryOf(grant) &&
      !this.#isJoining()
    ) {
      identity = await identityLock.run(() => secrets.found(site));
    }
    const root = caches.root(site) ?? (await secrets.root(site));
    const { status, requeueAfterMs } = grantStatus({
      grant,
      linkAccess,
      network: identity?.network,
      isAuthority: root !== undefined && root.network === identity?.network,
      join: exposure("join"),
      link: exposure("link"),
      ca: material.join.ca,
      nowMs: clock.now(),
    });
    await writeStatus(client, { def: RESOURCES.accessGrants, object: grant, status });
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  /** Whether a token may still bring this site into a network: then it founds none of its own. */
  #isJoining(): boolean {
    return this.#options.caches.tokens
      .list()
      .some((token) => !isTrue(token.status?.conditions, "Redeemed") && !isFinal(token));
  }
}
