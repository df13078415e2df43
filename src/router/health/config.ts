import { Type } from "typebox";
import { EXPECTED } from "#api/schema.ts";

const Milliseconds = Type.Integer({ minimum: 100, maximum: 3_600_000 });
const Count = Type.Integer({ minimum: 1, maximum: 100 });

/** How this router probes its site's endpoints of one service. */
export const HealthSchema = Type.Object(
  {
    type: Type.Union([Type.Literal("HTTP"), Type.Literal("TCP"), Type.Literal("GRPC")]),
    /** Service port whose pod port is probed [the first]. */
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    /** HTTP: target of the GET ["/"]; GRPC: name of the service that is asked about [""]. */
    path: Type.Optional(
      Type.String({
        pattern: "^[!-~]*$",
        maxLength: 1024,
        [EXPECTED]: "a path without spaces",
      }),
    ),
    intervalMs: Type.Optional(Milliseconds),
    timeoutMs: Type.Optional(Milliseconds),
    /** Probes in a row that must pass until an unhealthy endpoint is healthy. */
    rise: Type.Optional(Count),
    /** Probes in a row that must fail until a healthy endpoint is unhealthy. */
    fall: Type.Optional(Count),
  },
  { additionalProperties: false },
);
export type HealthConfig = Type.Static<typeof HealthSchema>;
