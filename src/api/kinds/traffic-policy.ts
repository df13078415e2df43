import { type Static, Type } from "typebox";
import { AGE, isthmusKind } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions, integer, oneOf, withRules } from "../schema.ts";

export const SPREADS = ["Endpoints", "Clusters", "Cost"] as const;
export type Spread = (typeof SPREADS)[number];
export const ALGORITHMS = ["RoundRobin", "LeastRequest"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

export const TrafficPolicySpec = withRules(
  Type.Object(
    {
      spread: oneOf(SPREADS, {
        description:
          "Endpoints: each ready endpoint of all clusters gets the same share. Clusters: each cluster does. Cost: the cheapest path first.",
        default: "Endpoints",
      }),
      algorithm: oneOf(ALGORITHMS, { description: "Who is next inside the spread.", default: "RoundRobin" }),
      spillAt: Type.Optional(
        integer({
          description:
            "Only with spread Cost: when the endpoints of a path have more requests in flight than this, the next cheaper path takes part. Default: the difference of the path costs.",
          minimum: 1,
          maximum: 1_000_000,
        }),
      ),
    },
    { description: "How traffic is divided.", default: { spread: "Endpoints", algorithm: "RoundRobin" } },
  ),
  [
    {
      cel: "!has(self.spillAt) || self.spread == 'Cost'",
      message: "spillAt works only with spread Cost",
      test: (spec) => spec.spillAt === undefined || spec.spread === "Cost",
    },
  ],
);
export type TrafficPolicySpec = Static<typeof TrafficPolicySpec>;

export const TrafficPolicyStatus = Type.Object(
  { conditions: Type.Optional(Conditions) },
  { description: "Whether the policy is in force." },
);
export type TrafficPolicyStatus = Static<typeof TrafficPolicyStatus>;
export type TrafficPolicy = KubeObject<TrafficPolicySpec, TrafficPolicyStatus>;

export const trafficPolicyKind = isthmusKind<TrafficPolicy>({
  kind: "TrafficPolicy",
  plural: "trafficpolicies",
  singular: "trafficpolicy",
  shortNames: ["itp"],
  description: "How this cluster divides the traffic of the service of the same name over the network.",
  spec: TrafficPolicySpec,
  specRequired: false,
  status: TrafficPolicyStatus,
  columns: [
    { name: "Spread", type: "string", jsonPath: ".spec.spread" },
    { name: "Algorithm", type: "string", jsonPath: ".spec.algorithm" },
    { name: "Spill-at", type: "integer", jsonPath: ".spec.spillAt", priority: 1 },
    AGE,
  ],
});
