import { Type } from "typebox";
import { EXPECTED } from "#api/schema.ts";

const strict = { additionalProperties: false } as const;
const Milliseconds = Type.Integer({ minimum: 1, maximum: 86_400_000 });
/** 0 switches off. */
const MillisecondsOrNone = Type.Integer({ minimum: 0, maximum: 86_400_000 });
const Percent = Type.Integer({ minimum: 0, maximum: 100 });
/** RFC 9110 token: a header's or a cookie's name. */
const Token = Type.String({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
  [EXPECTED]: "a name of letters, digits and dashes",
});
const Cluster = Type.String({
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$",
  maxLength: 253,
  [EXPECTED]: "name or id of a site",
});

/** Fields of a policy beside its service; everything that is left out has the default of traffic.md. */
export const PolicyFields = {
  mode: Type.Optional(
    Type.Union([Type.Literal("Local"), Type.Literal("Failover"), Type.Literal("ActiveActive")]),
  ),
  targets: Type.Optional(
    Type.Array(
      Type.Object(
        {
          cluster: Cluster,
          /** Share with `spread: Weighted`; 0 drains the cluster, whatever the spread. */
          weight: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
          /** Lower is earlier; equal ones are one tier. */
          priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
        },
        strict,
      ),
      { maxItems: 1024 },
    ),
  ),
  failover: Type.Optional(
    Type.Object(
      {
        minHealthyPercent: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
        rampMs: Type.Optional(MillisecondsOrNone),
        failback: Type.Optional(Type.Union([Type.Literal("Auto"), Type.Literal("Manual")])),
      },
      strict,
    ),
  ),
  spread: Type.Optional(
    Type.Union([
      Type.Literal("Endpoints"),
      Type.Literal("Clusters"),
      Type.Literal("Weighted"),
      Type.Literal("Cost"),
      Type.Literal("Latency"),
    ]),
  ),
  algorithm: Type.Optional(
    Type.Union([
      Type.Literal("RoundRobin"),
      Type.Literal("LeastRequest"),
      Type.Literal("Random"),
      Type.Literal("PeakEwma"),
      Type.Literal("Hash"),
    ]),
  ),
  hash: Type.Optional(
    Type.Object(
      {
        source: Type.Union([Type.Literal("ClientIP"), Type.Literal("Header"), Type.Literal("Cookie")]),
        name: Type.Optional(Token),
        /** Only for a cookie: the router sets it where a client has none. */
        ttlSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
      },
      strict,
    ),
  ),
  spillAt: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })),
  retries: Type.Optional(
    Type.Object(
      {
        attempts: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
        budgetPercent: Type.Optional(Percent),
      },
      strict,
    ),
  ),
  timeouts: Type.Optional(
    Type.Object(
      {
        connectMs: Type.Optional(Milliseconds),
        requestMs: Type.Optional(MillisecondsOrNone),
        idleMs: Type.Optional(Milliseconds),
        httpIdleMs: Type.Optional(Milliseconds),
      },
      strict,
    ),
  ),
  outlier: Type.Optional(
    Type.Object(
      {
        enabled: Type.Optional(Type.Boolean()),
        consecutiveFailures: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
        serverErrors: Type.Optional(Type.Boolean()),
        baseEjectionMs: Type.Optional(Milliseconds),
        maxEjectionMs: Type.Optional(Milliseconds),
        maxEjectedPercent: Type.Optional(Percent),
      },
      strict,
    ),
  ),
  affinity: Type.Optional(
    Type.Object(
      {
        type: Type.Union([Type.Literal("ClientIP"), Type.Literal("Cookie")]),
        cookie: Type.Optional(Token),
        timeoutSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000 })),
      },
      strict,
    ),
  ),
  /** With manual failback: going up means "switch back now". */
  resume: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
};
