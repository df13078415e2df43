import { Type } from "typebox";

/** Labels and annotations that travel with an export: at most so many of each, and so many characters together. */
export const TERMS_LIMITS = { entries: 64, characters: 16_384 } as const;

const Text = Type.String({ maxLength: 253 });
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

const Key = Type.String({ maxLength: 320 });
const bounds = { maxProperties: TERMS_LIMITS.entries };
const Labels = Type.Record(Key, Type.String({ maxLength: 63 }), bounds);
const Annotations = Type.Record(Key, Type.String({ maxLength: TERMS_LIMITS.characters }), bounds);

/**
 * What an exporter says of its Service beside ports and endpoints, so that all clusters merge the same service (KEP-1645,
 * "Constraints and Conflict Resolution"). All of it is optional, and routers of before it ignore it. Words are as in the Kubernetes API
 * and are not judged here. `additional` says whether fields of a later version are taken.
 */
export function exportTerms({ additional }: { readonly additional: boolean }) {
  return Type.Object(
    {
      /** ClusterSetIP or Headless. */
      type: Type.Optional(Text),
      /** Creation of the ServiceExport, ms since 1970: the oldest wins. */
      createdMs: Type.Optional(Type.Integer({ minimum: 0 })),
      sessionAffinity: Type.Optional(Text),
      affinitySeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
      internalTrafficPolicy: Type.Optional(Text),
      trafficDistribution: Type.Optional(Text),
      ipFamilies: Type.Optional(Type.Array(Text, { maxItems: 2 })),
      labels: Type.Optional(Labels),
      annotations: Type.Optional(Annotations),
      /** Ports that the routers do not carry: those of UDP and SCTP. */
      otherPorts: Type.Optional(
        Type.Array(
          Type.Object(
            { name: Type.Optional(Text), port: Port, protocol: Text, appProtocol: Type.Optional(Text) },
            { additionalProperties: additional },
          ),
          { maxItems: 100 },
        ),
      ),
    },
    { additionalProperties: additional },
  );
}

export type ExportTerms = Type.Static<ReturnType<typeof exportTerms>>;
