import type {
  ClusterRole,
  ClusterRoleBinding,
  Deployment,
  PolicyRule,
  Service,
  ServiceAccount,
} from "#api/builtin.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../manifests.ts";
import { MANAGED_BY_LABEL, NAME_LABEL } from "../names.ts";

/** Name of all objects of the DNS server, in a cluster and in its namespace. */
export const DNS = "isthmus-dns";
/** Where a pod answers: above the ports that need a right. */
const DNS_PORT = 5353;
const METRICS_PORT = 9153;
/** Between a pod's end and the last node that hears of it. */
const DRAIN_SECONDS = 5;
const RBAC = "rbac.authorization.k8s.io";

export interface DnsInstallOptions {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  readonly zone: string;
  /** How long answers may be kept, s. */
  readonly ttl: number;
  readonly strict: boolean;
}

/**
 * What `isthmus dns install` applies, in order. One installation serves the imports of all namespaces, so its rights are of the
 * cluster: to list and watch what names are made of, and nothing else. It is no part of a site, and stays when one goes.
 */
export function dnsObjects(
  options: DnsInstallOptions,
): (ServiceAccount | ClusterRole | ClusterRoleBinding | Service | Deployment)[] {
  const { namespace } = options;
  const labels = { [NAME_LABEL]: DNS, [MANAGED_BY_LABEL]: DNS };
  const roleRef = { apiGroup: RBAC, kind: "ClusterRole", name: DNS } as const;
  const apiVersion = `${RBAC}/v1`;
  return [
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: DNS, namespace, labels },
    } satisfies ServiceAccount,
    {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name: DNS, labels },
      rules: dnsRules(),
    } satisfies ClusterRole,
    {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: { name: DNS, labels },
      roleRef,
      subjects: [{ kind: "ServiceAccount", name: DNS, namespace }],
    } satisfies ClusterRoleBinding,
    dnsService(namespace, labels),
    dnsDeployment(options, labels),
  ];
}

/** Imports, and their endpoints by cluster. */
export function dnsRules(): PolicyRule[] {
  const verbs = ["list", "watch"];
  return [
    { apiGroups: ["multicluster.x-k8s.io"], resources: ["serviceimports"], verbs },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
  ];
}

/** TCP too: what is too long for UDP is asked for again over it. */
function dnsService(namespace: string, labels: Record<string, string>): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: DNS, namespace, labels },
    spec: {
      type: "ClusterIP",
      selector: { [NAME_LABEL]: DNS },
      ports: [
        { name: "dns", protocol: "UDP", port: 53, targetPort: DNS_PORT },
        { name: "dns-tcp", protocol: "TCP", port: 53, targetPort: DNS_PORT },
      ],
    },
  };
}

/** Brackets are right for addresses of both families. */
function argsOf({ zone, ttl, strict }: DnsInstallOptions): string[] {
  const words = `dns run --all-namespaces --listen [$(POD_IP)]:${DNS_PORT} --metrics [$(POD_IP)]:${METRICS_PORT}`;
  const more = `--zone ${zone} --ttl ${ttl} --drain ${DRAIN_SECONDS}s${strict ? " --strict" : ""}`;
  return `${words} ${more}`.split(" ");
}

function dnsDeployment(options: DnsInstallOptions, labels: Record<string, string>): Deployment {
  const { namespace, image, replicas } = options;
  const selector = { matchLabels: { [NAME_LABEL]: DNS } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: DNS, namespace, labels },
    spec: {
      replicas,
      selector,
      // A new one answers before an old one ends.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: DNS,
          terminationGracePeriodSeconds: DRAIN_SECONDS + 10,
          securityContext: POD_SECURITY,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: selector,
            },
          ],
          containers: [
            {
              name: "dns",
              image,
              args: argsOf(options),
              env: [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
              ports: [
                { name: "dns", containerPort: DNS_PORT, protocol: "UDP" },
                { name: "dns-tcp", containerPort: DNS_PORT, protocol: "TCP" },
                { name: "metrics", containerPort: METRICS_PORT, protocol: "TCP" },
              ],
              // Ready when it has read what there is; it stays so while the API server is away.
              readinessProbe: { httpGet: { path: "/readyz", port: METRICS_PORT }, periodSeconds: 2 },
              livenessProbe: { httpGet: { path: "/healthz", port: METRICS_PORT }, periodSeconds: 10 },
              resources: { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "512Mi" } },
              securityContext: CONTAINER_SECURITY,
            },
          ],
        },
      },
    },
  };
}
