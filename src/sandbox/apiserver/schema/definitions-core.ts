/** Builtin schemas in the notation of `language.ts`: the rest of the core group. */
export const CORE = `
package io.k8s.api.core.v1
ServicePort: A port that the service answers on.
  appProtocol string
  name string
  nodePort int
  port! int
  protocol string =TCP enum=TCP|UDP|SCTP
  targetPort intstr ; Port of the pods, by number or name.
ServiceSpec
  allocateLoadBalancerNodePorts bool
  clusterIP string
  clusterIPs []string
  externalIPs []string
  externalName string
  externalTrafficPolicy string
  healthCheckNodePort int
  internalTrafficPolicy string
  ipFamilies []string
  ipFamilyPolicy string
  loadBalancerClass string
  loadBalancerIP string
  loadBalancerSourceRanges []string
  ports []ServicePort @port,protocol
  publishNotReadyAddresses bool
  selector map<string> atomic ; Traffic goes to the ready pods with these labels.
  sessionAffinity string =None enum=None|ClientIP
  sessionAffinityConfig any
  trafficDistribution string
  type string =ClusterIP enum=ClusterIP|NodePort|LoadBalancer|ExternalName
PortStatus
  error string
  port! int
  protocol! string
LoadBalancerIngress
  hostname string
  ip string
  ipMode string
  ports []PortStatus
LoadBalancerStatus
  ingress []LoadBalancerIngress
ServiceStatus
  conditions []Condition @type
  loadBalancer LoadBalancerStatus ={}
Service: A stable address for a set of pods.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec ServiceSpec
  status ServiceStatus
NamespaceCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
NamespaceSpec
  finalizers []string
NamespaceStatus
  conditions []NamespaceCondition @type
  phase string
Namespace: A scope for names.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec NamespaceSpec
  status NamespaceStatus
Taint
  effect! string
  key! string
  timeAdded time
  value string
NodeSpec
  configSource any
  externalID string
  podCIDR string
  podCIDRs []string set
  providerID string
  taints []Taint
  unschedulable bool
NodeAddress
  address! string
  type! string
NodeCondition
  lastHeartbeatTime time
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
ContainerImage
  names []string
  sizeBytes int64
NodeStatus
  addresses []NodeAddress @type
  allocatable map<quantity>
  capacity map<quantity>
  conditions []NodeCondition @type
  config any
  daemonEndpoints any
  features any
  images []ContainerImage
  nodeInfo any
  phase string
  runtimeHandlers []any
  volumesAttached []any
  volumesInUse []string
Node: A machine that runs pods.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec NodeSpec
  status NodeStatus
EndpointAddress
  hostname string
  ip! string
  nodeName string
  targetRef ObjectReference
EndpointPort
  appProtocol string
  name string
  port! int
  protocol string =TCP
EndpointSubset
  addresses []EndpointAddress
  notReadyAddresses []EndpointAddress
  ports []EndpointPort
Endpoints: The addresses that implement a service.
  apiVersion string
  kind string
  metadata ObjectMeta
  subsets []EndpointSubset
ConfigMap: Configuration for pods.
  apiVersion string
  binaryData map<bytes>
  data map<string>
  immutable bool
  kind string
  metadata ObjectMeta
Secret: Confidential data; values of data are base64.
  apiVersion string
  data map<bytes>
  immutable bool
  kind string
  metadata ObjectMeta
  stringData map<string> ; Written as plain text, kept in data.
  type string =Opaque
ServiceAccount: An identity for processes in pods.
  apiVersion string
  automountServiceAccountToken bool
  imagePullSecrets []LocalObjectReference
  kind string
  metadata ObjectMeta
  secrets []ObjectReference @name
EventSource
  component string
  host string
EventSeries
  count int
  lastObservedTime microtime
Event: A report of something that happened in the cluster.
  action string
  apiVersion string
  count int
  eventTime microtime
  firstTimestamp time
  involvedObject! ObjectReference
  kind string
  lastTimestamp time
  message string
  metadata! ObjectMeta
  reason string
  related ObjectReference
  reportingComponent string
  reportingInstance string
  series EventSeries
  source EventSource
  type string
`;
