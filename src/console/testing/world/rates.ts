import type { Load } from "#observe/views.ts";
import { hash } from "./hash.ts";
import type { Moment } from "./moment.ts";
import type { GeneratedPod, GeneratedService } from "./services.ts";

export const BYTES_PER_REQUEST = 2300;
/** Quantiles, as multiples of the median. */
export const P95 = 2.6;
export const P99 = 4.4;

export function isReady(pod: GeneratedPod, { down }: Moment): boolean {
  return !down.has(pod.name);
}

/** Of one pod of a service: two waves about its base, and its part of the load that was added. */
export function podRps(service: GeneratedService, pod: GeneratedPod, moment: Moment): number {
  if (pod.base === 0 || !isReady(pod, moment)) return 0;
  const { atMs, load } = moment;
  const wave = 1 + 0.35 * Math.sin(atMs / 47_000 + service.port) + 0.06 * Math.sin(atMs / 3_100 + pod.phase);
  const added = (load.get(service.key) ?? 0) / Math.max(1, service.pods.length);
  return Math.round((pod.base * wave + added) * 10) / 10;
}

/** Of all pods of a service, or of those at one site. */
export function serviceRps(
  service: GeneratedService,
  moment: Moment,
  at?: { readonly site: number },
): number {
  return service.pods
    .filter(({ site }) => at === undefined || site === at.site)
    .reduce((sum, pod) => sum + podRps(service, pod, moment), 0);
}

/** The median of a service, ms. */
export function latencyMs({ key, port }: GeneratedService, atMs: number): number {
  return (0.8 + hash(key) * 9) * (1 + 0.2 * Math.sin(atMs / 9_000 + port));
}

/** What so many requests per second to a service are like. */
export function loadOf(service: GeneratedService, rps: number, { atMs }: Moment): Load {
  if (rps === 0) return { rps: 0, bytesPerSecond: 0, active: 0 };
  const p50Ms = latencyMs(service, atMs);
  const errors = service.failing ? 1.4 * hash(`${service.key}/${Math.floor(atMs / 1000)}`) : 0;
  return {
    rps,
    successPercent: 100 - errors,
    p50Ms,
    p95Ms: p50Ms * P95,
    p99Ms: p50Ms * P99,
    bytesPerSecond: rps * BYTES_PER_REQUEST,
    active: Math.round((rps * p50Ms) / 1000),
  };
}
