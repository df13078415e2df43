import { createHash, createHmac } from "node:crypto";
import { IsthmusError, messageOf } from "#core/errors.ts";
import type { Clock } from "#core/clock.ts";
import { logFor } from "#core/log.ts";
import { publicKeyOf, signLeaf } from "#pki/authority.ts";
import { verifyLeaf } from "#pki/verify.ts";
import type { RootAuthority } from "./identity.ts";
import { idFrom } from "../ids.ts";
import { JoinError } from "./join-error.ts";
import {
  type Issued,
  type JoinAnswer,
  type JoinRequest,
  membershipProven,
  type RenewRequest,
} from "./join-protocol.ts";
import type { JoinAuthority } from "./join-server.ts";
import type { Address } from "../link-access.ts";
import type { Redemptions } from "./redemption.ts";

export interface IssuerOptions {
  /** The network's root, while this site holds it. */
  readonly root: () => RootAuthority | undefined;
  readonly self: () => { readonly id: string; readonly name: string } | undefined;
  /** Where joiners dial their link; empty until it is assigned. */
  readonly linkAddresses: () => readonly Address[];
  readonly redemptions: Redemptions;
  readonly clock: Clock;
}

/** Days that a certificate of a site lives; it is renewed at half of it. */
export const LEAF_DAYS = 30;

const log = logFor("site", "issuer");

/**
 * Admits sites to the network and renews their certificates. It assigns the id of a new site; a site that proves to hold the
 * key of a certificate of this network keeps its own. Private keys are never seen here.
 */
export class Issuer implements JoinAuthority {
  readonly #options: IssuerOptions;

  constructor(options: IssuerOptions) {
    this.#options = options;
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const { redemptions } = this.#options;
    // Whoever has no right code learns nothing of what follows.
    redemptions.known(request.code);
    const keys = hashOfKeys(request);
    redemptions.check(request.code, keys);
    const root = this.#root();
    const self = this.#options.self();
    const addresses = this.#options.linkAddresses();
    if (self === undefined || addresses.length === 0) {
      throw new JoinError("NotReady", "The issuing site has no address for links yet; try again later");
    }
    const member =
      request.current === undefined ? undefined : await this.#member(request, { root, expiredToo: true });
    if (member === self.id) throw new JoinError("Invalid", "The token was made by this same site");
    const siteId = member ?? siteIdOf(keys, root);
    const reservation = await redemptions.reserve(request.code, keys);
    try {
      const issued = await this.#sign(root, {
        siteId,
        csrClient: request.csrClient,
        csrServer: request.csrServer,
      });
      log.info("Admitted a site", {
        siteId,
        name: request.site.name,
        grant: reservation.grant,
        known: member !== undefined,
        again: reservation.again,
      });
      return { ...issued, link: { site: self, endpoints: [...addresses].slice(0, 16) } };
    } catch (error) {
      await reservation.giveBack();
      throw error;
    }
  }

  async renew(request: RenewRequest): Promise<Issued> {
    const root = this.#root();
    const siteId = await this.#member(request, { root, expiredToo: false });
    const issued = await this.#sign(root, {
      siteId,
      csrClient: request.csrClient,
      csrServer: request.csrServer,
    });
    log.info("Renewed the certificates of a site", { siteId });
    return issued;
  }

  #root(): RootAuthority {
    const root = this.#options.root();
    if (root === undefined)
      throw new JoinError("NotReady", "This site does not hold the authority of its network");
    return root;
  }

  /** Id of the site that sent this, by its present certificate and a signature of that one's key. */
  async #member(
    request: Pick<RenewRequest, "csrClient" | "csrServer"> & {
      current?: RenewRequest["current"] | undefined;
    },
    options: { root: RootAuthority; expiredToo: boolean },
  ): Promise<string> {
    const { csrClient, csrServer, current } = request;
    const { root, expiredToo } = options;
    if (
      current === undefined ||
      !membershipProven(current.certificate, { csrClient, csrServer, proof: current.proof })
    ) {
      throw new JoinError("Denied", "The signature was not made with the key of the present certificate");
    }
    try {
      const leaf = await verifyLeaf(current.certificate, {
        root: root.authority.certificate,
        now: this.#options.clock.now(),
        use: "client",
        // A site whose certificate ended comes back with a new code: it still proves which one it was.
        ...(expiredToo ? { leewayMs: Number.POSITIVE_INFINITY } : {}),
      });
      if (leaf.network === root.network) return leaf.siteId;
    } catch (error) {
      if (error instanceof IsthmusError && error.code === "EXPIRED") {
        throw new JoinError(
          "Expired",
          "The certificate of this site has ended; redeem a new token to come back",
        );
      }
      log.debug("A membership certificate does not count", { error: messageOf(error) });
    }
    throw new JoinError(
      "OtherNetwork",
      "The joining site is a member of another network; a site is in one network",
    );
  }

  async #sign(
    root: RootAuthority,
    request: { siteId: string; csrClient: string; csrServer: string },
  ): Promise<Issued> {
    const { network, authority } = root;
    const { siteId } = request;
    const now = this.#options.clock.now();
    try {
      const [client, server] = await Promise.all([
        signLeaf({ authority, csr: request.csrClient, network, siteId, use: "client", now, days: LEAF_DAYS }),
        signLeaf({ authority, csr: request.csrServer, network, siteId, use: "server", now, days: LEAF_DAYS }),
      ]);
      return { siteId, network, trust: authority.certificate, client, server };
    } catch (cause) {
      throw new JoinError("Invalid", `A certificate request cannot be signed: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
}

/** Names the two keys of a joiner, however its requests for them are written. */
function hashOfKeys({ csrClient, csrServer }: Pick<JoinRequest, "csrClient" | "csrServer">): string {
  try {
    return createHash("sha256").update(publicKeyOf(csrClient)).update(publicKeyOf(csrServer)).digest("hex");
  } catch (cause) {
    throw new JoinError("Invalid", `A certificate request cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** The id of a new site: the same when the same keys ask again, and not for the joiner to choose. */
function siteIdOf(keys: string, { authority }: RootAuthority): string {
  return idFrom(createHmac("sha256", authority.key).update(`site ${keys}`).digest());
}
