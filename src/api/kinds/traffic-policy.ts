import { type Static, Type } from "typebox";
import { parseDurationMs } from "#core/duration.ts";
import { AGE, conditionColumn, isthmusKind, messageColumn } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import { Conditions, duration, formed, integer, mapList, oneOf, portNumber, withRules } from "../schema.ts";

export const MODES = ["Local", "Failover", "ActiveActive"] as const;
export type Mode = (typeof MODES)[number];
export const SPREADS = ["Endpoints", "Clusters", "Weighted", "Cost", "Latency"] as const;
export type Spread = (typeof SPREADS)[number];
export const ALGORITHMS = ["RoundRobin", "LeastRequest", "Random", "PeakEwma", "Hash"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];
export const HASH_SOURCES = ["ClientIP", "Header", "Cookie"] as const;
export const PROBES = ["HTTP", "TCP", "GRPC"] as const;
export const AFFINITIES = ["ClientIP", "Cookie"] as const;

/** A duration that a timer can have: 1 ms to 24 h. */
function timer(description: string, options: { readonly default?: string } = {}) {
  return withRules(duration({ description, ...options }), [
    {
      cel: "duration(self) >= duration('1ms') && duration(self) <= duration('24h')",
      message: "Expected 1ms to 24h",
      test: (text) => parseDurationMs(text) >= 1 && parseDurationMs(text) <= 86_400_000,
    },
  ]);
}

/** Probes are neither a flood nor forgotten. */
function probeTimer(description: string, options: { readonly default: string }) {
  return withRules(duration({ description, ...options }), [
    {
      cel: "duration(self) >= duration('100ms') && duration(self) <= duration('1h')",
      message: "Expected 100ms to 1h",
      test: (text) => parseDurationMs(text) >= 100 && parseDurationMs(text) <= 3_600_000,
    },
  ]);
}

/** A header or cookie: a token of RFC 9110. */
function token(description: string) {
  return formed({
    description,
    minLength: 1,
    maxLength: 128,
    pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
    expected: "a name of letters, digits and - _ .",
  });
}

const Target = Type.Object({
  cluster: formed({
    description: "Name or id of a site of the network.",
    minLength: 1,
    maxLength: 253,
    pattern: "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$",
    expected: "name or id of a site",
  }),
  weight: Type.Optional(
    integer({
      description: "Share of this cluster with spread Weighted; 0, with any spread: it drains. Default: 1.",
      minimum: 0,
      maximum: 1000,
    }),
  ),
  priority: Type.Optional(
    integer({
      description:
        "With mode Failover: lower ones are used first, equal ones together. Default: the order of this list.",
      minimum: 0,
      maximum: 1000,
    }),
  ),
});

const Failover = Type.Object(
  {
    minHealthyPercent: integer({
      description:
        "A tier is used alone while so much of it is healthy; below that the missing share goes to the next. 1: any.",
      minimum: 1,
      maximum: 100,
      default: 1,
    }),
    ramp: duration({ description: "How long the way back to a better tier takes.", default: "10s" }),
    failback: oneOf(["Auto", "Manual"], {
      description:
        "Manual: the better tier is used again only when the annotation isthmus.dev/failback of this object changes.",
      default: "Auto",
    }),
  },
  { description: "With mode Failover: when to leave a tier, and how to come back." },
);

const Hash = withRules(
  Type.Object(
    {
      source: oneOf(HASH_SOURCES, {
        description: "What requests of one kind have in common.",
        default: "ClientIP",
      }),
      name: Type.Optional(token("Name of the header or cookie.")),
      ttlSeconds: Type.Optional(
        integer({
          description:
            "Lifetime of the cookie that a client without one is given. Absent: cookies are read, and none is given.",
          minimum: 1,
          maximum: 31_536_000,
        }),
      ),
    },
    { description: "With algorithm Hash: what decides." },
  ),
  [
    {
      cel: "self.source == 'ClientIP' ? !has(self.name) : has(self.name)",
      message: "name is needed with source Header and Cookie, and has no meaning with ClientIP",
      test: ({ source, name }) => (source === "ClientIP") === (name === undefined),
    },
    {
      cel: "!has(self.ttlSeconds) || self.source == 'Cookie'",
      message: "ttlSeconds works only with source Cookie",
      test: ({ source, ttlSeconds }) => ttlSeconds === undefined || source === "Cookie",
    },
  ],
);

const Retries = Type.Object(
  {
    attempts: integer({
      description:
        "Further endpoints after the first, when nothing reached it or the request may be repeated safely.",
      minimum: 0,
      maximum: 10,
      default: 2,
    }),
    budgetPercent: integer({
      description: "Retries of requests that reached an endpoint: at most so much of all requests.",
      minimum: 0,
      maximum: 100,
      default: 20,
    }),
  },
  { description: "When another endpoint is tried." },
);

const Timeouts = Type.Object(
  {
    connect: Type.Optional(timer("To be connected with an endpoint. Default: 1s.")),
    request: Type.Optional(timer("For a whole HTTP request, retries included. Default: none.")),
    idle: Type.Optional(timer("A TCP connection on which nothing flows. Default: 5m.")),
    keepAlive: Type.Optional(timer("An HTTP connection between requests. Default: 60s.")),
  },
  { description: "How long what may take." },
);

const Outlier = withRules(
  Type.Object(
    {
      enabled: Type.Boolean({ description: "Whether endpoints that fail are left out.", default: true }),
      consecutiveFailures: integer({
        description: "So many in a row.",
        minimum: 1,
        maximum: 1000,
        default: 5,
      }),
      serverErrors: Type.Boolean({ description: "Whether an answer 5xx is a failure.", default: false }),
      baseEjection: timer("How long the first time; doubled each time.", { default: "1s" }),
      maxEjection: timer("How long at most.", { default: "60s" }),
      maxEjectedPercent: integer({
        description: "Never more than so much of a tier.",
        minimum: 0,
        maximum: 100,
        default: 50,
      }),
    },
    { description: "Endpoints that fail are left out for a while." },
  ),
  [
    {
      cel: "duration(self.baseEjection) <= duration(self.maxEjection)",
      message: "baseEjection is longer than maxEjection",
      test: ({ baseEjection, maxEjection }) => parseDurationMs(baseEjection) <= parseDurationMs(maxEjection),
    },
  ],
);

const Health = withRules(
  Type.Object(
    {
      type: oneOf(PROBES, { description: "How to ask.", default: "HTTP" }),
      port: Type.Optional(portNumber("Port of the Service. Default: its first.")),
      path: Type.Optional(
        formed({
          description:
            "With type HTTP what is asked for [/]: any answer 200 to 399 is healthy. With GRPC the name of the service [all].",
          minLength: 1,
          maxLength: 1024,
          pattern: "^[!-~]+$",
          expected: "a path without spaces",
        }),
      ),
      interval: probeTimer("Time between probes of one endpoint.", { default: "2s" }),
      timeout: probeTimer("How long an answer may take.", { default: "1s" }),
      rise: integer({
        description: "Healthy after so many good answers.",
        minimum: 1,
        maximum: 100,
        default: 2,
      }),
      fall: integer({
        description: "Unhealthy after so many failures.",
        minimum: 1,
        maximum: 100,
        default: 3,
      }),
    },
    { description: "The routers of this cluster probe this cluster's own endpoints of the service." },
  ),
  [
    {
      cel: "!has(self.path) || self.type != 'TCP'",
      message: "path does not work with type TCP",
      test: ({ path, type }) => path === undefined || type !== "TCP",
    },
    {
      cel: "!has(self.path) || self.type != 'HTTP' || self.path.startsWith('/')",
      message: 'path begins with "/"',
      test: ({ path, type }) => path === undefined || type !== "HTTP" || path.startsWith("/"),
    },
    {
      cel: "duration(self.timeout) <= duration(self.interval)",
      message: "timeout is longer than interval",
      test: ({ timeout, interval }) => parseDurationMs(timeout) <= parseDurationMs(interval),
    },
  ],
);

const Affinity = withRules(
  Type.Object(
    {
      type: oneOf(AFFINITIES, { description: "By what a client is known again." }),
      cookie: Type.Optional(token("Name of the cookie.")),
      timeoutSeconds: Type.Optional(
        integer({
          description:
            "With Cookie: lifetime of the cookie. With ClientIP it has no effect: a client stays as long as its endpoint is in use.",
          minimum: 1,
          maximum: 31_536_000,
        }),
      ),
    },
    { description: "A client stays with its endpoint. Default: the sessionAffinity of the Service." },
  ),
  [
    {
      cel: "!has(self.cookie) || self.type == 'Cookie'",
      message: "cookie works only with type Cookie",
      test: ({ cookie, type }) => cookie === undefined || type === "Cookie",
    },
  ],
);

export const TrafficPolicySpec = withRules(
  Type.Object(
    {
      mode: oneOf(MODES, {
        description:
          "Local: only endpoints of this cluster. Failover: those of this cluster first, then the targets in order. ActiveActive: all together.",
        default: "Failover",
      }),
      targets: Type.Optional(
        mapList(Target, {
          description: "Other clusters that take part. Default: all that export the service.",
          keys: ["cluster"],
          maxItems: 100,
        }),
      ),
      failover: Type.Optional(Failover),
      spread: oneOf(SPREADS, {
        description:
          "Endpoints: each ready endpoint gets the same share. Clusters: each cluster does. Weighted: by the weights of the targets. Cost: the cheapest path first. Latency: who answers fastest.",
        default: "Endpoints",
      }),
      algorithm: Type.Optional(
        oneOf(ALGORITHMS, {
          description: "Who is next inside the spread. Default: LeastRequest for HTTP, RoundRobin for TCP.",
        }),
      ),
      hash: Type.Optional(Hash),
      spillAt: Type.Optional(
        integer({
          description:
            "Only with spread Cost: when the endpoints of a path have more requests in flight than this, the next cheaper path takes part. Default: the difference of the path costs.",
          minimum: 1,
          maximum: 1_000_000,
        }),
      ),
      retries: Type.Optional(Retries),
      timeouts: Type.Optional(Timeouts),
      outlier: Type.Optional(Outlier),
      health: Type.Optional(Health),
      affinity: Type.Optional(Affinity),
    },
    { description: "How traffic is divided.", default: { mode: "Failover", spread: "Endpoints" } },
  ),
  [
    {
      cel: "!has(self.spillAt) || self.spread == 'Cost'",
      message: "spillAt works only with spread Cost",
      test: (spec) => spec.spillAt === undefined || spec.spread === "Cost",
    },
    {
      cel: "self.spread == 'Weighted' || !has(self.targets) || self.targets.all(t, !has(t.weight) || t.weight == 0)",
      message: "Weights of targets work only with spread Weighted, but for 0, which drains with each",
      test: ({ spread, targets }) =>
        spread === "Weighted" || (targets ?? []).every(({ weight = 0 }) => weight === 0),
    },
    {
      cel: "self.spread != 'Weighted' || (has(self.targets) && self.targets.size() > 0)",
      message: "spread Weighted needs targets",
      test: ({ spread, targets }) => spread !== "Weighted" || (targets ?? []).length > 0,
    },
    {
      cel: "self.mode != 'Local' || !has(self.targets) || self.targets.size() == 0",
      message: "mode Local has no targets",
      test: ({ mode, targets }) => mode !== "Local" || (targets ?? []).length === 0,
    },
    {
      cel: "self.mode == 'Failover' || !has(self.failover)",
      message: "failover works only with mode Failover",
      test: ({ mode, failover }) => mode === "Failover" || failover === undefined,
    },
    {
      cel: "self.mode == 'Failover' || !has(self.targets) || self.targets.all(t, !has(t.priority))",
      message: "Priorities of targets work only with mode Failover",
      test: ({ mode, targets }) =>
        mode === "Failover" || (targets ?? []).every(({ priority }) => priority === undefined),
    },
    {
      cel: "!has(self.hash) || (has(self.algorithm) && self.algorithm == 'Hash')",
      message: "hash works only with algorithm Hash",
      test: ({ hash, algorithm }) => hash === undefined || algorithm === "Hash",
    },
    {
      cel: "self.spread != 'Latency' || !has(self.algorithm) || self.algorithm == 'PeakEwma'",
      message: "spread Latency has the algorithm PeakEwma",
      test: ({ spread, algorithm }) =>
        spread !== "Latency" || algorithm === undefined || algorithm === "PeakEwma",
    },
    {
      cel: "!has(self.affinity) || !has(self.algorithm) || self.algorithm != 'Hash'",
      message: "affinity and algorithm Hash exclude each other: both say who is next",
      test: ({ affinity, algorithm }) => affinity === undefined || algorithm !== "Hash",
    },
  ],
);
export type TrafficPolicySpec = Static<typeof TrafficPolicySpec>;

const Percent = Type.Number({ description: "Part of the new requests, percent.", minimum: 0, maximum: 100 });

export const TrafficPolicyStatus = Type.Object(
  {
    summary: Type.Optional(
      Type.String({ description: "The shares of the clusters in short.", maxLength: 1024 }),
    ),
    shares: Type.Optional(
      Type.Array(
        Type.Object({
          cluster: Type.String({ description: "Name of the cluster.", maxLength: 253 }),
          percent: Percent,
          endpoints: Type.Optional(
            Type.Array(
              Type.Object({
                name: Type.String({ description: "Pod, as people know it.", maxLength: 253 }),
                percent: Percent,
              }),
              {
                description: "Its endpoints that have a share; left out where there are very many.",
                maxItems: 1000,
                "x-kubernetes-list-type": "atomic",
              },
            ),
          ),
        }),
        {
          description: "Who gets how much of what is new, as the routers of this cluster divide it now.",
          maxItems: 1000,
          "x-kubernetes-list-type": "atomic",
        },
      ),
    ),
    failback: Type.Optional(
      Type.Object(
        {
          value: Type.String({
            description: "The annotation isthmus.dev/failback when it was last acted upon.",
            maxLength: 1024,
          }),
          resume: integer({ description: "Grows each time.", format: "int64", minimum: 0 }),
        },
        { description: "The last switch back by hand." },
      ),
    ),
    conditions: Type.Optional(Conditions),
  },
  { description: "Conditions: Ready, TargetsFound." },
);
export type TrafficPolicyStatus = Static<typeof TrafficPolicyStatus>;
export type TrafficPolicy = KubeObject<TrafficPolicySpec, TrafficPolicyStatus>;

/** Any new value switches back to the best tier where `failover.failback` is Manual. */
export const FAILBACK_ANNOTATION = "isthmus.dev/failback";

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
    { name: "Mode", type: "string", jsonPath: ".spec.mode" },
    { name: "Spread", type: "string", jsonPath: ".spec.spread" },
    {
      name: "Shares",
      type: "string",
      jsonPath: ".status.summary",
      description: "Who gets how much of what is new",
    },
    conditionColumn("Ready"),
    { name: "Algorithm", type: "string", jsonPath: ".spec.algorithm", priority: 1 },
    { name: "Spill-at", type: "integer", jsonPath: ".spec.spillAt", priority: 1 },
    messageColumn("Ready"),
    AGE,
  ],
});
