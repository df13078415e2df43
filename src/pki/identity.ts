import { IsthmusError } from "#core/errors.ts";

/** Who a site is: the only identity that a peer is ever known by. It stands in its certificate. */
export interface SiteIdentity {
  readonly network: string;
  readonly siteId: string;
}

const ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** `isthmus://<network>/site/<siteId>`. Throws INVALID when an id has other than letters, digits, . _ -, or over 64. */
export function siteUri({ network, siteId }: SiteIdentity): string {
  for (const [what, id] of [
    ["network", network],
    ["site", siteId],
  ] as const) {
    if (!ID.test(id)) {
      throw new IsthmusError(
        "INVALID",
        `Cannot use ${JSON.stringify(id)} as a ${what} id: expected 1 to 64 letters, digits, ".", "_" or "-"`,
      );
    }
  }
  return `isthmus://${network}/site/${siteId}`;
}

/** Reads what `siteUri` writes, and nothing else: no other case, escapes, port, query or fragment. */
export function parseSiteUri(text: string): SiteIdentity | undefined {
  const [, network, siteId] = /^isthmus:\/\/([^/]+)\/site\/([^/]+)$/.exec(text) ?? [];
  if (network === undefined || siteId === undefined || !ID.test(network) || !ID.test(siteId))
    return undefined;
  return { network, siteId };
}

/**
 * The identity in `subjectAltName` of node's X509Certificate: `DNS:link.isthmus.internal, URI:isthmus://n/site/s`.
 * Undefined unless there is exactly one URI and it is a site's. Values with odd characters stand there in quotes, as
 * JSON strings (CVE-2021-44532), so that none can pass for two.
 */
export function identityOfSubjectAltName(subjectAltName: string | undefined): SiteIdentity | undefined {
  if (subjectAltName === undefined) return undefined;
  const uris: string[] = [];
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (entry.lastIndex < subjectAltName.length) {
    const [, type, value] = entry.exec(subjectAltName) ?? [];
    if (type === undefined || value === undefined) return undefined;
    if (type === "URI") uris.push(value);
  }
  const [uri] = uris;
  // A quoted value is never a site's URI: that has no character that needs quoting.
  return uri === undefined || uris.length > 1 ? undefined : parseSiteUri(uri);
}
