import { createHash, randomBytes } from "node:crypto";
import type { Secret } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { isOwnedBy, ownerReference } from "#controller/owner-reference.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import { createServerCertificate } from "#pki/tls-server.ts";
import { type KeyPair, secretText } from "../join/identity.ts";
import { JOIN_SERVER_NAME } from "../join/join-protocol.ts";
import { CONTROL_SECRET, CONTROLLER, labelsOf } from "../names.ts";

/** What the controller's two servers are made of. */
export interface ControlMaterial {
  /** Bearer token of this site's routers. */
  readonly token: string;
  /** Address that routers dial, which the certificate names. */
  readonly host: string;
  readonly control: KeyPair & { readonly ca: string };
  readonly join: KeyPair & { readonly ca: string };
}

/** Pinned authorities cannot be exchanged behind the back of those who pinned them, so they live as long as a root. */
const SERVER_DAYS = 3650;

/** Reads the Secret `isthmus-control`; undefined when a part is missing. */
export function readControl(secret: Secret | undefined): ControlMaterial | undefined {
  const data = secretText(secret);
  const { token, host } = data;
  const control = server(data, "");
  const join = server(data, "join-");
  if (!token || !host || control === undefined || join === undefined) return undefined;
  return { token, host, control, join };
}

/** Changes when a router has to be started anew to be let in. Not secret. */
export function controlMark(material: ControlMaterial): string {
  return createHash("sha256").update(`${material.token}\n${material.control.ca}`).digest("hex").slice(0, 16);
}

/**
 * The Secret's content, made when it is not there, or made anew (but for the join server, which tokens have pinned) when the
 * Service got another cluster IP. Throws CONFLICT while a Secret of an earlier Site is in the way.
 */
export async function ensureControl(input: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly site: Site;
  /** Cluster IP of the Service isthmus-controller. */
  readonly host: string;
  readonly clock: Clock;
}): Promise<ControlMaterial> {
  const { client, namespace, site, host, clock } = input;
  const found = await client.find<Secret>(RESOURCES.secrets, { namespace, name: CONTROL_SECRET });
  const secret = found !== undefined && isOwnedBy(found, site) ? found : undefined;
  const present = readControl(secret);
  if (present?.host === host) return present;
  const now = clock.now();
  const hosts = [host, CONTROLLER, `${CONTROLLER}.${namespace}.svc`];
  const [control, join] = await Promise.all([
    createServerCertificate({ hosts, now, days: SERVER_DAYS }),
    present?.join ?? createServerCertificate({ hosts: [JOIN_SERVER_NAME], now, days: SERVER_DAYS }),
  ]);
  const material: ControlMaterial = {
    token: present?.token ?? randomBytes(32).toString("base64url"),
    host,
    control,
    join,
  };
  const data: Record<string, string> = {};
  for (const [key, value] of Object.entries(dataOf(material)))
    data[key] = Buffer.from(value).toString("base64");
  const object: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: {
      ...secret?.metadata,
      name: CONTROL_SECRET,
      namespace,
      labels: labelsOf(CONTROLLER),
      ownerReferences: [ownerReference(site)],
    },
    data,
  };
  if (secret === undefined) await client.create(RESOURCES.secrets, object);
  else await client.update(RESOURCES.secrets, object);
  return material;
}

function dataOf({ token, host, control, join }: ControlMaterial): Record<string, string> {
  return {
    token,
    host,
    "ca.crt": control.ca,
    "tls.crt": control.certificate,
    "tls.key": control.key,
    "join-ca.crt": join.ca,
    "join-tls.crt": join.certificate,
    "join-tls.key": join.key,
  };
}

function server(
  data: Record<string, string | undefined>,
  prefix: string,
): ControlMaterial["control"] | undefined {
  const ca = data[`${prefix}ca.crt`];
  const certificate = data[`${prefix}tls.crt`];
  const key = data[`${prefix}tls.key`];
  return ca && certificate && key ? { ca, certificate, key } : undefined;
}
