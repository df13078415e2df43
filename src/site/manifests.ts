import type { Container, Deployment, PodSpec, Service } from "#api/builtin.ts";
import type { LinkAccess, Site } from "#api/kinds/site.ts";
import type { KubeObject } from "#api/object.ts";
import { apiVersionOf, RESOURCES } from "#api/resources.ts";
import { CONSOLE } from "./console/console-names.ts";
import { consoleRbac } from "./console/console-rbac.ts";
import { ADMIN_PORT, CONTROL_PORT, CONTROLLER, JOIN_PORT, labelsOf, NAME_LABEL } from "./names.ts";
import { rbacObjects } from "./rbac.ts";

export interface InstallOptions {
  readonly namespace: string;
  /** Name of this cluster as other sites see it; the Site object has the same name. */
  readonly siteName: string;
  /** Image of controller and routers. */
  readonly image: string;
  readonly linkAccess: LinkAccess;
  /** Routers of this site [1]. */
  readonly replicas?: number;
  /** [info] */
  readonly logLevel?: string;
}

/**
 * What `isthmus init` applies besides the CRDs, in order: service accounts and rights, the controller, and the Site. All else
 * is made by the controller. A cluster role is never needed.
 */
export function installObjects(options: InstallOptions): KubeObject[] {
  const { namespace } = options;
  const labels = labelsOf(CONTROLLER);
  return [
    ...rbacObjects(namespace, labels),
    ...consoleRbac(namespace, labelsOf(CONSOLE)),
    controllerService(namespace, labels),
    controllerDeployment(options, labels),
    siteObject(options),
  ];
}

function controllerService(namespace: string, labels: Record<string, string>): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: CONTROLLER, namespace, labels },
    spec: {
      type: "ClusterIP",
      selector: { [NAME_LABEL]: CONTROLLER },
      ports: [{ name: "control", protocol: "TCP", port: CONTROL_PORT, targetPort: CONTROL_PORT }],
    },
  };
}

function controllerDeployment(options: InstallOptions, labels: Record<string, string>): Deployment {
  const { namespace, image, logLevel = "info" } = options;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: CONTROLLER, namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: { [NAME_LABEL]: CONTROLLER } },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: CONTROLLER,
          securityContext: POD_SECURITY,
          containers: [
            {
              name: "controller",
              image,
              args: ["controller", "run", "--log-level", logLevel],
              env: [
                { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
                { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
                { name: "HOST_IP", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } },
                // Routers run the same version: the controller makes their Deployment with this image.
                { name: "ISTHMUS_IMAGE", value: image },
              ],
              ports: [
                { name: "join", containerPort: JOIN_PORT, protocol: "TCP" },
                { name: "control", containerPort: CONTROL_PORT, protocol: "TCP" },
                { name: "metrics", containerPort: ADMIN_PORT, protocol: "TCP" },
              ],
              readinessProbe: { tcpSocket: { port: CONTROL_PORT }, periodSeconds: 5 },
              resources: { requests: { cpu: "20m", memory: "128Mi" }, limits: { memory: "512Mi" } },
              securityContext: CONTAINER_SECURITY,
            },
          ],
        },
      },
    },
  };
}

/** The Site as `isthmus init` writes it. */
export function siteObject(
  options: Pick<InstallOptions, "namespace" | "siteName" | "linkAccess" | "replicas">,
): Site {
  const { namespace, siteName, linkAccess, replicas = 1 } = options;
  return {
    apiVersion: apiVersionOf(RESOURCES.sites),
    kind: RESOURCES.sites.kind,
    metadata: { name: siteName, namespace },
    spec: { linkAccess, router: { replicas } },
  };
}

/** The "restricted" Pod Security Standard. */
export const POD_SECURITY: NonNullable<PodSpec["securityContext"]> = {
  runAsNonRoot: true,
  runAsUser: 65_532,
  fsGroup: 65_532,
  seccompProfile: { type: "RuntimeDefault" },
};
export const CONTAINER_SECURITY: NonNullable<Container["securityContext"]> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};
