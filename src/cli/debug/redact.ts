import type { Secret } from "#api/builtin.ts";
import type { KubeObject } from "#api/object.ts";

/** All that is told of a Secret: never a value. */
export interface SecretFacts {
  readonly name: string;
  readonly type: string;
  readonly created?: string;
  readonly keys: readonly { readonly key: string; readonly bytes: number }[];
}

/** Annotations and fields that can hold what somebody wrote into an object once, and a reader does not need. */
const DROPPED_ANNOTATIONS = ["kubectl.kubernetes.io/last-applied-configuration"];
const REDACTED = "(redacted)";
/** Shorter values are words like `true`; taking them out would only make the text unreadable. */
const LEAST_CHARS = 8;
/** What Isthmus keeps in its own Secrets beside the secrets: names, addresses and certificates, which are in statuses too. */
const PUBLIC_KEYS: ReadonlySet<string> = new Set([
  ..."network siteId trust issuerUrl issuerCa redeemedToken redeemedLink host".split(" "),
  ..."client.crt server.crt ca.crt tls.crt join-ca.crt join-tls.crt".split(" "),
]);

/** The only way from a Secret into a dump. */
export function secretFacts({ metadata, type = "Opaque", data = {} }: Secret): SecretFacts {
  const { name, creationTimestamp } = metadata;
  const keys = Object.entries(data).map(([key, value]) => ({
    key,
    bytes: Buffer.from(value, "base64").length,
  }));
  return { name, type, ...(creationTimestamp === undefined ? {} : { created: creationTimestamp }), keys };
}

/**
 * Takes the values of Secrets out of any text, wherever they got there: as they are, in base64, and each line of a PEM. The second
 * line of defence: what is gathered does not hold them in the first place.
 */
export class Redactor {
  readonly #values = new Set<string>();

  add({ metadata, data = {} }: Secret): void {
    const own = metadata.labels?.["app.kubernetes.io/managed-by"] === "isthmus";
    for (const [key, base64] of Object.entries(data)) {
      if (own && PUBLIC_KEYS.has(key)) continue;
      const text = Buffer.from(base64, "base64").toString("utf8");
      const lines = text.includes("-----BEGIN ")
        ? text.split("\n").filter((line) => !line.startsWith("-----"))
        : [];
      for (const value of [text, text.trim(), base64, ...lines]) {
        if (value.length >= LEAST_CHARS) this.#values.add(value);
      }
    }
  }

  clean(text: string): string {
    let cleaned = text;
    // The longest first: a value may contain another.
    for (const value of [...this.#values].toSorted((a, b) => b.length - a.length)) {
      cleaned = cleaned.replaceAll(value, REDACTED);
      // Within JSON, line feeds and quotes are written otherwise.
      const escaped = JSON.stringify(value).slice(1, -1);
      if (escaped !== value) cleaned = cleaned.replaceAll(escaped, REDACTED);
    }
    return cleaned;
  }
}

/** An object without what nobody needs to read it, and without what could hold a secret. Never give it a Secret. */
export function publicObject(object: KubeObject): object {
  if (object.kind === "Secret") throw new Error("Secrets are told of by secretFacts only");
  const { metadata } = object;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !DROPPED_ANNOTATIONS.includes(key),
  );
  return {
    ...object,
    metadata: {
      ...metadata,
      managedFields: undefined,
      ...(annotations.length === 0
        ? { annotations: undefined }
        : { annotations: Object.fromEntries(annotations) }),
    },
    ...withoutCode(object.spec),
  };
}

/** The hash of a token's code says nothing to who looks for a fault. */
function withoutCode(spec: unknown): { spec?: object } {
  return typeof spec === "object" && spec !== null && "codeHash" in spec
    ? { spec: { ...spec, codeHash: REDACTED } }
    : {};
}
