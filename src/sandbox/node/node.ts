import type { Clock } from "#core/clock.ts";
import type { ClusterApi, NodeApi } from "../apiserver/cluster-api.ts";
import { ClusterPaths } from "../home.ts";
import type { ControllerContext } from "./controllers/context.ts";
import { startDeploymentController } from "./controllers/deployment.ts";
import { startEndpointsController } from "./controllers/endpoints.ts";
import { startJobController } from "./controllers/job.ts";
import { startNamespaceController } from "./controllers/namespaces.ts";
import { publishApiServer, registerNode } from "./controllers/node-object.ts";
import { startReplicaSetController } from "./controllers/replicaset.ts";
import { startStatefulSetController } from "./controllers/statefulset.ts";
import { ClusterDns } from "./dns/cluster-dns.ts";
import { EventRecorder } from "./events.ts";
import { Kubelet } from "./kubelet/kubelet.ts";
import { addressPlan } from "./services/addresses.ts";
import type { ServiceAdmission } from "./services/service-admission.ts";
import { ServiceProxy } from "./services/service-proxy.ts";
import { Stores } from "./stores.ts";
import type { Pod } from "./types.ts";

export interface NodeOptions {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly clusterDir: string;
  readonly clusterName: string;
  readonly index: number;
  readonly apiPort: number;
  /** Kubernetes version shown for the node. */
  readonly version: string;
  readonly ca: string;
  readonly program: readonly string[];
  readonly admission: ServiceAdmission;
  issueToken(pod: Pod): string;
}

export interface RunningNode extends NodeApi {
  /** Ends the pods' processes (graceMs, then SIGKILL), the forwarders and the controllers. */
  stop(options: { graceMs: number }): Promise<void>;
}

/**
 * The half of a cluster that makes things happen: controllers, kubelet, services. The order matters: endpoints and
 * forwarders hear of a pod's end before the kubelet does.
 */
export function startNode(options: NodeOptions): RunningNode {
  const { api, clock, clusterName, apiPort } = options;
  const plan = addressPlan(options.index);
  const stores = new Stores(api);
  const nodeName = `sandbox-${clusterName}`;
  const events = new EventRecorder({ api, clock, component: "isthmus-sandbox", host: nodeName });
  const context: ControllerContext = { stores, clock, events, nodeName };
  stores.services.onChange((type, service, old) => options.admission.track(type, service, old));
  registerNode(context, { plan, version: options.version });
  const controllers = [
    startNamespaceController(context, { ca: options.ca }),
    startEndpointsController(context),
    startReplicaSetController(context),
    startDeploymentController(context),
    startJobController(context),
    startStatefulSetController(context, { claimsDir: new ClusterPaths(options.clusterDir).claims }),
  ];
  publishApiServer(api, { plan, apiPort });
  const proxy = new ServiceProxy(context, { nodeIp: plan.node });
  const dns = new ClusterDns(context, { address: plan.dns });
  const kubelet = new Kubelet({ ...options, stores, events, plan, nodeName, dns });
  kubelet.start();
  return {
    logs: (namespace, pod, logOptions) => kubelet.logs(namespace, pod, logOptions),
    refusesExec: (namespace, pod, container) => kubelet.refusesExec(namespace, pod, container),
    exec: (namespace, pod, execOptions) => kubelet.exec(namespace, pod, execOptions),
    async stop({ graceMs }) {
      for (const controller of controllers) controller.stop();
      await kubelet.stop({ graceMs });
      dns.stop();
      proxy.stop();
      events.stop();
      stores.stop();
    },
  };
}
