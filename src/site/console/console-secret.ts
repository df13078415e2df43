import { createHash, randomBytes } from "node:crypto";
import type { Secret } from "#api/builtin.ts";
import type { Site } from "#api/kinds/site.ts";
import { RESOURCES } from "#api/resources.ts";
import { isOwnedBy, ownerReference } from "#controller/owner-reference.ts";
import type { Clock } from "#core/clock.ts";
import type { KubeClient } from "#kube/client.ts";
import { createServerCertificate } from "#pki/tls-server.ts";
import { secretText } from "../join/identity.ts";
import { labelsOf } from "../names.ts";
import { CONSOLE } from "./console-names.ts";

const CERTIFICATE_DAYS = 365;
const RENEW_MS = (CERTIFICATE_DAYS / 2) * 86_400_000;
const MIN_PASSWORD = 8;

/** Not secret: changes when the pod has to be started anew to know of it. */
export interface ConsoleMark {
  readonly mark: string;
}

/**
 * The Secret `isthmus-console`: password, certificate for these hosts, its key and its authority. What is there stays, also a password
 * that the user has written; a certificate is made anew for other hosts, and after half a year. Throws CONFLICT while a Secret of an
 * earlier Site is in the way.
 */
export async function ensureConsoleSecret(input: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly site: Site;
  readonly hosts: readonly string[];
  readonly clock: Clock;
}): Promise<ConsoleMark> {
  const { client, namespace, site, clock } = input;
  const hosts = [...new Set(input.hosts)].toSorted();
  const found = await client.find<Secret>(RESOURCES.secrets, { namespace, name: CONSOLE });
  const secret = found !== undefined && isOwnedBy(found, site) ? found : undefined;
  const known = secretText(secret);
  const password =
    (known["password"]?.length ?? 0) >= MIN_PASSWORD ? (known["password"] ?? "") : newPassword();
  const madeMs = Number(known["made"] ?? 0);
  const isGood =
    known["hosts"] === hosts.join(" ") &&
    clock.now() - madeMs < RENEW_MS &&
    [known["tls.crt"], known["tls.key"], known["ca.crt"]].every((text) => text !== undefined && text !== "");
  if (secret !== undefined && isGood && password === known["password"]) return { mark: markOf(known) };
  const made = isGood
    ? undefined
    : await createServerCertificate({ hosts, now: clock.now(), days: CERTIFICATE_DAYS });
  const data: Record<string, string> = {
    password,
    hosts: hosts.join(" "),
    made: String(made === undefined ? madeMs : clock.now()),
    "ca.crt": made?.ca ?? known["ca.crt"] ?? "",
    "tls.crt": made?.certificate ?? known["tls.crt"] ?? "",
    "tls.key": made?.key ?? known["tls.key"] ?? "",
  };
  const object: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: {
      ...secret?.metadata,
      name: CONSOLE,
      namespace,
      labels: labelsOf(CONSOLE),
      ownerReferences: [ownerReference(site)],
    },
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    ),
  };
  if (secret === undefined) await client.create(RESOURCES.secrets, object);
  else await client.update(RESOURCES.secrets, object);
  return { mark: markOf(data) };
}

function markOf(data: Readonly<Record<string, string | undefined>>): string {
  return createHash("sha256").update(`${data["password"]}\n${data["tls.crt"]}`).digest("hex").slice(0, 16);
}

/** 120 bits, of letters and digits alone. */
function newPassword(): string {
  return randomBytes(15).toString("base64url").replaceAll("-", "x").replaceAll("_", "y");
}
