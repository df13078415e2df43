import type { LinkIdentity } from "../types.ts";
import { createTestLeaf, createTestRoot, type TestAuthority } from "./certificates.ts";

export const SERVER_DNS = "link.isthmus.internal";

/** A network with its root, for tests over real TLS. */
export class TestNetwork {
  readonly root: TestAuthority;
  readonly name: string;

  constructor(name = "net1", root = createTestRoot(`root of ${name}`)) {
    this.name = name;
    this.root = root;
  }

  uri(siteId: string): string {
    return `isthmus://${this.name}/site/${siteId}`;
  }

  identity(siteId: string, signer: TestAuthority = this.root): LinkIdentity {
    const uris = [this.uri(siteId)];
    return {
      network: this.name,
      siteId,
      client: createTestLeaf(signer, { usage: ["client"], uris }),
      server: createTestLeaf(signer, { usage: ["server"], uris, dns: [SERVER_DNS] }),
      trust: this.root.certificate,
    };
  }
}
