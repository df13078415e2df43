import type { Endpoint } from "../endpoint.ts";
import type { Balancer, Needs, PickContext } from "../selection/balancer.ts";
import { hash32 } from "../selection/hash.ts";

/** What is asked of a request to choose by it. */
export interface Asked {
  /** Address of the client. */
  readonly address: string;
  /** Value of a header, by its name in lower case; several cookie headers are joined with "; ". */
  header(name: string): string | undefined;
}

/** Names of endpoints in affinity cookies: they say nothing of addresses, names or sites. */
const opaqueIds = new WeakMap<Endpoint, string>();

function opaqueId(endpoint: Endpoint): string {
  let id = opaqueIds.get(endpoint);
  if (id === undefined) {
    id = hash32(endpoint.wireId).toString(16).padStart(8, "0");
    opaqueIds.set(endpoint, id);
  }
  return id;
}

/** What `balancer.pick` is told of a request; undefined where it needs nothing, or the request does not say it. */
export function pickContext(balancer: Balancer, asked: Asked): PickContext | undefined {
  const { needs } = balancer;
  switch (needs.kind) {
    case "none":
      return undefined;
    case "clientIp":
      return { hash: hash32(asked.address) };
    case "header":
      return hashOf(asked.header(needs.name));
    case "cookie": {
      const value = cookieOf(asked.header("cookie"), needs.name);
      if (!needs.set) return hashOf(value);
      const named = value === undefined ? undefined : endpointNamed(balancer, value);
      return named === undefined ? undefined : { sticky: named.wireId };
    }
    default:
      return needs satisfies never;
  }
}

/** The value of `Set-Cookie` for an answer of `endpoint`; undefined when the request named it already, or none is asked for. */
export function affinityCookie(
  needs: Needs,
  { endpoint, context }: { readonly endpoint: Endpoint; readonly context: PickContext | undefined },
): string | undefined {
  if (needs.kind !== "cookie" || !needs.set || context?.sticky === endpoint.wireId) return undefined;
  const age = needs.ttlSeconds > 0 ? `; Max-Age=${needs.ttlSeconds}` : "";
  return `${needs.name}=${opaqueId(endpoint)}; Path=/${age}; HttpOnly; SameSite=Lax`;
}

function hashOf(value: string | undefined): PickContext | undefined {
  return value === undefined ? undefined : { hash: hash32(value) };
}

function endpointNamed(balancer: Balancer, id: string): Endpoint | undefined {
  for (const { endpoint } of balancer.candidates) if (opaqueId(endpoint) === id) return endpoint;
  return undefined;
}

/** A cookie's value (RFC 6265 section 4.2.1), without the quotes it may stand in. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}
