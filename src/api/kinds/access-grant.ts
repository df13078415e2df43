import { type Static, Type } from "typebox";
import { AGE, conditionColumn, isthmusKind, messageColumn } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions, duration, formed, integer, withRules } from "../schema.ts";

export const AccessGrantSpec = Type.Object(
  {
    codeHash: withRules(
      formed({
        description:
          "SHA-256 of the code, in lower case hex. The code itself is in no object of this cluster.",
        minLength: 64,
        maxLength: 64,
        pattern: "^[0-9a-f]{64}$",
        expected: "a SHA-256 digest as 64 lower case hex digits",
      }),
      [{ cel: "self == oldSelf", message: "codeHash cannot be changed: make another grant" }],
    ),
    redemptionsAllowed: integer({
      description: "How many sites may join by it.",
      minimum: 1,
      maximum: 1000,
      default: 1,
    }),
    expirationWindow: duration({
      description: "How long it can be redeemed, from its creation.",
      default: "15m",
    }),
  },
  { description: "What is permitted." },
);
export type AccessGrantSpec = Static<typeof AccessGrantSpec>;

export const AccessGrantStatus = Type.Object(
  {
    url: Type.Optional(Type.String({ description: "Where to redeem it.", maxLength: 2048 })),
    ca: Type.Optional(
      Type.String({ description: "Authority of that server's certificate, PEM.", maxLength: 16_384 }),
    ),
    network: Type.Optional(Type.String({ description: "Network that is joined.", maxLength: 64 })),
    expirationTime: Type.Optional(
      Type.String({ description: "End of the permission.", format: "date-time" }),
    ),
    redemptions: Type.Optional(integer({ description: "How often it was redeemed.", minimum: 0 })),
    redeemers: Type.Optional(
      Type.Array(Type.String({ minLength: 64, maxLength: 64 }), {
        description:
          "SHA-256 of the public keys of each that redeemed it, so that one whose answer was lost can ask again.",
        maxItems: 1000,
      }),
    ),
    conditions: Type.Optional(Conditions),
  },
  { description: "Conditions: Ready." },
);
export type AccessGrantStatus = Static<typeof AccessGrantStatus>;
export type AccessGrant = KubeObject<AccessGrantSpec, AccessGrantStatus>;

export const accessGrantKind = isthmusKind<AccessGrant>({
  kind: "AccessGrant",
  plural: "accessgrants",
  singular: "accessgrant",
  shortNames: ["igrant"],
  description: "Permission for other sites to join the network of this one and to link to it.",
  spec: AccessGrantSpec,
  specRequired: true,
  status: AccessGrantStatus,
  columns: [
    conditionColumn("Ready"),
    { name: "Redeemed", type: "integer", jsonPath: ".status.redemptions" },
    { name: "Allowed", type: "integer", jsonPath: ".spec.redemptionsAllowed" },
    { name: "Expires", type: "string", jsonPath: ".status.expirationTime" },
    { name: "URL", type: "string", jsonPath: ".status.url", priority: 1 },
    messageColumn("Ready"),
    AGE,
  ],
});
