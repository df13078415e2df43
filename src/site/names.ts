/** Names that more than one file of this part, the CLI and the router's pods agree on. */

export const CONTROLLER = "isthmus-controller";
export const ROUTER = "isthmus-router";
/** Service through which joiners reach the controller; of the type that `Site.spec.linkAccess` says. */
export const JOIN_SERVICE = "isthmus-join";
/** Service through which clients from outside reach exported services by path. */
export const ENTRY_SERVICE = "isthmus-entry";
export const IDENTITY_SECRET = "isthmus-site";
export const ROOT_SECRET = "isthmus-root";
export const CONTROL_SECRET = "isthmus-control";
export const LEASE = "isthmus-controller";

export const JOIN_PORT = 7444;
export const CONTROL_PORT = 7445;
export const LINK_PORT = 7443;
/** Where a router answers by path; the Service isthmus-entry leads to it. */
export const ENTRY_PORT = 7446;
/** Admin endpoint of a router, on its pod's address: probes and Prometheus come from outside the pod. */
export const ADMIN_PORT = 9901;

/** Listener ports of imported services on a router: above the well-known ones, below Linux's ephemeral range. */
export const FIRST_LISTENER_PORT = 10_000;
export const LAST_LISTENER_PORT = 29_999;

export const NAME_LABEL = "app.kubernetes.io/name";
export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";
export const MANAGED_BY = "isthmus";
/** On an EndpointSlice: the Service that it is of. */
export const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
/** On the Service and the ServiceImport of an imported service; only what carries it is ever changed or deleted. */
export const IMPORT_LABEL = "isthmus.dev/import";
/** Exporters at the creation of a ServiceImport, until its status carries them. */
export const EXPORTERS_ANNOTATION = "isthmus.dev/exporters";

/** On the Service whose address is the clusterset IP, where the Service of that name is the user's: whose. */
export const CLUSTERSET_LABEL = "isthmus.dev/clusterset-of";
/** On a Service that leads to one cluster of an import, or to one pod there: the cluster's id. */
export const PIN_CLUSTER_LABEL = "isthmus.dev/clusterset-cluster";
/** On one that leads to a pod of a headless import: the pod's hostname. */
export const PIN_POD_LABEL = "isthmus.dev/clusterset-pod";
/** On the same: the endpoint's id in its site. */
export const PIN_ENDPOINT_ANNOTATION = "isthmus.dev/clusterset-endpoint";
/** On an EndpointSlice of an import with an address of its own: those by which clients of this cluster reach that cluster alone, while it can be reached. */
export const PIN_ADDRESSES_ANNOTATION = "isthmus.dev/cluster-addresses";
/** On a ServiceImport: keys of the labels and annotations that came with the export, as JSON. */
export const EXPORTED_KEYS_ANNOTATION = "isthmus.dev/exported-keys";
/** On an EndpointSlice of an import (KEP-1645): the import, and the cluster whose endpoints it stands for. */
export const MCS_SERVICE_LABEL = "multicluster.kubernetes.io/service-name";
export const MCS_CLUSTER_LABEL = "multicluster.kubernetes.io/source-cluster";
/** On any EndpointSlice: who writes it. */
export const SLICE_MANAGER_LABEL = "endpointslice.kubernetes.io/managed-by";
export const SLICE_MANAGER = "isthmus.dev";

/** On a Service of the user that points to the routers: its own selector and ports, as JSON. */
export const ORIGINAL_ANNOTATION = "isthmus.dev/original";
/** On the headless Service that stands for the pods of such a Service: whose. */
export const SHADOW_LABEL = "isthmus.dev/shadow-of";
/** On the same: router ports by port of the Service, as JSON. */
export const LISTENERS_ANNOTATION = "isthmus.dev/listeners";
/** A selector that no pod has: clients are refused. */
export const NOBODY: Readonly<Record<string, string>> = { "isthmus.dev/nobody": "true" };

/** On a ServiceExport: `/path`, or `8080=/path,9090=/other`. */
export const ENTRY_PATH_ANNOTATION = "isthmus.dev/entry-path";
/** On the same: "false" leaves the path as the client wrote it. */
export const ENTRY_STRIP_ANNOTATION = "isthmus.dev/entry-strip-prefix";

/** The token that a router replaces by its own pod's address. */
export const POD_IP_TOKEN = "${POD_IP}";

export function labelsOf(name: string): Record<string, string> {
  return { [NAME_LABEL]: name, [MANAGED_BY_LABEL]: MANAGED_BY };
}
