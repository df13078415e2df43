/** Builtin schemas in the notation of `language.ts`: the groups beside core. */
export const GROUPS = `
package io.k8s.api.apps.v1
RollingUpdateDeployment
  maxSurge intstr
  maxUnavailable intstr
DeploymentStrategy
  rollingUpdate RollingUpdateDeployment
  type string =RollingUpdate enum=RollingUpdate|Recreate
DeploymentSpec
  minReadySeconds int
  paused bool
  progressDeadlineSeconds int =600
  replicas int =1 ; How many pods are wanted.
  revisionHistoryLimit int =10
  selector! LabelSelector ; Must match the labels of the template.
  strategy DeploymentStrategy ={} retain
  template! PodTemplateSpec
DeploymentCondition
  lastTransitionTime time
  lastUpdateTime time
  message string
  reason string
  status! string
  type! string
DeploymentStatus
  availableReplicas int
  collisionCount int
  conditions []DeploymentCondition @type
  observedGeneration int64
  readyReplicas int
  replicas int
  terminatingReplicas int
  unavailableReplicas int
  updatedReplicas int
Deployment: Keeps a number of equal pods and replaces them step by step.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec DeploymentSpec
  status DeploymentStatus
ReplicaSetSpec
  minReadySeconds int
  replicas int =1
  selector! LabelSelector
  template PodTemplateSpec
ReplicaSetCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
ReplicaSetStatus
  availableReplicas int
  conditions []ReplicaSetCondition @type
  fullyLabeledReplicas int
  observedGeneration int64
  readyReplicas int
  replicas int
  terminatingReplicas int
ReplicaSet: Keeps a number of equal pods.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec ReplicaSetSpec
  status ReplicaSetStatus
RollingUpdateStatefulSetStrategy
  maxUnavailable intstr
  partition int
StatefulSetUpdateStrategy
  rollingUpdate RollingUpdateStatefulSetStrategy
  type string =RollingUpdate enum=RollingUpdate|OnDelete
StatefulSetOrdinals
  start! int
StatefulSetPersistentVolumeClaimRetentionPolicy
  whenDeleted string
  whenScaled string
StatefulSetSpec
  minReadySeconds int
  ordinals StatefulSetOrdinals
  persistentVolumeClaimRetentionPolicy StatefulSetPersistentVolumeClaimRetentionPolicy
  podManagementPolicy string =OrderedReady enum=OrderedReady|Parallel
  replicas int =1 ; How many pods are wanted.
  revisionHistoryLimit int =10
  selector! LabelSelector ; Must match the labels of the template.
  serviceName string ; The headless Service that gives the pods their names.
  template! PodTemplateSpec
  updateStrategy StatefulSetUpdateStrategy ={}
  volumeClaimTemplates []any
StatefulSetCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
StatefulSetStatus
  availableReplicas int
  collisionCount int
  conditions []StatefulSetCondition @type
  currentReplicas int
  currentRevision string
  observedGeneration int64
  readyReplicas int
  replicas int
  updateRevision string
  updatedReplicas int
StatefulSet: Keeps pods that have names, and starts and ends them in order.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec StatefulSetSpec
  status StatefulSetStatus
ControllerRevision: What a template was once, to go back to.
  apiVersion string
  data any
  kind string
  metadata ObjectMeta
  revision! int64

package io.k8s.api.batch.v1
JobSpec
  activeDeadlineSeconds int64
  backoffLimit int =6 ; Failures after which the job has failed.
  backoffLimitPerIndex int
  completionMode string =NonIndexed enum=NonIndexed
  completions int ; How many pods have to succeed.
  managedBy string
  manualSelector bool
  maxFailedIndexes int
  parallelism int =1 ; How many pods run at once.
  podFailurePolicy any
  podReplacementPolicy string
  selector LabelSelector
  successPolicy any
  suspend bool =false
  template! PodTemplateSpec
  ttlSecondsAfterFinished int
JobCondition
  lastProbeTime time
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
JobStatus
  active int
  completedIndexes string
  completionTime time
  conditions []JobCondition @type
  failed int
  ready int
  startTime time
  succeeded int
  terminating int
  uncountedTerminatedPods any
Job: Runs pods until enough of them have succeeded.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec JobSpec
  status JobStatus

package io.k8s.api.discovery.v1
EndpointConditions
  ready bool
  serving bool
  terminating bool
Endpoint
  addresses! []string
  conditions EndpointConditions ={}
  deprecatedTopology map<string>
  hints any
  hostname string
  nodeName string
  targetRef ObjectReference
  zone string
EndpointSlicePort
  appProtocol string
  name string =""
  port int
  protocol string =TCP
EndpointSlice: A part of the addresses that implement a service.
  addressType! string enum=IPv4|IPv6|FQDN
  apiVersion string
  endpoints []Endpoint
  kind string
  metadata ObjectMeta
  ports []EndpointSlicePort

package io.k8s.api.coordination.v1
LeaseSpec
  acquireTime microtime
  holderIdentity string
  leaseDurationSeconds int
  leaseTransitions int
  preferredHolder string
  renewTime microtime
  strategy string
Lease: Who holds a role, and since when.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec LeaseSpec

package io.k8s.api.rbac.v1
PolicyRule
  apiGroups []string
  nonResourceURLs []string
  resourceNames []string
  resources []string
  verbs! []string
RoleRef
  apiGroup string =rbac.authorization.k8s.io
  kind! string
  name! string
Subject
  apiGroup string
  kind! string
  name! string
  namespace string
AggregationRule
  clusterRoleSelectors []LabelSelector
Role: What may be done in a namespace.
  apiVersion string
  kind string
  metadata ObjectMeta
  rules []PolicyRule
RoleBinding: Gives a role to subjects in a namespace.
  apiVersion string
  kind string
  metadata ObjectMeta
  roleRef! RoleRef
  subjects []Subject
ClusterRole: What may be done in the whole cluster.
  aggregationRule AggregationRule
  apiVersion string
  kind string
  metadata ObjectMeta
  rules []PolicyRule
ClusterRoleBinding: Gives a cluster role to subjects in the whole cluster.
  apiVersion string
  kind string
  metadata ObjectMeta
  roleRef! RoleRef
  subjects []Subject

package io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1
CustomResourceDefinitionNames
  categories []string
  kind! string
  listKind string
  plural! string
  shortNames []string
  singular string
CustomResourceColumnDefinition
  description string
  format string
  jsonPath! string
  name! string
  priority int
  type! string
CustomResourceSubresourceScale
  labelSelectorPath string
  specReplicasPath! string
  statusReplicasPath! string
CustomResourceSubresources
  scale CustomResourceSubresourceScale
  status any
CustomResourceValidation
  openAPIV3Schema any
SelectableField
  jsonPath! string
CustomResourceDefinitionVersion
  additionalPrinterColumns []CustomResourceColumnDefinition
  deprecated bool
  deprecationWarning string
  name! string
  schema CustomResourceValidation
  selectableFields []SelectableField
  served! bool
  storage! bool
  subresources CustomResourceSubresources
CustomResourceConversion
  strategy! string
  webhook any
CustomResourceDefinitionSpec
  conversion CustomResourceConversion ={"strategy":"None"}
  group! string
  names! CustomResourceDefinitionNames
  preserveUnknownFields bool
  scope! string enum=Namespaced|Cluster
  versions! []CustomResourceDefinitionVersion
CustomResourceDefinitionCondition
  lastTransitionTime time
  message string
  reason string
  status! string
  type! string
CustomResourceDefinitionStatus
  acceptedNames any
  conditions []CustomResourceDefinitionCondition @type
  storedVersions []string
CustomResourceDefinition: A kind of your own.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec! CustomResourceDefinitionSpec
  status CustomResourceDefinitionStatus

package io.k8s.api.autoscaling.v1
ScaleSpec
  replicas int
ScaleStatus
  replicas! int
  selector string
Scale: How many replicas are wanted.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec ScaleSpec
  status ScaleStatus

package io.k8s.api.authorization.v1
NonResourceAttributes
  path string
  verb string
ResourceAttributes
  fieldSelector any
  group string
  labelSelector any
  name string
  namespace string
  resource string
  subresource string
  verb string
  version string
SelfSubjectAccessReviewSpec
  nonResourceAttributes NonResourceAttributes
  resourceAttributes ResourceAttributes
SelfSubjectAccessReview: May I do this?
  apiVersion string
  kind string
  metadata ObjectMeta
  spec! SelfSubjectAccessReviewSpec
  status any
SelfSubjectRulesReviewSpec
  namespace string
SelfSubjectRulesReview: What may I do in a namespace?
  apiVersion string
  kind string
  metadata ObjectMeta
  spec! SelfSubjectRulesReviewSpec
  status any

package io.k8s.api.authentication.v1
SelfSubjectReview: Who am I?
  apiVersion string
  kind string
  metadata ObjectMeta
  status any
BoundObjectReference
  apiVersion string
  kind string
  name string
  uid string
TokenRequestSpec
  audiences []string
  boundObjectRef BoundObjectReference
  expirationSeconds int64 =3600
TokenRequest: A token of a service account.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec TokenRequestSpec
  status any
`;
