import { createHash, createPublicKey, sign, verify, X509Certificate } from "node:crypto";
import { type Static, Type } from "typebox";

/**
 * What a joining site and the issuing site say to each other: JSON over HTTPS, the issuer known by the authority that the
 * token carries. A private key never travels; a joiner sends certificate signing requests.
 */

/** Name in the join server's certificate: its address is in the token, its authority too, so the name can be fixed. */
export const JOIN_SERVER_NAME = "join.isthmus.internal";
export const MAX_BODY_BYTES = 16 * 1024;

const Pem = Type.String({ minLength: 1, maxLength: 4096 });

/** Proof that the sender holds the key of a certificate of this network: that site keeps its id. */
const Current = Type.Object(
  { certificate: Pem, proof: Type.String({ minLength: 1, maxLength: 512 }) },
  { additionalProperties: false },
);

const JoiningSite = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 253 }) },
  { additionalProperties: false },
);

export const JoinRequestSchema = Type.Object(
  {
    code: Type.String({ minLength: 16, maxLength: 256 }),
    csrClient: Pem,
    csrServer: Pem,
    site: JoiningSite,
    current: Type.Optional(Current),
  },
  { additionalProperties: false },
);
export type JoinRequest = Static<typeof JoinRequestSchema>;

export const RenewRequestSchema = Type.Object(
  { csrClient: Pem, csrServer: Pem, current: Current },
  { additionalProperties: false },
);
export type RenewRequest = Static<typeof RenewRequestSchema>;

/** Certificates of a member, as the issuer gives them. */
export const IssuedSchema = Type.Object({
  siteId: Type.String({ minLength: 1, maxLength: 64 }),
  network: Type.String({ minLength: 1, maxLength: 64 }),
  trust: Type.String({ minLength: 1, maxLength: 16_384 }),
  client: Pem,
  server: Pem,
});
export type Issued = Static<typeof IssuedSchema>;

export const JoinAnswerSchema = Type.Object({
  ...IssuedSchema.properties,
  link: Type.Object({
    site: Type.Object({ id: Type.String(), name: Type.String() }),
    endpoints: Type.Array(
      Type.Object({ host: Type.String(), port: Type.Integer({ minimum: 1, maximum: 65_535 }) }),
      {
        minItems: 1,
        maxItems: 16,
      },
    ),
  }),
});
export type JoinAnswer = Static<typeof JoinAnswerSchema>;

/**
 * Why a request was refused. `Denied` says nothing about which codes exist; `Expired` and `AlreadyUsed` are told only to
 * who holds the right code; `OtherNetwork` only to who proved to be a member of another network.
 */
export const JOIN_REASONS = {
  Denied: 403,
  Expired: 410,
  AlreadyUsed: 409,
  OtherNetwork: 409,
  NotReady: 503,
  Busy: 503,
  Invalid: 400,
  TooManyRequests: 429,
  Failed: 500,
} as const;
export type JoinReason = keyof typeof JOIN_REASONS;

/** Body of every answer that is not 200. */
export const RefusalSchema = Type.Object({
  reason: Type.Enum([
    "Denied",
    "Expired",
    "AlreadyUsed",
    "OtherNetwork",
    "NotReady",
    "Busy",
    "Invalid",
    "TooManyRequests",
    "Failed",
  ] as const satisfies JoinReason[]),
  message: Type.Optional(Type.String()),
});

/** Where a joiner links to: it is kept with the identity, so that a restart does not lose it. */
export const JoinLinkSchema = JoinAnswerSchema.properties.link;

/** sha256 of a code in hex, as AccessGrant.spec.codeHash has it. */
export function hashOfCode(code: string): string {
  return createHash("sha256").update(code).digest("hex");
}

/** Signs the two requests with the key of the present certificate; both new keys are bound to it. PKCS#8 PEM key. */
export function proveMembership(key: string, requests: { csrClient: string; csrServer: string }): string {
  return sign("sha256", proofText(requests), key).toString("base64");
}

/** True when `proof` was made by the holder of `certificate`'s key for exactly these requests. Never throws. */
export function membershipProven(
  certificate: string,
  request: { csrClient: string; csrServer: string; proof: string },
): boolean {
  try {
    const key = createPublicKey(
      new X509Certificate(certificate).publicKey.export({ type: "spki", format: "pem" }),
    );
    return verify("sha256", proofText(request), key, Buffer.from(request.proof, "base64"));
  } catch {
    return false;
  }
}

function proofText(requests: { csrClient: string; csrServer: string }): Buffer {
  return Buffer.from(`isthmus membership v1\n${requests.csrClient.trim()}\n${requests.csrServer.trim()}\n`);
}
