import { type Static, Type } from "typebox";
import { AGE, conditionColumn, isthmusKind, messageColumn } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions, host, integer, portNumber } from "../schema.ts";

const LinkEndpoint = Type.Object({
  host: host("Host name or IP address of a router of the remote site."),
  port: portNumber("TCP port of its link listener."),
});
export type LinkEndpoint = Static<typeof LinkEndpoint>;

export const LinkSpec = Type.Object(
  {
    endpoints: Type.Array(LinkEndpoint, {
      description: "Where to dial; the first that answers is used.",
      minItems: 1,
      maxItems: 16,
      "x-kubernetes-list-type": "atomic",
    }),
    cost: integer({
      description:
        "Traffic prefers paths of lower total cost, where the policy says so. Can be changed at any time.",
      minimum: 1,
      maximum: 1000,
      default: 1,
    }),
    lanes: integer({
      description: "TLS connections that the link is made of.",
      minimum: 1,
      maximum: 16,
      default: 2,
    }),
    site: Type.Optional(
      Type.String({
        description: "Id of the site that must answer; another is refused. Absent: any site of the network.",
        minLength: 1,
        maxLength: 64,
      }),
    ),
  },
  { description: "Whom to dial." },
);
export type LinkSpec = Static<typeof LinkSpec>;

export const LinkStatus = Type.Object(
  {
    remoteSite: Type.Optional(
      Type.String({ description: "Cluster name of the remote site.", maxLength: 253 }),
    ),
    remoteSiteId: Type.Optional(
      Type.String({ description: "Id of the remote site, from its certificate.", maxLength: 64 }),
    ),
    rttMs: Type.Optional(Type.Number({ description: "Round trip over the link, ms.", minimum: 0 })),
    conditions: Type.Optional(Conditions),
  },
  { description: "Conditions: Configured, Operational, Ready." },
);
export type LinkStatus = Static<typeof LinkStatus>;
export type Link = KubeObject<LinkSpec, LinkStatus>;

export const linkKind = isthmusKind<Link>({
  kind: "Link",
  plural: "links",
  singular: "link",
  shortNames: ["ilink"],
  description: "Dials another site of the network and keeps the link up.",
  spec: LinkSpec,
  specRequired: true,
  status: LinkStatus,
  columns: [
    conditionColumn("Operational"),
    { name: "Remote", type: "string", jsonPath: ".status.remoteSite", description: "Site at the other end" },
    { name: "Cost", type: "integer", jsonPath: ".spec.cost" },
    { name: "RTT-ms", type: "number", jsonPath: ".status.rttMs", description: "Round trip, ms" },
    { name: "Host", type: "string", jsonPath: ".spec.endpoints[0].host", priority: 1 },
    messageColumn("Operational"),
    AGE,
  ],
});
