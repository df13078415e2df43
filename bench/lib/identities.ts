/** Sites of one network, as `isthmus init` and a redeemed token would give them. */
import { createCsr, createRoot, signLeaf } from "#pki/authority.ts";

interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface SiteIdentity {
  readonly network: string;
  readonly siteId: string;
  readonly client: KeyPair;
  readonly server: KeyPair;
  readonly trust: string;
}

export interface TestIdentities {
  readonly trust: string;
  readonly near: SiteIdentity;
  readonly far: SiteIdentity;
  /** A site between the two. */
  readonly relay: SiteIdentity;
}

/** One network: a root, and a function that gives a site its identity. */
export async function createNetwork(): Promise<{
  readonly trust: string;
  readonly site: (siteId: string) => Promise<SiteIdentity>;
}> {
  const network = "bench";
  const now = Date.now();
  const authority = await createRoot({ network, now });
  const leaf = async (siteId: string, use: "client" | "server"): Promise<KeyPair> => {
    const { csr, key } = await createCsr();
    return { certificate: await signLeaf({ authority, csr, network, siteId, use, now, days: 1 }), key };
  };
  return {
    trust: authority.certificate,
    site: async (siteId) => ({
      network,
      siteId,
      client: await leaf(siteId, "client"),
      server: await leaf(siteId, "server"),
      trust: authority.certificate,
    }),
  };
}

export async function createIdentities(): Promise<TestIdentities> {
  const { trust, site } = await createNetwork();
  return { trust, near: await site("near"), far: await site("far"), relay: await site("relay") };
}
