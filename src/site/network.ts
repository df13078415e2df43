import type { Secret } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { isOwnedBy, ownerReference } from "#controller/owner-reference.ts";
import type { Clock } from "#core/clock.ts";
import { IsthmusError } from "#core/errors.ts";
import { logFor } from "#core/log.ts";
import type { KubeClient } from "#kube/client.ts";
import { createCsr, createRoot, signLeaf } from "#pki/authority.ts";
import {
  type Identity,
  identityData,
  readIdentity,
  readRoot,
  type RootAuthority,
  rootData,
} from "./join/identity.ts";
import { newId } from "./ids.ts";
import { LEAF_DAYS } from "./join/issuer.ts";
import { IDENTITY_SECRET, labelsOf, ROOT_SECRET, ROUTER } from "./names.ts";

const log = logFor("site", "network");

/** New certificates for one site, signed by a root that is at hand. */
export async function issueIdentity(
  root: RootAuthority,
  options: { siteId: string; nowMs: number },
): Promise<Identity> {
  const { network, authority } = root;
  const { siteId, nowMs: now } = options;
  const make = async (use: "client" | "server"): Promise<{ certificate: string; key: string }> => {
    const { csr, key } = await createCsr();
    return {
      certificate: await signLeaf({ authority, csr, network, siteId, use, now, days: LEAF_DAYS }),
      key,
    };
  };
  const [client, server] = await Promise.all([make("client"), make("server")]);
  return { network, siteId, client, server, trust: authority.certificate };
}

/**
 * The Secrets `isthmus-site` and `isthmus-root` of one Site. What belongs to an earlier Site of this namespace counts as absent, and is
 * in the way until the garbage collector has taken it: then writes fail with CONFLICT and are tried again.
 */
export class NetworkSecrets {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #clock: Clock;
  readonly #onWritten: (() => Promise<void>) | undefined;

  constructor(options: {
    readonly client: KubeClient;
    readonly namespace: string;
    readonly clock: Clock;
    /** One of the Secrets was written. */
    readonly onWritten?: () => Promise<void>;
  }) {
    this.#onWritten = options.onWritten;
    this.#client = options.client;
    this.#namespace = options.namespace;
    this.#clock = options.clock;
  }

  /** Read from the API server, not from a cache. */
  async identity(site: Site): Promise<Identity | undefined> {
    return readIdentity(await this.#find(IDENTITY_SECRET, site));
  }

  async root(site: Site): Promise<RootAuthority | undefined> {
    return readRoot(await this.#find(ROOT_SECRET, site));
  }

  /**
   * Founds a network, unless this site is in one: then that one. May be cut off anywhere and called again: the root is written
   * first, and who finds a root without an identity goes on from there.
   */
  async found(site: Site): Promise<Identity> {
    const present = await this.identity(site);
    if (present !== undefined) return present;
    let root = await this.root(site);
    if (root === undefined) {
      const network = newId();
      root = { network, authority: await createRoot({ network, now: this.#clock.now() }) };
      await this.#write({ name: ROOT_SECRET, site, data: rootData(root) });
      log.info("Founded a network", { network });
    }
    const identity = await issueIdentity(root, { siteId: newId(), nowMs: this.#clock.now() });
    await this.save(identity, { site, expected: undefined });
    return identity;
  }

  /**
   * Writes the identity. `expected`: the one that it replaces, as it was read; throws CONFLICT when somebody else has written another
   * since.
   */
  async save(
    identity: Identity,
    options: { readonly site: Site; readonly expected: Identity | undefined },
  ): Promise<void> {
    const { site, expected } = options;
    const secret = expected === undefined ? undefined : await this.#find(IDENTITY_SECRET, site);
    if (expected !== undefined && readIdentity(secret)?.client.certificate !== expected.client.certificate) {
      throw new IsthmusError("CONFLICT", `Secret "${IDENTITY_SECRET}" was changed by somebody else`);
    }
    await this.#write({ name: IDENTITY_SECRET, site, data: identityData(identity), replaces: secret });
  }

  async #find(name: string, site: Site): Promise<Secret | undefined> {
    const secret = await this.#client.find<Secret>(RESOURCES.secrets, { namespace: this.#namespace, name });
    return secret !== undefined && isOwnedBy(secret, site) ? secret : undefined;
  }

  async #write(input: {
    name: string;
    site: Site;
    data: Record<string, string>;
    replaces?: Secret | undefined;
  }): Promise<void> {
    const { name, site, data, replaces } = input;
    const encoded: Record<string, string> = {};
    for (const [key, value] of Object.entries(data)) encoded[key] = Buffer.from(value).toString("base64");
    const secret: Secret = {
      apiVersion: "v1",
      kind: "Secret",
      type: "Opaque",
      metadata: {
        ...replaces?.metadata,
        name,
        namespace: this.#namespace,
        labels: labelsOf(ROUTER),
        ownerReferences: [ownerReference(site)],
      },
      data: encoded,
    };
    if (replaces === undefined) await this.#client.create(RESOURCES.secrets, secret);
    else await this.#client.update(RESOURCES.secrets, secret);
    await this.#onWritten?.();
  }
}
