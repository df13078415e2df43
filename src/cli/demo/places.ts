/** Names that the demo uses; those of the article that it follows. */
export const CLIENT_CLUSTER = "c1";
export const APP_CLUSTERS = ["c2", "c3"] as const;
export type AppCluster = (typeof APP_CLUSTERS)[number];
export const CLUSTERS = [CLIENT_CLUSTER, ...APP_CLUSTERS] as const;
export type DemoCluster = (typeof CLUSTERS)[number];

export const NAMESPACE = "interconnect";
export const APP = "sample-app";
export const PORT = 8080;

/** What the demo asks for in each scenario. */
export const REQUESTS = 1000;
export const CLIENTS = 5;

export function contextOf(cluster: string): string {
  return `sandbox-${cluster}`;
}
