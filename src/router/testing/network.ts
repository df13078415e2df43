import { createCsr, createRoot, signLeaf } from "#pki/authority.ts";
import type { IdentityConfig } from "../config.ts";

export const NETWORK = "test-net";

type Pair = { readonly certificate: string; readonly key: string };

export type TestIdentity = IdentityConfig & {
  readonly client: Pair;
  readonly server: Pair;
  readonly trust: string;
};

/** A network's root, and identities for its sites. For tests. */
export class TestNetwork {
  readonly network: string;
  readonly root: Pair;

  private constructor(network: string, root: Pair) {
    this.network = network;
    this.root = root;
  }

  static async create(network = NETWORK): Promise<TestNetwork> {
    return new TestNetwork(network, await createRoot({ network, now: Date.now() }));
  }

  async identity(siteId: string): Promise<TestIdentity> {
    return {
      network: this.network,
      client: await this.leaf(siteId, "client"),
      server: await this.leaf(siteId, "server"),
      trust: this.root.certificate,
    };
  }

  /** A certificate of a site, for one of the two uses. */
  async leaf(siteId: string, use: "client" | "server"): Promise<Pair> {
    const { csr, key } = await createCsr();
    const { network, root: authority } = this;
    return {
      key,
      certificate: await signLeaf({ authority, csr, network, siteId, use, now: Date.now(), days: 1 }),
    };
  }
}
