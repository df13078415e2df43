import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { EXPECTED } from "#api/schema.ts";
import { compileValidator } from "#api/validate.ts";
import { exportTerms } from "./export-terms.ts";
import { HealthSchema } from "./health/config.ts";
import { PolicyFields } from "./policy-config.ts";

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** Where, as one would type it: `services[0].endpoints[2].host`. Empty for the whole document. */
  readonly field: string;
  readonly message: string;
}

/** Every bound of a configuration; past them it is refused, never cut short. */
export const CONFIG_LIMITS = {
  services: 20_000,
  endpointsPerService: 20_000,
  listeners: 20_000,
  links: 256,
} as const;

const strict = { additionalProperties: false } as const;
/** `host:port`, `[v6]:port`; `${POD_IP}:port` means the address in the environment variable POD_IP. */
const Address = Type.String({
  pattern: "^(\\[[0-9A-Fa-f:.]+\\]|\\$\\{POD_IP\\}|[A-Za-z0-9._-]+):[0-9]{1,5}$",
  maxLength: 262,
  [EXPECTED]: 'an address like "127.0.0.1:8080"',
});
/** No slash: a site id is the first part of an endpoint's name on the wire. */
const Id = Type.String({
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$",
  maxLength: 120,
  [EXPECTED]: "at most 120 letters, digits, dots, colons and dashes",
});
const ServiceKey = Type.String({
  pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
  maxLength: 255,
  [EXPECTED]: 'a service as "namespace/name"',
});
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
const Name = Type.String({ maxLength: 253 });
const HostLabel = Type.String({
  pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
  [EXPECTED]: "at most 63 lower-case letters, digits and dashes",
});
const FilePath = Type.String({ minLength: 1 });
const PemText = Type.String({ pattern: "-----BEGIN ", writeOnly: true, [EXPECTED]: "PEM text" });

const KeyPairSchema = Type.Object(
  {
    certificate: Type.Optional(PemText),
    certificateFile: Type.Optional(FilePath),
    key: Type.Optional(PemText),
    keyFile: Type.Optional(FilePath),
  },
  strict,
);

/** Exactly one of both. */
const OnlySchema = Type.Object(
  {
    /** Endpoints of the site with this id, or else of the sites with this name. */
    site: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    /** One endpoint: "site/endpoint", the site by id or name. */
    endpoint: Type.Optional(
      Type.String({
        pattern: "^[^/]{1,253}/[^/]{1,120}$",
        [EXPECTED]: 'an endpoint as "site/endpoint"',
      }),
    ),
  },
  strict,
);

export const RouterConfigSchema = Type.Object(
  {
    site: Type.Object({ id: Id, name: Name, namespace: Type.Optional(Name) }, strict),
    router: Type.Optional(Type.Object({ id: Type.Optional(Id) }, strict)),
    identity: Type.Optional(
      Type.Object(
        {
          network: Id,
          client: KeyPairSchema,
          server: KeyPairSchema,
          trust: Type.Optional(PemText),
          trustFile: Type.Optional(FilePath),
        },
        strict,
      ),
    ),
    admin: Type.Optional(Type.Object({ listen: Address }, strict)),
    accept: Type.Optional(Type.Array(Type.Object({ listen: Address }, strict), { maxItems: 16 })),
    links: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Name,
            addresses: Type.Array(Address, { minItems: 1, maxItems: 16 }),
            cost: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            lanes: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 })),
            site: Type.Optional(Id),
          },
          strict,
        ),
        { maxItems: CONFIG_LIMITS.links },
      ),
    ),
    listeners: Type.Optional(
      Type.Array(
        Type.Object(
          {
            service: ServiceKey,
            port: Port,
            listen: Address,
            protocol: Type.Optional(
              Type.Union([
                Type.Literal("tcp"),
                Type.Literal("http"),
                Type.Literal("http2"),
                Type.Literal("grpc"),
                Type.Literal("auto"),
              ]),
            ),
            tls: Type.Optional(KeyPairSchema),
            only: Type.Optional(OnlySchema),
          },
          strict,
        ),
        { maxItems: CONFIG_LIMITS.listeners },
      ),
    ),
    entry: Type.Optional(
      Type.Object(
        {
          listen: Address,
          tls: Type.Optional(KeyPairSchema),
          routes: Type.Array(
            Type.Object(
              {
                path: Type.String({
                  pattern: '^/[!-"$->@-~]*$',
                  maxLength: 1024,
                  [EXPECTED]: 'a path that begins with "/", without query',
                }),
                pathType: Type.Optional(Type.Union([Type.Literal("Prefix"), Type.Literal("Exact")])),
                service: ServiceKey,
                port: Port,
                stripPrefix: Type.Optional(Type.Boolean()),
              },
              strict,
            ),
            { maxItems: CONFIG_LIMITS.listeners },
          ),
        },
        strict,
      ),
    ),
    services: Type.Optional(
      Type.Array(
        Type.Object(
          {
            service: ServiceKey,
            ports: Type.Array(
              Type.Object(
                {
                  name: Type.Optional(Name),
                  port: Port,
                  protocol: Type.Optional(Type.Literal("TCP")),
                  /** What is spoken on it, in Kubernetes' words; other sites are told. */
                  appProtocol: Type.Optional(Name),
                },
                strict,
              ),
              // None: a headless Service may do without.
              { maxItems: 100 },
            ),
            /** What else other sites are told of it. */
            terms: Type.Optional(exportTerms({ additional: false })),
            /** [true] False: its endpoints serve this site only; it is neither advertised nor open to other sites. */
            exported: Type.Optional(Type.Boolean()),
            /** Active probes of its endpoints, by this router; none without it. */
            health: Type.Optional(HealthSchema),
            endpoints: Type.Array(
              Type.Object(
                {
                  id: Id,
                  name: Name,
                  /** Of the pod, as a headless Service names it in DNS. Other sites are told. */
                  hostname: Type.Optional(HostLabel),
                  host: Type.String({
                    pattern: "^[0-9A-Fa-f.:]+$|^[A-Za-z0-9._-]+$",
                    maxLength: 253,
                    [EXPECTED]: "a host name or an IP address",
                  }),
                  ports: Type.Record(Type.String({ pattern: "^[0-9]{1,5}$" }), Port),
                  ready: Type.Boolean(),
                  /** Why it is not ready, for people: "terminating". Other sites are told. */
                  reason: Type.Optional(Name),
                  weight: Type.Optional(Type.Integer({ minimum: 0, maximum: 1000 })),
                  zone: Type.Optional(Name),
                },
                strict,
              ),
              { maxItems: CONFIG_LIMITS.endpointsPerService },
            ),
          },
          strict,
        ),
        { maxItems: CONFIG_LIMITS.services },
      ),
    ),
    policies: Type.Optional(
      Type.Array(
        Type.Object(
          {
            service: ServiceKey,
            ...PolicyFields,
          },
          strict,
        ),
        { maxItems: CONFIG_LIMITS.services },
      ),
    ),
    /** What is told of what happens here, and to whom. */
    observe: Type.Optional(
      Type.Object(
        {
          /** [network] `site`: only whoever reaches this router's admin endpoint; other sites of the network are refused. */
          access: Type.Optional(Type.Union([Type.Literal("network"), Type.Literal("site")])),
          /** [true] False records no flows; they are counted all the same. */
          flows: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
    drain: Type.Optional(
      Type.Object({ timeoutMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }) }, strict),
    ),
  },
  strict,
);

/** What a router is told: its site, who it is, where it listens, what it exports. Plain data, from a file or a controller. */
export type RouterConfig = Type.Static<typeof RouterConfigSchema>;
export type ServiceConfig = NonNullable<RouterConfig["services"]>[number];
export type EndpointConfig = ServiceConfig["endpoints"][number];
export type ListenerConfig = NonNullable<RouterConfig["listeners"]>[number];
/** What a listener is narrowed to: new work goes to those endpoints, or nowhere. */
export type Only = NonNullable<ListenerConfig["only"]>;
/** What is spoken on a listener: `auto` finds out by the first bytes. */
export type ListenerProtocol = NonNullable<ListenerConfig["protocol"]>;
export type EntryConfig = NonNullable<RouterConfig["entry"]>;
export type KeyPairConfig = Type.Static<typeof KeyPairSchema>;
export type LinkConfig = NonNullable<RouterConfig["links"]>[number];
export type PolicyConfig = NonNullable<RouterConfig["policies"]>[number];
export type IdentityConfig = NonNullable<RouterConfig["identity"]>;

/** Judges fast, since each change brings a whole configuration; the validator finds the words when it says no. */
const compiled = Compile(RouterConfigSchema);
const validator = compileValidator(RouterConfigSchema);
/** A long list of problems helps nobody. */
const MOST_PROBLEMS = 20;

export type ConfigResult =
  | { readonly ok: true; readonly config: RouterConfig }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks a configuration as a whole. Unknown fields are refused. Every problem names its field the way one would type
 * it (`links[0].cost`); at most 20 are given. Never throws.
 */
export function parseConfig(value: unknown): ConfigResult {
  if (!compiled.Check(value)) {
    const found = validator.problems(value).map(({ path, message }) => ({ field: path, message }));
    return { ok: false, problems: found.slice(0, MOST_PROBLEMS) };
  }
  const problems = [...contradictions(value)].slice(0, MOST_PROBLEMS);
  return problems.length === 0 ? { ok: true, config: value } : { ok: false, problems };
}

/** What a schema cannot say: doubles, dangling names, missing halves. */
function* contradictions(config: RouterConfig): Generator<Problem> {
  yield* doubles("links", config.links, (link) => link.name);
  yield* doubles("listeners", config.listeners, (listener) =>
    portOf(listener.listen) === 0 ? undefined : listener.listen,
  );
  yield* doubles("services", config.services, (service) => service.service);
  yield* doubles("policies", config.policies, (policy) => policy.service);
  yield* policyProblems(config.policies ?? []);
  yield* addresses(config);
  for (const [index, service] of (config.services ?? []).entries()) {
    const at = `services[${index}]`;
    yield* doubles(`${at}.endpoints`, service.endpoints, (endpoint) => endpoint.id);
    yield* doubles(`${at}.ports`, service.ports, (port) => String(port.port));
    const known = new Set(service.ports.map((port) => String(port.port)));
    const { health } = service;
    if (health?.port !== undefined && !known.has(String(health.port)))
      yield { field: `${at}.health.port`, message: `Is not among the ports of service "${service.service}"` };
    if (health?.type === "HTTP" && health.path !== undefined && !health.path.startsWith("/"))
      yield { field: `${at}.health.path`, message: 'Expected a path that begins with "/"' };
    for (const [position, endpoint] of service.endpoints.entries()) {
      for (const port of Object.keys(endpoint.ports)) {
        if (known.has(port)) continue;
        const field = `${at}.endpoints[${position}].ports["${port}"]`;
        yield { field, message: `Port ${port} is not among the ports of service "${service.service}"` };
      }
    }
  }
  for (const [index, { tls, only }] of (config.listeners ?? []).entries()) {
    if (tls !== undefined) yield* keyPair(`listeners[${index}].tls`, tls);
    if (only !== undefined && (only.site === undefined) === (only.endpoint === undefined))
      yield {
        field: `listeners[${index}].only`,
        message: 'Expected exactly one of "site" and "endpoint"',
      };
  }
  yield* doubles("entry.routes", config.entry?.routes, (route) => route.path);
  if (config.entry?.tls !== undefined) yield* keyPair("entry.tls", config.entry.tls);
  const { identity } = config;
  if (identity === undefined) {
    for (const field of ["links", "accept"] as const) {
      if ((config[field] ?? []).length > 0)
        yield { field, message: `Needs "identity": links are always mutual TLS` };
    }
    return;
  }
  for (const side of ["client", "server"] as const) yield* keyPair(`identity.${side}`, identity[side]);
  yield* exactlyOne("identity", ["trust", identity.trust, identity.trustFile]);
}

function* addresses(config: RouterConfig): Generator<Problem> {
  const all: [string, string][] = [
    ...(config.listeners ?? []).map(({ listen }, index): [string, string] => [
      `listeners[${index}].listen`,
      listen,
    ]),
    ...(config.accept ?? []).map(({ listen }, index): [string, string] => [
      `accept[${index}].listen`,
      listen,
    ]),
    ...(config.links ?? []).flatMap(({ addresses: list }, index) =>
      list.map((address, position): [string, string] => [`links[${index}].addresses[${position}]`, address]),
    ),
  ];
  if (config.entry !== undefined) all.push(["entry.listen", config.entry.listen]);
  if (config.admin !== undefined) all.push(["admin.listen", config.admin.listen]);
  for (const [field, address] of all) {
    if (portOf(address) > 65_535) yield { field, message: `Port of "${address}" is past 65535` };
  }
}

function* keyPair(at: string, pair: KeyPairConfig): Generator<Problem> {
  for (const part of ["certificate", "key"] as const) {
    yield* exactlyOne(at, [part, pair[part], pair[`${part}File`]]);
  }
}

function* exactlyOne(
  at: string,
  [name, text, file]: [string, string | undefined, string | undefined],
): Generator<Problem> {
  if ((text === undefined) === (file === undefined)) {
    yield { field: `${at}.${name}`, message: `Expected exactly one of "${name}" and "${name}File"` };
  }
}

function* doubles<T>(
  at: string,
  list: readonly T[] | undefined,
  keyOf: (item: T) => string | undefined,
): Generator<Problem> {
  const seen = new Map<string, number>();
  for (const [index, item] of (list ?? []).entries()) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first !== undefined)
      yield { field: `${at}[${index}]`, message: `"${key}" is already used by ${at}[${first}]` };
    else seen.set(key, index);
  }
}

/** Splits `host:port` and puts in POD_IP for the exact token `${POD_IP}`; `undefined` when the variable is not set. */
export function resolveAddress(
  address: string,
  env: Readonly<Record<string, string | undefined>>,
): { hostname: string; port: number } | undefined {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon);
  const hostname = host === "${POD_IP}" ? env["POD_IP"] : host.replace(/^\[|\]$/g, "");
  return hostname === undefined || hostname === "" ? undefined : { hostname, port: portOf(address) };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

function* policyProblems(policies: readonly PolicyConfig[]): Generator<Problem> {
  for (const [index, { hash, algorithm, targets, outlier }] of policies.entries()) {
    const at = `policies[${index}]`;
    yield* doubles(`${at}.targets`, targets, (target) => target.cluster);
    if (hash !== undefined && hash.source !== "ClientIP" && hash.name === undefined)
      yield { field: `${at}.hash.name`, message: `Needed with source ${hash.source}` };
    if (hash !== undefined && hash.source !== "Cookie" && hash.ttlSeconds !== undefined)
      yield { field: `${at}.hash.ttlSeconds`, message: "Works only with source Cookie" };
    if (hash !== undefined && algorithm !== undefined && algorithm !== "Hash")
      yield { field: `${at}.hash`, message: `Works only with algorithm Hash, not ${algorithm}` };
    const { baseEjectionMs, maxEjectionMs } = outlier ?? {};
    if (baseEjectionMs !== undefined && maxEjectionMs !== undefined && baseEjectionMs > maxEjectionMs)
      yield { field: `${at}.outlier.maxEjectionMs`, message: "Is less than baseEjectionMs" };
  }
}
