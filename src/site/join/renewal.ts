import type { Site } from "#api/kinds/site.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import { validityOf } from "#pki/verify.ts";
import type { Identity } from "./identity.ts";
import { renew as renewOverHttps } from "./join-client.ts";
import { issueIdentity, type NetworkSecrets } from "../network.ts";

export interface RenewalOptions {
  readonly secrets: Pick<NetworkSecrets, "identity" | "root" | "save">;
  readonly clock: Clock;
  readonly renew?: typeof renewOverHttps;
}

export interface Lifetime {
  /** When the first of both certificates reaches half of its life, wall ms. */
  readonly renewAtMs: number;
  /** When the first of both ends. */
  readonly endsAtMs: number;
}

const log = logFor("site", "renewal");
/** The longest wait between two looks: clocks may be set. */
const LOOK_MS = 6 * 3_600_000;

/** Throws INVALID when a certificate cannot be read. */
export function lifetimeOf(identity: Identity): Lifetime {
  const validities = [identity.client, identity.server].map(({ certificate }) => validityOf(certificate));
  return {
    renewAtMs: Math.min(...validities.map(({ notBefore, notAfter }) => (notBefore + notAfter) / 2)),
    endsAtMs: Math.min(...validities.map(({ notAfter }) => notAfter)),
  };
}

/** Renews a site's certificates at half of their life, with new keys: the founder signs for itself, a member asks its issuer. */
export class Renewal {
  readonly #options: RenewalOptions;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** Renews when it is time. Throws what is to be tried again with back-off. */
  async reconcile(site: Site): Promise<ReconcileResult> {
    const { secrets, clock, renew = renewOverHttps } = this.#options;
    const identity = await secrets.identity(site);
    if (identity === undefined) return {};
    const { renewAtMs, endsAtMs } = lifetimeOf(identity);
    const nowMs = clock.now();
    if (nowMs < renewAtMs) return { requeueAfterMs: Math.min(renewAtMs - nowMs, LOOK_MS) };
    const root = await secrets.root(site);
    let issued: Pick<Identity, "client" | "server" | "trust">;
    if (root !== undefined) {
      issued = await issueIdentity(root, { siteId: identity.siteId, nowMs });
    } else if (identity.issuer === undefined) {
      throw new IsthmusError(
        "FAILED",
        "The certificates of this site cannot be renewed: their issuer is not known",
        {
          hint: "Redeem a new token: isthmus link create FILE",
        },
      );
    } else {
      issued = await renew(identity, identity.issuer);
    }
    const { client, server, trust } = issued;
    await secrets.save({ ...identity, client, server, trust }, { site, expected: identity });
    log.info("Renewed the certificates of this site", {
      siteId: identity.siteId,
      endedAt: new Date(endsAtMs).toISOString(),
    });
    return { requeueAfterMs: LOOK_MS };
  }
}
