import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { exportTerms, type ExportTerms } from "../export-terms.ts";

/** Larger advertisements are neither made nor taken, bytes. */
export const MAX_ADVERTISEMENT_BYTES = 8 * 1024 * 1024;

const strict = { additionalProperties: true } as const; // A later version may add fields.
const Id = Type.String({ pattern: "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$", maxLength: 120 });
const Text = Type.String({ maxLength: 253 });
const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

const EndpointSchema = Type.Object(
  {
    id: Id,
    name: Text,
    /** Of the pod, as a headless Service names it in DNS. Routers of before it ignore it. */
    hostname: Type.Optional(Text),
    ready: Type.Boolean(),
    /** Why it is not ready, for people. */
    reason: Type.Optional(Text),
    weight: Type.Integer({ minimum: 0, maximum: 1000 }),
    zone: Type.Optional(Text),
    /** Only when it does not serve every port of its service. */
    ports: Type.Optional(Type.Array(Port, { maxItems: 100 })),
  },
  strict,
);

const PortsSchema = Type.Array(
  Type.Object(
    { name: Type.Optional(Text), port: Port, protocol: Text, appProtocol: Type.Optional(Text) },
    strict,
  ),
  { maxItems: 100 },
);

const ServiceKey = Type.String({ minLength: 1, maxLength: 255 });
const Terms = Type.Optional(exportTerms({ additional: true }));

const LinksSchema = Type.Array(
  Type.Object(
    {
      site: Id,
      router: Id,
      cost: Type.Integer({ minimum: 1, maximum: 1000 }),
      rttMs: Type.Number({ minimum: 0 }),
    },
    strict,
  ),
  { maxItems: 1024 },
);

const head = {
  site: Id,
  /** Replica of the site's router: several routers of one site advertise each for itself. */
  router: Id,
  /** Start of the router, ms since 1970; larger than any that the network remembers of it. */
  epoch: Type.Integer({ minimum: 0 }),
  seq: Type.Integer({ minimum: 1 }),
};

const FullSchema = Type.Object(
  {
    ...head,
    kind: Type.Literal("full"),
    name: Text,
    namespace: Text,
    version: Text,
    /** Of the configuration; among a site's routers the highest is believed. */
    generation: Type.Integer({ minimum: 0 }),
    links: LinksSchema,
    services: Type.Array(
      Type.Object(
        {
          service: ServiceKey,
          ports: PortsSchema,
          terms: Terms,
          endpoints: Type.Array(EndpointSchema, { maxItems: 20_000 }),
        },
        strict,
      ),
      { maxItems: 20_000 },
    ),
  },
  strict,
);

const DeltaSchema = Type.Object(
  {
    ...head,
    kind: Type.Literal("delta"),
    generation: Type.Integer({ minimum: 0 }),
    /** All of them, when any changed. */
    links: Type.Optional(LinksSchema),
    services: Type.Array(
      Type.Object(
        {
          service: ServiceKey,
          ports: PortsSchema,
          /** All of them, or none. */
          terms: Terms,
          set: Type.Array(EndpointSchema, { maxItems: 20_000 }),
          removed: Type.Array(Id, { maxItems: 20_000 }),
        },
        strict,
      ),
      { maxItems: 20_000 },
    ),
    withdrawn: Type.Array(ServiceKey, { maxItems: 20_000 }),
  },
  strict,
);

export type AdvertisedEndpoint = Type.Static<typeof EndpointSchema>;
export type AdvertisedPort = Type.Static<typeof PortsSchema>[number];
export type AdvertisedLink = Type.Static<typeof LinksSchema>[number];
export type FullAdvertisement = Type.Static<typeof FullSchema>;
export type DeltaAdvertisement = Type.Static<typeof DeltaSchema>;
/** What one router says of itself and its site: all of it, or what changed since the sequence number before. */
export type Advertisement = FullAdvertisement | DeltaAdvertisement;

export interface AdvertisedService {
  readonly service: string;
  readonly ports: readonly AdvertisedPort[];
  readonly terms?: ExportTerms;
  readonly endpoints: readonly AdvertisedEndpoint[];
}

const full = Compile(FullSchema);
const delta = Compile(DeltaSchema);
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads a signed body; undefined when it is not an advertisement. Never throws. */
export function decodeAdvertisement(body: Uint8Array): Advertisement | undefined {
  if (body.length > MAX_ADVERTISEMENT_BYTES) return undefined;
  try {
    const value: unknown = JSON.parse(decoder.decode(body));
    if (full.Check(value)) return value;
    return delta.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** State of one router as its advertisements add up to. */
export interface RouterFacts {
  readonly site: string;
  readonly router: string;
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly generation: number;
  readonly links: readonly AdvertisedLink[];
  readonly services: ReadonlyMap<string, AdvertisedService>;
}

export function factsOf(ad: FullAdvertisement): RouterFacts {
  const { site, router, name, namespace, version, generation, links } = ad;
  const services = new Map(ad.services.map((service) => [service.service, service]));
  return { site, router, name, namespace, version, generation, links, services };
}

/** The facts after a change; what did not change is shared with `before`. */
export function applyDelta(before: RouterFacts, change: DeltaAdvertisement): RouterFacts {
  const services = new Map(before.services);
  for (const service of change.withdrawn) services.delete(service);
  for (const { service, ports, terms, set, removed } of change.services) {
    const endpoints = new Map(
      (services.get(service)?.endpoints ?? []).map((endpoint) => [endpoint.id, endpoint]),
    );
    for (const id of removed) endpoints.delete(id);
    for (const endpoint of set) endpoints.set(endpoint.id, endpoint);
    services.set(service, {
      service,
      ports,
      ...(terms === undefined ? {} : { terms }),
      endpoints: [...endpoints.values()],
    });
  }
  return { ...before, generation: change.generation, links: change.links ?? before.links, services };
}

/** What changed between two states, as the body of a delta; undefined when nothing did, or only a full one can say it. */
export function changesBetween(
  before: RouterFacts,
  after: RouterFacts,
): Pick<DeltaAdvertisement, "generation" | "links" | "services" | "withdrawn"> | "same" | undefined {
  if (before.name !== after.name || before.namespace !== after.namespace || before.version !== after.version)
    return undefined;
  const services: DeltaAdvertisement["services"] = [];
  for (const [key, service] of after.services) {
    const old = before.services.get(key);
    if (old === service) continue;
    const known = new Map((old?.endpoints ?? []).map((endpoint) => [endpoint.id, JSON.stringify(endpoint)]));
    const set = service.endpoints.filter((endpoint) => known.get(endpoint.id) !== JSON.stringify(endpoint));
    const now = new Set(service.endpoints.map(({ id }) => id));
    const removed = [...known.keys()].filter((id) => !now.has(id));
    const ports = [...service.ports];
    const { terms } = service;
    const samePorts = old !== undefined && JSON.stringify(old.ports) === JSON.stringify(ports);
    const sameTerms = JSON.stringify(old?.terms) === JSON.stringify(terms);
    if (set.length > 0 || removed.length > 0 || !samePorts || !sameTerms)
      services.push({ service: key, ports, ...(terms === undefined ? {} : { terms }), set, removed });
  }
  const withdrawn = [...before.services.keys()].filter((key) => !after.services.has(key));
  const sameLinks = JSON.stringify(before.links) === JSON.stringify(after.links);
  const { generation } = after;
  if (sameLinks && services.length === 0 && withdrawn.length === 0 && generation === before.generation)
    return "same";
  return { generation, ...(sameLinks ? {} : { links: [...after.links] }), services, withdrawn };
}
