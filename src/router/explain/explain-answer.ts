import type { ServiceExplanation } from "./explanation.ts";
import { pickContext } from "../http/affinity.ts";
import type { PickContext } from "../selection/balancer.ts";
import type { ServiceTable } from "../service-table.ts";

/** What /v1/explain needs of a router. */
export interface Explained {
  readonly services: ServiceTable;
  /** What a listener speaks for a service's port; undefined where none listens. */
  readonly protocolOf: (service: string, port: number) => string | undefined;
}

/**
 * `?service=ns/name&port=N`, and for the decision on one request `&sample=1[&client=IP][&header=name=value]...`. Undefined
 * when this router decides nothing for that service and port.
 */
export function explainAnswer(
  query: URLSearchParams,
  { services, protocolOf }: Explained,
): ServiceExplanation | undefined {
  const service = query.get("service") ?? "";
  const port = Number(query.get("port") ?? 0);
  const protocol = protocolOf(service, port);
  const sample = query.get("sample") === null ? undefined : sampleContext(query, { services, service, port });
  return services.explain(service, { port, ...(protocol === undefined ? {} : { protocol }), sample });
}

function sampleContext(
  query: URLSearchParams,
  {
    services,
    service,
    port,
  }: { readonly services: ServiceTable; readonly service: string; readonly port: number },
): PickContext {
  const balancer = services.balancerOf(service, port);
  if (balancer === undefined) return {};
  const headers = new Map<string, string>();
  for (const text of query.getAll("header")) {
    const equals = text.indexOf("=");
    if (equals > 0) headers.set(text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim());
  }
  const asked = { address: query.get("client") ?? "", header: (name: string) => headers.get(name) };
  return pickContext(balancer, asked) ?? {};
}
