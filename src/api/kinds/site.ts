import { type Static, Type } from "typebox";
import { AGE, conditionColumn, isthmusKind, messageColumn } from "../kind-def.ts";
import type { KubeObject } from "../object.ts";
import {
  Conditions,
  dnsName,
  formed,
  host,
  integer,
  mapList,
  oneOf,
  portNumber,
  withRules,
} from "../schema.ts";

const PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;

/** How peers and joiners reach a site; the types of a Service, and None for a site that only dials. */
export const LINK_ACCESS = ["None", "ClusterIP", "NodePort", "LoadBalancer"] as const;
export type LinkAccess = (typeof LINK_ACCESS)[number];

/** How the console knows who may look. */
export const CONSOLE_AUTHS = ["Password", "ProxyHeader"] as const;

const ConsoleProxy = Type.Object(
  {
    header: formed({
      description: "Header in which the proxy names the user; a request without it is refused.",
      minLength: 1,
      maxLength: 64,
      pattern: "^[A-Za-z][-A-Za-z0-9]*$",
      expected: "the name of a header",
    }),
    addresses: Type.Array(
      formed({
        description: "Address of the proxy, or a block of them.",
        minLength: 2,
        maxLength: 64,
        pattern: "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
        expected: "an IP address or a block like 10.1.2.0/24",
      }),
      {
        description: "Only what comes from these is believed; all else is refused.",
        minItems: 1,
        maxItems: 32,
        "x-kubernetes-list-type": "atomic",
      },
    ),
  },
  { description: "The reverse proxy that has asked the user who he is." },
);

const ConsoleSpec = withRules(
  Type.Object(
    {
      enabled: Type.Boolean({ description: "Whether the console runs.", default: true }),
      auth: oneOf(CONSOLE_AUTHS, {
        description:
          "Password: the generated one of the Secret isthmus-console. ProxyHeader: a reverse proxy says who it is.",
        default: "Password",
      }),
      proxy: Type.Optional(ConsoleProxy),
      expose: oneOf(["ClusterIP", "NodePort", "LoadBalancer"], {
        description: "Type of the Service isthmus-console. It speaks TLS only.",
        default: "ClusterIP",
      }),
      hosts: Type.Optional(
        Type.Array(host("Host name."), {
          description:
            "Names that people type to reach it, besides IP addresses and those of the Service; any other is refused.",
          maxItems: 32,
          "x-kubernetes-list-type": "set",
        }),
      ),
    },
    {
      description:
        "A console in this namespace, which shows the whole network as this site sees it. Absent: none.",
    },
  ),
  [
    {
      cel: "self.auth != 'ProxyHeader' || has(self.proxy)",
      message: "ProxyHeader needs proxy.header and proxy.addresses",
      test: (value) => value.auth !== "ProxyHeader" || value.proxy !== undefined,
    },
  ],
);
export type ConsoleSpec = Static<typeof ConsoleSpec>;

export const SiteSpec = Type.Object(
  {
    name: Type.Optional(
      dnsName("Name of this cluster as other sites see it. Default: the name of this object.", 127),
    ),
    linkAccess: oneOf(LINK_ACCESS, {
      description:
        "How other sites reach this one: by a Service of this type, or None (this site only dials).",
      default: "None",
    }),
    router: Type.Object(
      {
        replicas: integer({ description: "Routers of this site.", minimum: 1, maximum: 100, default: 1 }),
      },
      { description: "The data plane of this site.", default: { replicas: 1 } },
    ),
    discovery: Type.Optional(
      Type.Object(
        {
          strict: Type.Boolean({
            description:
              "By the letter of the Multi-Cluster Services API: a single cluster of a service has no name and no address of its own.",
            default: false,
          }),
          holdSeconds: integer({
            description:
              "A cluster that was away has to be back for so long before DNS shows it again, so that a link that flaps changes no answers.",
            minimum: 0,
            maximum: 300,
            default: 5,
          }),
          plainNames: Type.Boolean({
            description:
              "An imported service gets a Service of its own name where that is free. False: only NAME-clusterset is made, and the name stays free.",
            default: true,
          }),
        },
        { description: "How services of other clusters are found in this one." },
      ),
    ),
    entry: Type.Optional(
      Type.Object(
        { port: portNumber("Port of the Service isthmus-entry.") },
        {
          description:
            "Exported services whose ServiceExport has the annotation isthmus.dev/entry-path answer by path on this port, from outside too. Absent: none does.",
        },
      ),
    ),
    console: Type.Optional(ConsoleSpec),
  },
  {
    description: "How this namespace takes part in the network.",
    default: { linkAccess: "None", router: { replicas: 1 } },
  },
);
export type SiteSpec = Static<typeof SiteSpec>;

const SiteEndpoint = Type.Object({
  name: oneOf(["link", "join", "entry"], {
    description: "link: for routers. join: for redeeming tokens. entry: for clients from outside.",
  }),
  host: host("Host name or IP address."),
  port: portNumber("TCP port."),
});
export type SiteEndpoint = Static<typeof SiteEndpoint>;

const SeenService = Type.Object({
  service: Type.String({ description: "namespace/name.", maxLength: 512 }),
  ports: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.Optional(Type.String({ description: "Name of the port.", maxLength: 63 })),
        port: portNumber("Port of the service."),
        protocol: oneOf(PROTOCOLS, { description: "Transport." }),
      }),
      { description: "Ports of the service.", maxItems: 256, "x-kubernetes-list-type": "atomic" },
    ),
  ),
  endpoints: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String({ description: "Unique within the service and site.", maxLength: 253 }),
        name: Type.String({ description: "Pod, as people know it.", maxLength: 253 }),
        ready: Type.Boolean({ description: "Whether it gets new work." }),
      }),
      { description: "Endpoints in that site.", maxItems: 10_000, "x-kubernetes-list-type": "atomic" },
    ),
  ),
});

const SeenSite = Type.Object({
  id: Type.String({ description: "Id within the network; from its certificate.", maxLength: 64 }),
  name: Type.String({ description: "Cluster name.", maxLength: 253 }),
  namespace: Type.Optional(
    Type.String({ description: "Namespace of the site in its cluster.", maxLength: 63 }),
  ),
  version: Type.Optional(Type.String({ description: "Version of its routers.", maxLength: 64 })),
  reachable: Type.Optional(
    Type.Boolean({ description: "False: what is shown is the last that was heard of it." }),
  ),
  links: Type.Optional(
    Type.Array(
      Type.Object({
        site: Type.String({ description: "Id of the site at the other end.", maxLength: 64 }),
        cost: integer({ description: "Cost of the link.", minimum: 1, maximum: 1000 }),
        rttMs: Type.Optional(Type.Number({ description: "Round trip, ms.", minimum: 0 })),
        state: Type.Optional(oneOf(["up", "connecting", "down"], { description: "State of the link." })),
      }),
      { description: "Its links.", maxItems: 1000, "x-kubernetes-list-type": "atomic" },
    ),
  ),
  services: Type.Optional(
    Type.Array(SeenService, {
      description: "Services that it exports.",
      maxItems: 10_000,
      "x-kubernetes-list-type": "atomic",
    }),
  ),
});
export type SeenSite = Static<typeof SeenSite>;

export const SiteStatus = Type.Object(
  {
    id: Type.Optional(
      Type.String({ description: "Id of this site, given by who admitted it.", maxLength: 64 }),
    ),
    network: Type.Optional(
      Type.String({ description: "Id of the network; absent before joining one.", maxLength: 64 }),
    ),
    endpoints: Type.Optional(
      mapList(SiteEndpoint, {
        description: "Where other sites reach this one.",
        keys: ["name", "host", "port"],
        maxItems: 32,
      }),
    ),
    sitesInNetwork: Type.Optional(
      integer({ description: "Sites in the network, this one included.", minimum: 0 }),
    ),
    sites: Type.Optional(
      mapList(SeenSite, { description: "The network as this site sees it.", keys: ["id"], maxItems: 1000 }),
    ),
    links: Type.Optional(
      Type.Object(
        {
          incoming: Type.Optional(
            Type.Array(
              Type.Object({
                site: Type.String({ description: "Id of the site that dialled.", maxLength: 64 }),
                name: Type.String({ description: "Its cluster name.", maxLength: 253 }),
                cost: Type.Optional(integer({ description: "Cost of the link.", minimum: 1, maximum: 1000 })),
                rttMs: Type.Optional(Type.Number({ description: "Round trip, ms.", minimum: 0 })),
                lanes: Type.Optional(integer({ description: "TLS connections that are up.", minimum: 0 })),
              }),
              {
                description: "One for each site that dialled.",
                maxItems: 1000,
                "x-kubernetes-list-type": "atomic",
              },
            ),
          ),
        },
        { description: "Links that other sites dialled." },
      ),
    ),
    conditions: Type.Optional(Conditions),
  },
  { description: "Conditions: Configured, Running, Ready." },
);
export type SiteStatus = Static<typeof SiteStatus>;
export type Site = KubeObject<SiteSpec, SiteStatus>;

export const siteKind = isthmusKind<Site>({
  kind: "Site",
  plural: "sites",
  singular: "site",
  shortNames: ["isite"],
  description: "This namespace takes part in an application network. One per namespace: the oldest counts.",
  spec: SiteSpec,
  specRequired: false,
  status: SiteStatus,
  columns: [
    conditionColumn("Ready"),
    {
      name: "Sites",
      type: "integer",
      jsonPath: ".status.sitesInNetwork",
      description: "Sites in the network",
    },
    {
      name: "Access",
      type: "string",
      jsonPath: ".spec.linkAccess",
      description: "How other sites reach this one",
    },
    { name: "Id", type: "string", jsonPath: ".status.id", priority: 1 },
    { name: "Network", type: "string", jsonPath: ".status.network", priority: 1 },
    messageColumn("Ready"),
    AGE,
  ],
});
