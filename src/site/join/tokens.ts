import type { Secret } from "#api/builtin.ts";
import { Value } from "typebox/value";
import type { AccessToken } from "#api/kinds/access-token.ts";
import type { Link } from "#api/kinds/link.ts";
import type { Site } from "#api/kinds/site.ts";
import { conditionOf, type ConditionStatus, isTrue } from "#api/object.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import type { ReconcileResult } from "#controller/reconciler.ts";
import { ownerReference } from "#controller/owner-reference.ts";
import { withConditions, writeStatus } from "#controller/write-status.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import { type Identity, secretText } from "./identity.ts";
import { JoinLinkSchema } from "./join-protocol.ts";
import {
  newKeys,
  type NewKeys,
  redeem as redeemOverHttps,
  RedeemError,
  type Redeemed,
  type RedeemInput,
} from "./join-client.ts";
import { MANAGED_BY, MANAGED_BY_LABEL } from "../names.ts";
import type { NetworkSecrets } from "../network.ts";

export interface TokensOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly secrets: Pick<NetworkSecrets, "identity" | "save">;
  readonly redeem?: (input: RedeemInput) => Promise<Redeemed>;
}

/** On the Link that a token made, so that it is known again. */
const TOKEN_ANNOTATION = "isthmus.dev/access-token-uid";
const log = logFor("site", "tokens");

/** A failure that is not tried again until the token's spec changes. */
class Final extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Redeems AccessTokens:
 *
 *     code Secret -> POST /v1/join -> Secret isthmus-site (remembers the token and its link) -> Link -> code Secret deleted -> Redeemed=True
 *
 * May be cut off anywhere: the code is good for one success, so what it gave is written down first, and a second run goes on
 * from there without redeeming again. Must not run for two tokens at once: the second builds on the identity of the first.
 */
export class Tokens {
  readonly #options: TokensOptions;
  /** The keys that a token was tried with, by its uid: if only the answer was lost, the same ones get it again. */
  readonly #keys = new Map<string, NewKeys>();

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** The token is gone. */
  forget(token: AccessToken): void {
    this.#keys.delete(token.metadata.uid ?? "");
  }

  /** Throws what is to be tried again with back-off, after the condition says so. */
  async reconcile(token: AccessToken, site: Site | undefined): Promise<ReconcileResult> {
    if (token.metadata.deletionTimestamp !== undefined || isTrue(token.status?.conditions, "Redeemed"))
      return {};
    if (isFinal(token)) return {};
    if (site === undefined) {
      await this.#condition(token, {
        status: "False",
        reason: "NoSite",
        message: "This namespace has no Site yet: isthmus init",
      });
      return {};
    }
    try {
      const link = await this.#redeem(token, site);
      await this.#deleteCode(token);
      await this.#condition(token, {
        status: "True",
        reason: "Redeemed",
        message: `Link "${link}" was made`,
        link,
      });
      return {};
    } catch (error) {
      if (error instanceof Final) {
        log.warning("A token cannot be redeemed", { token: token.metadata.name, reason: error.reason });
        await this.#condition(token, {
          status: "False",
          reason: error.reason,
          message: error.message,
          final: true,
        });
        return {};
      }
      if (error instanceof RedeemError) {
        await this.#condition(token, {
          status: "False",
          reason: error.reason,
          message: error.message,
          final: !error.retryable,
        });
        if (!error.retryable) return {};
      }
      throw error;
    }
  }

  /** Name of the Link. */
  async #redeem(token: AccessToken, site: Site): Promise<string> {
    const { client, namespace, secrets } = this.#options;
    const { spec } = token;
    const name = spec.linkName ?? token.metadata.name;
    const uid = token.metadata.uid ?? "";
    let identity = await secrets.identity(site);
    if (identity !== undefined && identity.network !== spec.network) {
      throw new Final(
        "OtherNetwork",
        `The token is of network "${spec.network}", and this site is in network "${identity.network}": a site is in one network; delete the Site to leave it`,
      );
    }
    const existing = await client.find<Link>(RESOURCES.links, { namespace, name });
    if (existing !== undefined) {
      if (existing.metadata.annotations?.[TOKEN_ANNOTATION] === uid) return name;
      throw new Final(
        "LinkExists",
        `Link "${name}" already exists: delete it, or set linkName to another name`,
      );
    }
    if (identity?.redeemed?.tokenUid !== uid) identity = await this.#join({ token, site, current: identity });
    await client.create<Link>(RESOURCES.links, linkOf({ token, site, name, identity }));
    return name;
  }

  /** Redeems, and writes down what it gave before anything else is done with it. */
  async #join(input: { token: AccessToken; site: Site; current: Identity | undefined }): Promise<Identity> {
    const { token, site, current } = input;
    const { url, ca, network } = token.spec;
    const { redeem = redeemOverHttps, secrets } = this.#options;
    const code = await this.#code(token);
    const siteName = site.spec.name ?? site.metadata.name;
    const uid = token.metadata.uid ?? "";
    const keys = this.#keys.get(uid) ?? (await newKeys());
    this.#keys.set(uid, keys);
    const { link, ...issued } = await redeem({ url, ca, code, siteName, current, keys });
    if (issued.network !== network) {
      throw new Final(
        "OtherNetwork",
        `The token is of network "${network}", but its site admits to network "${issued.network}"`,
      );
    }
    if (current !== undefined && issued.siteId !== current.siteId) {
      throw new Final(
        "OtherNetwork",
        "The issuing site did not recognise this site as a member of the network",
      );
    }
    const identity: Identity = {
      ...issued,
      issuer: { url, ca },
      redeemed: { tokenUid: uid, link: JSON.stringify(link) },
    };
    await secrets.save(identity, { site, expected: current });
    this.#keys.delete(uid);
    log.info("Joined a network", { network, siteId: identity.siteId, issuer: link.site.name });
    return identity;
  }

  async #code(token: AccessToken): Promise<string> {
    const name = token.spec.codeSecret;
    const secret = await this.#options.client.find<Secret>(RESOURCES.secrets, {
      namespace: this.#options.namespace,
      name,
    });
    const code = secretText(secret)["code"]?.trim();
    if (code === undefined || code === "") {
      const message = `There is no Secret "${name}" with the key "code"`;
      await this.#condition(token, { status: "False", reason: "NoCode", message });
      throw new IsthmusError("NOT_FOUND", message);
    }
    return code;
  }

  /** Only a Secret that carries nothing but a code is deleted: the name is the user's word. */
  async #deleteCode(token: AccessToken): Promise<void> {
    const { client, namespace } = this.#options;
    const name = token.spec.codeSecret;
    const secret = await client.find<Secret>(RESOURCES.secrets, { namespace, name });
    if (secret === undefined || Object.keys(secret.data ?? {}).join() !== "code") return;
    await client.delete(RESOURCES.secrets, { namespace, name });
  }

  async #condition(
    token: AccessToken,
    next: { status: ConditionStatus; reason: string; message: string; link?: string; final?: boolean },
  ): Promise<void> {
    const { client, clock } = this.#options;
    const { generation } = token.metadata;
    const condition = {
      type: "Redeemed",
      status: next.status,
      reason: next.reason,
      message: next.message.slice(0, 1024),
      // Only a verdict on this very spec carries its generation: what may still succeed is looked at again after a restart.
      ...(generation !== undefined && (next.final === true || next.status === "True")
        ? { observedGeneration: generation }
        : {}),
    };
    const conditions = withConditions(token.status?.conditions, [condition], { nowMs: clock.now() });
    const status = { ...token.status, ...(next.link === undefined ? {} : { link: next.link }), conditions };
    await writeStatus(client, { def: RESOURCES.accessTokens, object: token, status });
  }
}

/** Whether this spec was judged for good. */
export function isFinal(token: AccessToken): boolean {
  const redeemed = conditionOf(token.status?.conditions, "Redeemed");
  return (
    redeemed?.status === "False" &&
    redeemed.observedGeneration !== undefined &&
    redeemed.observedGeneration === token.metadata.generation
  );
}

function linkOf(input: { token: AccessToken; site: Site; name: string; identity: Identity }): Link {
  const { token, site, name, identity } = input;
  const link: unknown = JSON.parse(identity.redeemed?.link ?? "{}");
  if (!Value.Check(JoinLinkSchema, link))
    throw new IsthmusError("INTERNAL", "The link that a token gave is not readable");
  return {
    apiVersion: apiVersionOf(RESOURCES.links),
    kind: RESOURCES.links.kind,
    metadata: {
      name,
      namespace: token.metadata.namespace ?? "",
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      annotations: { [TOKEN_ANNOTATION]: token.metadata.uid ?? "" },
      ownerReferences: [ownerReference(site)],
    },
    spec: {
      endpoints: link.endpoints.map(({ host, port }) => ({ host, port })),
      cost: token.spec.linkCost ?? 1,
      lanes: 2,
      site: link.site.id,
    },
  };
}
