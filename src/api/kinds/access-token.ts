import { type Static, Type } from "typebox";
import { AGE, conditionColumn, isthmusKind, messageColumn } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions, dnsName, formed, integer, withRules } from "../schema.ts";

export const AccessTokenSpec = Type.Object(
  {
    url: withRules(
      Type.String({ description: "Join server of the granting site.", minLength: 1, maxLength: 2048 }),
      [
        {
          cel: "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''",
          message: "Expected an https URL, like https://203.0.113.7:7444",
          test: isHttpsUrl,
        },
      ],
    ),
    ca: formed({
      description: "Authority that the join server's certificate must come from, PEM. No other is trusted.",
      minLength: 1,
      maxLength: 16_384,
      pattern: "^\\s*-----BEGIN CERTIFICATE-----",
      expected: "a certificate in PEM, starting with -----BEGIN CERTIFICATE-----",
    }),
    network: Type.String({ description: "Network that is joined.", minLength: 1, maxLength: 64 }),
    codeSecret: dnsName("Name of a Secret of this namespace whose key `code` holds the code."),
    linkName: Type.Optional(dnsName("Name of the Link that is made. Default: the name of this object.")),
    linkCost: Type.Optional(
      integer({ description: "Cost of the Link that is made.", minimum: 1, maximum: 1000 }),
    ),
  },
  { description: "What to redeem, and where." },
);
export type AccessTokenSpec = Static<typeof AccessTokenSpec>;

export const AccessTokenStatus = Type.Object(
  {
    link: Type.Optional(Type.String({ description: "Name of the Link that was made.", maxLength: 253 })),
    conditions: Type.Optional(Conditions),
  },
  { description: "Conditions: Redeemed." },
);
export type AccessTokenStatus = Static<typeof AccessTokenStatus>;
export type AccessToken = KubeObject<AccessTokenSpec, AccessTokenStatus>;

export const accessTokenKind = isthmusKind<AccessToken>({
  kind: "AccessToken",
  plural: "accesstokens",
  singular: "accesstoken",
  shortNames: ["itoken"],
  description: "Redeems a grant of another site: this site joins its network and links to it.",
  spec: AccessTokenSpec,
  specRequired: true,
  status: AccessTokenStatus,
  columns: [
    conditionColumn("Redeemed"),
    { name: "Link", type: "string", jsonPath: ".status.link", description: "The Link that was made" },
    { name: "URL", type: "string", jsonPath: ".spec.url", priority: 1 },
    messageColumn("Redeemed"),
    AGE,
  ],
});

function isHttpsUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.protocol === "https:" && url.hostname !== "";
}
