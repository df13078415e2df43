import type { ClusterApi, KubeObject } from "../apiserver/cluster-api.ts";
import { Store } from "./store.ts";
import type {
  ConfigMap,
  ControllerRevision,
  Deployment,
  Endpoints,
  EndpointSlice,
  Job,
  Pod,
  ReplicaSet,
  Secret,
  Service,
  StatefulSet,
} from "./types.ts";

/** One cache per resource, shared by controllers, kubelet and services of a cluster. */
export class Stores {
  readonly namespaces: Store<KubeObject>;
  readonly nodes: Store<KubeObject>;
  readonly pods: Store<Pod>;
  readonly replicaSets: Store<ReplicaSet>;
  readonly deployments: Store<Deployment>;
  readonly statefulSets: Store<StatefulSet>;
  readonly revisions: Store<ControllerRevision>;
  readonly jobs: Store<Job>;
  readonly services: Store<Service>;
  readonly endpoints: Store<Endpoints>;
  readonly slices: Store<EndpointSlice>;
  readonly configMaps: Store<ConfigMap>;
  readonly secrets: Store<Secret>;
  readonly serviceAccounts: Store<KubeObject>;

  constructor(api: ClusterApi) {
    this.namespaces = new Store(api, "namespaces");
    this.nodes = new Store(api, "nodes");
    this.pods = new Store(api, "pods");
    this.replicaSets = new Store(api, "replicasets.apps");
    this.deployments = new Store(api, "deployments.apps");
    this.statefulSets = new Store(api, "statefulsets.apps");
    this.revisions = new Store(api, "controllerrevisions.apps");
    this.jobs = new Store(api, "jobs.batch");
    this.services = new Store(api, "services");
    this.endpoints = new Store(api, "endpoints");
    this.slices = new Store(api, "endpointslices.discovery.k8s.io");
    this.configMaps = new Store(api, "configmaps");
    this.secrets = new Store(api, "secrets");
    this.serviceAccounts = new Store(api, "serviceaccounts");
  }

  stop(): void {
    for (const store of Object.values(this)) if (store instanceof Store) store.stop();
  }
}
