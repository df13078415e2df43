import { type Static, Type } from "typebox";
import { AGE, multiclusterKind } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions, integer, mapList, oneOf } from "../schema.ts";

const ImportedPort = Type.Object({
  name: Type.Optional(Type.String({ description: "Name of the port; a DNS label." })),
  protocol: Type.Optional(Type.String({ description: "TCP, UDP or SCTP. Default: TCP." })),
  appProtocol: Type.Optional(Type.String({ description: "Application protocol, as in a Service." })),
  port: integer({ description: "Port that the imported service is reached by." }),
});
export type ImportedPort = Static<typeof ImportedPort>;

export const ServiceImportSpec = Type.Object(
  {
    ports: Type.Array(ImportedPort, {
      description: "Ports of all exporters together.",
      "x-kubernetes-list-type": "atomic",
    }),
    ips: Type.Optional(
      Type.Array(Type.String(), { description: "Addresses, when type is ClusterSetIP.", maxItems: 2 }),
    ),
    type: oneOf(["ClusterSetIP", "Headless"], { description: "How the service is reached." }),
    sessionAffinity: Type.Optional(
      Type.String({ description: "ClientIP or None. Default: None. No meaning for Headless." }),
    ),
    sessionAffinityConfig: Type.Optional(
      Type.Object(
        {
          clientIP: Type.Optional(
            Type.Object(
              {
                timeoutSeconds: Type.Optional(
                  integer({ description: "How long, 1 to 86400. Default: 10800." }),
                ),
              },
              { description: "Affinity by client address." },
            ),
          ),
        },
        { description: "How session affinity works." },
      ),
    ),
    ipFamilies: Type.Optional(
      Type.Array(Type.String(), { description: "IPv4, IPv6; in the order of ips.", maxItems: 2 }),
    ),
    internalTrafficPolicy: Type.Optional(
      Type.String({ description: "Cluster or Local: whether traffic stays on the client's node." }),
    ),
    trafficDistribution: Type.Optional(Type.String({ description: "Preference, for example PreferClose." })),
  },
  { description: "The imported service." },
);
export type ServiceImportSpec = Static<typeof ServiceImportSpec>;

export const ServiceImportStatus = Type.Object(
  {
    clusters: Type.Optional(
      mapList(Type.Object({ cluster: Type.String({ description: "Name of the exporting cluster." }) }), {
        description: "Clusters that export it.",
        keys: ["cluster"],
      }),
    ),
    conditions: Type.Optional(Conditions),
    endpointSliceObjects: Type.Optional(
      oneOf(["Present", "Absent"], {
        description: "Whether EndpointSlices of this import are published (KEP-1645).",
      }),
    ),
  },
  { description: "Conditions: Ready." },
);
export type ServiceImportStatus = Static<typeof ServiceImportStatus>;
export type ServiceImport = KubeObject<ServiceImportSpec, ServiceImportStatus>;

export const serviceImportKind = multiclusterKind<ServiceImport>({
  kind: "ServiceImport",
  plural: "serviceimports",
  singular: "serviceimport",
  shortNames: ["svcim", "svcimport"],
  description: "A service that other clusters export (KEP-1645). Made by the controller; users only read it.",
  spec: ServiceImportSpec,
  specRequired: false,
  status: ServiceImportStatus,
  columns: [
    { name: "Type", type: "string", jsonPath: ".spec.type", description: "The type of this ServiceImport" },
    { name: "IP", type: "string", jsonPath: ".spec.ips", description: "The VIP for this ServiceImport" },
    AGE,
  ],
});
