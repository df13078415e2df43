import type { Deployment, Service } from "#api/builtin.ts";
import type { LinkAccess } from "#api/kinds/site.ts";
import type { OwnerReference } from "#api/object.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../manifests.ts";
import {
  ADMIN_PORT,
  CONTROL_PORT,
  CONTROL_SECRET,
  CONTROLLER,
  ENTRY_PORT,
  ENTRY_SERVICE,
  JOIN_PORT,
  JOIN_SERVICE,
  labelsOf,
  LINK_PORT,
  NAME_LABEL,
  ROUTER,
} from "../names.ts";

export interface RouterWorkloadOptions {
  readonly namespace: string;
  /** The Site: with it, all of this goes away. */
  readonly owner: OwnerReference;
  readonly image: string;
  readonly replicas: number;
  /** Cluster IP of the Service `isthmus-controller`. */
  readonly controlHost: string;
  /** Changes when the control token or its authority does: routers read them at their start. */
  readonly controlMark: string;
}

/** Where a router keeps its last good configuration. */
const STATE_DIR = "/var/lib/isthmus";

/**
 * The routers. They get their configuration over the control channel, keep the last good one, and go on without the controller;
 * a pod that ends drains its connections first.
 */
export function routerDeployment(options: RouterWorkloadOptions): Deployment {
  const { namespace, owner, image, replicas, controlHost, controlMark } = options;
  const labels = labelsOf(ROUTER);
  const host = controlHost.includes(":") ? `[${controlHost}]` : controlHost;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: ROUTER, namespace, labels, ownerReferences: [owner] },
    spec: {
      replicas,
      selector: { matchLabels: { [NAME_LABEL]: ROUTER } },
      // A new router serves before an old one drains.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels, annotations: { "isthmus.dev/control": controlMark } },
        spec: {
          serviceAccountName: ROUTER,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 45,
          securityContext: POD_SECURITY,
          containers: [
            {
              name: "router",
              image,
              args: ["router", "run", "--control", `wss://${host}:${CONTROL_PORT}`, "--state-dir", STATE_DIR],
              env: [
                { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
                { name: "ISTHMUS_CONTROL_TOKEN", valueFrom: fromControl("token") },
                { name: "ISTHMUS_CONTROL_CA", valueFrom: fromControl("ca.crt") },
              ],
              ports: [
                { name: "link", containerPort: LINK_PORT, protocol: "TCP" },
                { name: "admin", containerPort: ADMIN_PORT, protocol: "TCP" },
                { name: "entry", containerPort: ENTRY_PORT, protocol: "TCP" },
              ],
              // Ready when it has a configuration and does not drain: only then it gets clients of imported services.
              readinessProbe: { httpGet: { path: "/readyz", port: ADMIN_PORT }, periodSeconds: 2 },
              resources: { requests: { cpu: "100m", memory: "128Mi" } },
              securityContext: CONTAINER_SECURITY,
              volumeMounts: [{ name: "state", mountPath: STATE_DIR }],
            },
          ],
          volumes: [{ name: "state", emptyDir: {} }],
        },
      },
    },
  };
}

function fromControl(key: string): { secretKeyRef: { name: string; key: string } } {
  return { secretKeyRef: { name: CONTROL_SECRET, key } };
}

/**
 * The Services by which others reach this site, of the type that linkAccess says: link and join for other sites (none for `None`), and
 * the entry, where the Site has one (with `None` for clients inside the cluster).
 */
export function accessServices(options: {
  readonly namespace: string;
  readonly owner: OwnerReference;
  readonly linkAccess: LinkAccess;
  /** Port of the entry. */
  readonly entryPort?: number | undefined;
}): Service[] {
  const { namespace, owner, linkAccess, entryPort } = options;
  const type = linkAccess === "None" ? "ClusterIP" : linkAccess;
  const service = (
    name: string,
    target: { pods: string; port: string; number: number; targetPort?: number },
  ): Service => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: labelsOf(target.pods), ownerReferences: [owner] },
    spec: {
      type,
      selector: { [NAME_LABEL]: target.pods },
      ports: [
        {
          name: target.port,
          protocol: "TCP",
          port: target.number,
          targetPort: target.targetPort ?? target.number,
        },
      ],
    },
  });
  const entry =
    entryPort === undefined
      ? []
      : [service(ENTRY_SERVICE, { pods: ROUTER, port: "entry", number: entryPort, targetPort: ENTRY_PORT })];
  if (linkAccess === "None") return entry;
  return [
    service(ROUTER, { pods: ROUTER, port: "link", number: LINK_PORT }),
    service(JOIN_SERVICE, { pods: CONTROLLER, port: "join", number: JOIN_PORT }),
    ...entry,
  ];
}
