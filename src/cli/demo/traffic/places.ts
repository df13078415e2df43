/** Names of the story; those of the article that it follows. */
export const HUB = "control-plane";
/** Where the clients are. */
export const HOME = "cluster-2";
export const EXPORTERS = ["cluster-1", "cluster-3"] as const;
export const MEMBERS = ["cluster-1", "cluster-2", "cluster-3"] as const;
export type Member = (typeof MEMBERS)[number];
export const CLUSTERS = [HUB, ...MEMBERS] as const;
export type TrafficCluster = (typeof CLUSTERS)[number];

export const NAMESPACE = "httpbin";
export const APP = "httpbin";
export const PORT = 8080;
/** Where exported services answer by path. */
export const ENTRY_PORT = 8080;
