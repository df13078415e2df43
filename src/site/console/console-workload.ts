import type { Deployment, Service } from "#api/builtin.ts";
import type { ConsoleSpec } from "#api/kinds/site.ts";
import type { OwnerReference } from "#api/object.ts";
import { CONTAINER_SECURITY, POD_SECURITY } from "../manifests.ts";
import { ADMIN_PORT, labelsOf, NAME_LABEL, ROUTER } from "../names.ts";
import { CONSOLE, CONSOLE_DATA_DIR, CONSOLE_PORT, CONSOLE_ROUTERS } from "./console-names.ts";

export interface ConsolePlace {
  readonly namespace: string;
  /** The Site: with it, all of this goes away. */
  readonly owner: OwnerReference;
}

/** The Service of the console, and the headless one by which it finds the routers. */
export function consoleServices({ namespace, owner }: ConsolePlace, spec: ConsoleSpec): Service[] {
  const metadata = { namespace, labels: labelsOf(CONSOLE), ownerReferences: [owner] };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, name: CONSOLE },
      spec: {
        type: spec.expose ?? "ClusterIP",
        selector: { [NAME_LABEL]: CONSOLE },
        ports: [{ name: "console", protocol: "TCP", port: CONSOLE_PORT, targetPort: CONSOLE_PORT }],
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { ...metadata, name: CONSOLE_ROUTERS },
      spec: {
        type: "ClusterIP",
        clusterIP: "None",
        selector: { [NAME_LABEL]: ROUTER },
        ports: [{ name: "admin", protocol: "TCP", port: ADMIN_PORT, targetPort: ADMIN_PORT }],
      },
    },
  ];
}

/** The console's pod: one, since it keeps history and logins; another one begins with what the routers still hold. */
export function consoleDeployment(
  { namespace, owner }: ConsolePlace,
  options: {
    readonly spec: ConsoleSpec;
    readonly image: string;
    /** Id of the network; absent before the site is in one. */
    readonly network: string | undefined;
    /** Of the Secret: the pod reads it at its start. */
    readonly mark: string;
  },
): Deployment {
  const { spec, image, network, mark } = options;
  const labels = labelsOf(CONSOLE);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: CONSOLE, namespace, labels, ownerReferences: [owner] },
    spec: {
      replicas: 1,
      selector: { matchLabels: { [NAME_LABEL]: CONSOLE } },
      template: {
        metadata: { labels, annotations: { "isthmus.dev/console": mark } },
        spec: {
          serviceAccountName: CONSOLE,
          securityContext: POD_SECURITY,
          containers: [
            {
              name: "console",
              image,
              args: ["console", "run", ...argumentsOf(spec, { namespace, network })],
              env: [
                { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
                { name: "ISTHMUS_CONSOLE_PASSWORD", valueFrom: fromSecret("password") },
                { name: "ISTHMUS_CONSOLE_CERTIFICATE", valueFrom: fromSecret("tls.crt") },
                { name: "ISTHMUS_CONSOLE_KEY", valueFrom: fromSecret("tls.key") },
              ],
              ports: [{ name: "console", containerPort: CONSOLE_PORT, protocol: "TCP" }],
              readinessProbe: {
                httpGet: { path: "/healthz", port: CONSOLE_PORT, scheme: "HTTPS" },
                periodSeconds: 5,
              },
              resources: { requests: { cpu: "20m", memory: "128Mi" }, limits: { memory: "512Mi" } },
              securityContext: CONTAINER_SECURITY,
              volumeMounts: [{ name: "data", mountPath: CONSOLE_DATA_DIR }],
            },
          ],
          volumes: [{ name: "data", emptyDir: {} }],
        },
      },
    },
  };
}

function fromSecret(key: string): { secretKeyRef: { name: string; key: string } } {
  return { secretKeyRef: { name: CONSOLE, key } };
}

/** Nothing secret. */
function argumentsOf(
  { auth, proxy, hosts = [] }: ConsoleSpec,
  { namespace, network }: { readonly namespace: string; readonly network: string | undefined },
): string[] {
  const names = [CONSOLE, `${CONSOLE}.${namespace}`, `${CONSOLE}.${namespace}.svc`, ...hosts];
  return [
    "--data",
    CONSOLE_DATA_DIR,
    ...(network === undefined ? [] : ["--network", network]),
    ...names.flatMap((name) => ["--host", name]),
    ...(auth === "ProxyHeader" && proxy !== undefined
      ? [
          "--proxy-header",
          proxy.header,
          ...proxy.addresses.flatMap((address) => ["--proxy-address", address]),
        ]
      : []),
  ];
}
