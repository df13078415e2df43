import type { Clock } from "#core/clock.ts";
import type { KubeObject, UserInfo } from "../cluster-api.ts";
import { isObject } from "../schema/schema.ts";
import type { Store } from "../store/store.ts";

const SERVICE_ACCOUNT = "kubernetes.io/service-account.name";

interface Issued {
  namespace: string;
  name: string;
  uid: string;
  expiresMs: number;
}

const hashOf = (token: string): string => new Bun.CryptoHasher("sha256").update(token).digest("hex");

export function serviceAccountUser(namespace: string, name: string, uid: string | undefined): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
    ...(uid === undefined ? {} : { uid }),
  };
}

/**
 * Bearer tokens: those given at start, those in Secrets of type kubernetes.io/service-account-token, and those made by
 * TokenRequest (kept as hashes, so they survive a restart). Looked up by hash: no comparison leaks how much of a
 * guess was right.
 */
export class Tokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #fixed = new Map<string, UserInfo>();
  readonly #secretTokens = new Map<string, { namespace: string; account: string }>();
  readonly #tokenOfSecret = new Map<string, string>();
  readonly #issued: Map<string, Issued>;

  constructor(options: { store: Store; clock: Clock; fixed: Readonly<Record<string, UserInfo>> }) {
    this.#store = options.store;
    this.#clock = options.clock;
    for (const [token, user] of Object.entries(options.fixed)) {
      const groups = [...new Set([...user.groups, "system:authenticated"])];
      this.#fixed.set(hashOf(token), { ...user, groups });
    }
    for (const secret of this.#store.list("secrets")) this.#learn(secret);
    this.#store.onChange("secrets", ({ type, object }) => {
      this.#forget(object);
      if (type !== "DELETED") this.#learn(object);
    });
    this.#issued = new Map(JSON.parse(this.#store.fact("tokens") ?? "[]") as [string, Issued][]);
  }

  /** Who a token speaks for; undefined when it is unknown, expired, or its account is gone. */
  authenticate(token: string): UserInfo | undefined {
    const hash = hashOf(token);
    const fixed = this.#fixed.get(hash);
    if (fixed !== undefined) return fixed;
    const secret = this.#secretTokens.get(hash);
    if (secret !== undefined) return this.#account(secret.namespace, secret.account);
    const issued = this.#issued.get(hash);
    if (issued === undefined || issued.expiresMs <= this.#clock.now()) return undefined;
    const user = this.#account(issued.namespace, issued.name);
    return user?.uid === issued.uid ? user : undefined;
  }

  /** TokenRequest: an opaque token of a service account. */
  issue(account: KubeObject, lifeSeconds: number): { token: string; expiresMs: number } {
    const now = this.#clock.now();
    const expiresMs = now + Math.min(Math.max(lifeSeconds, 600), 365 * 86_400) * 1000;
    const token = `isthmus-sa-${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`;
    for (const [hash, issued] of this.#issued) if (issued.expiresMs <= now) this.#issued.delete(hash);
    const { namespace = "", name, uid = "" } = account.metadata;
    this.#issued.set(hashOf(token), { namespace, name, uid, expiresMs });
    this.#store.setFact("tokens", JSON.stringify([...this.#issued]));
    return { token, expiresMs };
  }

  #account(namespace: string, name: string): UserInfo | undefined {
    const account = this.#store.get("serviceaccounts", namespace, name);
    return account === undefined ? undefined : serviceAccountUser(namespace, name, account.metadata.uid);
  }

  #learn(secret: KubeObject): void {
    if (secret["type"] !== "kubernetes.io/service-account-token") return;
    const account = secret.metadata.annotations?.[SERVICE_ACCOUNT];
    const data = isObject(secret["data"]) ? secret["data"]["token"] : undefined;
    if (account === undefined || typeof data !== "string") return;
    const hash = hashOf(Buffer.from(data, "base64").toString());
    const namespace = secret.metadata.namespace ?? "";
    this.#secretTokens.set(hash, { namespace, account });
    this.#tokenOfSecret.set(secret.metadata.uid ?? "", hash);
  }

  #forget(secret: KubeObject): void {
    const hash = this.#tokenOfSecret.get(secret.metadata.uid ?? "");
    if (hash !== undefined) this.#secretTokens.delete(hash);
    this.#tokenOfSecret.delete(secret.metadata.uid ?? "");
  }
}
