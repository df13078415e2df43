import type { FlowView } from "#observe/views.ts";
import { hash } from "./hash.ts";
import type { Moment } from "./moment.ts";
import { nameOf, siteId, siteName } from "./names.ts";
import { latencyMs } from "./rates.ts";
import type { GeneratedService } from "./services.ts";

const METHODS = ["GET", "GET", "GET", "POST", "PUT"];

/** Between the ends of two flows. */
const EVERY_MS = 12;

interface Flows {
  /** Id of the first. */
  readonly fromId: number;
  readonly count: number;
  readonly moment: Moment;
}

/** Flows that ended one after the other up to the moment, oldest first. Throws when no service has a pod. */
export function generatedFlows(
  services: readonly GeneratedService[],
  { fromId, count, moment }: Flows,
): FlowView[] {
  const busy = services.filter(({ pods }) => pods.length > 0);
  return Array.from({ length: count }, (_, index) =>
    flowOf(fromId + index, { busy, moment, endedMs: moment.atMs - (count - index) * EVERY_MS }),
  );
}

interface Ended {
  readonly busy: readonly GeneratedService[];
  readonly moment: Moment;
  readonly endedMs: number;
}

/** Its service, pod, client, size and outcome follow from its id. */
function flowOf(id: number, { busy, moment, endedMs }: Ended): FlowView {
  const draw = (what: string): number => hash(`${id}/${what}`);
  const service = busy[Math.floor(draw("service") ** 2 * busy.length)] ?? busy[0];
  const pod = service?.pods[Math.floor(draw("pod") * service.pods.length)];
  if (service === undefined || pod === undefined) throw new Error("A world without services has no flows");
  const { client } = service;
  const durationMs = latencyMs(service, moment.atMs) * (0.4 + draw("ms") * 3);
  const failed = draw("failed") < 0.03;
  return {
    id,
    seq: id,
    protocol: service.protocol,
    startedMs: endedMs - durationMs,
    durationMs,
    service: service.key,
    port: service.port,
    client: `10.244.0.${1 + Math.floor(draw("client") * 12)}`,
    destinationSiteId: siteId(pod.site),
    destinationSite: siteName(pod.site),
    path: pod.site === client ? [siteId(client)] : [siteId(client), siteId(pod.site)],
    endpoint: `${siteId(pod.site)}/${pod.name}`,
    endpointName: pod.name,
    bytesToEndpoint: 120 + Math.floor(draw("up") * 900),
    bytesToClient: 300 + Math.floor(draw("down") * 24_000),
    attempts: failed ? 3 : 1,
    outcome: failed ? "error" : "ok",
    ...(failed ? { reason: "connect refused" } : {}),
    why: `${service.mode}, LeastLoad, tier 0`,
    ...(service.protocol === "tcp" ? {} : { http: httpOf(service, { id, failed, draw }) }),
    sourceSiteId: siteId(client),
    sourceSite: siteName(client),
    router: `r-${siteName(client)}-1`,
  };
}

interface Drawn {
  readonly id: number;
  readonly failed: boolean;
  readonly draw: (what: string) => number;
}

function httpOf(
  { key, protocol }: GeneratedService,
  { id, failed, draw }: Drawn,
): NonNullable<FlowView["http"]> {
  const host = `${nameOf(key)}.interconnect`;
  if (protocol === "grpc")
    return { method: "POST", host, path: "/shop.Checkout/Pay", status: 200, grpcStatus: failed ? 14 : 0 };
  return {
    method: METHODS[Math.floor(draw("method") * METHODS.length)] ?? "GET",
    host,
    path: `/${nameOf(key)}/${id % 97}`,
    status: failed ? 503 : draw("status") < 0.06 ? 404 : 200,
  };
}
