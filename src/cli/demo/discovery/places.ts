/** Names of the story; those of the article that it follows. */
export const HOME = "cluster-a";
export const OTHER = "cluster-b";
export const CLUSTERS = [HOME, OTHER] as const;
export type DiscoveryCluster = (typeof CLUSTERS)[number];

export const NAMESPACE = "nginx-test";
export const APP = "nginx";
/** A StatefulSet and its headless Service. */
export const WEB = "web";
export const PORT = 8080;
/** Where the DNS server is installed. */
export const DNS_NAMESPACE = "isthmus-dns";

/** `web-0.cluster-b.web.nginx-test.svc.clusterset.local` */
export function nameOf(...labels: readonly string[]): string {
  return [...labels, NAMESPACE, "svc.clusterset.local"].join(".");
}
