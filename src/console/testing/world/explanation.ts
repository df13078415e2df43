import type { ServiceExplanation, ServiceView } from "#observe/views.ts";
import { indexOfName, siteId } from "./names.ts";

const POLICY = {
  spread: "Even",
  algorithm: "LeastLoad",
  failover: { minHealthyPercent: 70, rampMs: 10_000, failback: "Gradual" },
  retries: { attempts: 2, budgetPercent: 20 },
  timeouts: { connectMs: 2000, requestMs: 30_000, idleMs: 300_000, httpIdleMs: 60_000 },
  outlier: {
    enabled: true,
    consecutiveFailures: 5,
    serverErrors: false,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    maxEjectedPercent: 50,
  },
} as const;

/** Why traffic goes where the view says: all clusters in one tier, by their ready pods. */
export function explanationOf({ row, port, pods, clients }: ServiceView): ServiceExplanation {
  const mode = clients[0]?.mode ?? "Balanced";
  return {
    service: row.service,
    port,
    protocol: row.protocol,
    policy: { mode, ...POLICY },
    tiers: [
      {
        tier: 0,
        clusters: row.sites,
        healthyPercent: row.pods === 0 ? 0 : (row.podsReady / row.pods) * 100,
        sharePercent: 100,
        why: `${mode}: all clusters serve, in shares by their ready pods`,
      },
    ],
    clusters: row.shares.map(({ site, wantedPercent = 0 }) => ({
      cluster: site,
      siteId: siteId(indexOfName(site)),
      local: site === "c1",
      tier: 0,
      cost: site === "c1" ? 0 : 1,
      sharePercent: wantedPercent,
      readyEndpoints: pods.filter((pod) => pod.site === site && pod.ready).length,
      endpoints: pods.filter((pod) => pod.site === site).length,
    })),
    endpoints: pods.map((pod) => ({
      endpoint: pod.endpoint,
      name: pod.name,
      cluster: pod.site,
      tier: 0,
      state: pod.ready ? "in" : "out",
      ...(pod.ready ? {} : { why: "not ready in its cluster" }),
      sharePercent: pod.wantedPercent ?? 0,
      weight: 1,
      inFlight: Math.round(pod.load.active),
      picked: pod.total,
      latencyMs: pod.load.p50Ms ?? 1,
    })),
    unknownTargets: [],
    sample: {
      endpoint: pods[0]?.endpoint ?? "",
      steps: [
        `tier 0 has ${row.podsReady} of ${row.pods} endpoints ready: it takes all`,
        "two endpoints drawn: the one with less in flight and the lower latency is taken",
      ],
    },
  };
}
