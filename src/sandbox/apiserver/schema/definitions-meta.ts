/** Builtin schemas in the notation of `language.ts`: shared metadata and pods. Field rules as in Kubernetes 1.32. */
export const META_AND_PODS = `
package io.k8s.apimachinery.pkg.apis.meta.v1
ManagedFieldsEntry: Which fields a manager owns.
  apiVersion string
  fieldsType string
  fieldsV1 any
  manager string
  operation string
  subresource string
  time time
OwnerReference: An owner whose deletion deletes this object.
  apiVersion! string
  blockOwnerDeletion bool
  controller bool
  kind! string
  name! string
  uid! string
ObjectMeta: Metadata that all persisted resources have.
  annotations map<string> ; Unstructured notes that tools keep with the object.
  creationTimestamp time ; When the server made this object.
  deletionGracePeriodSeconds int64
  deletionTimestamp time ; When deletion was asked for; the object goes when its finalizers are gone.
  finalizers []string set ; Must be empty before the object is deleted.
  generateName string ; Prefix of a name that the server makes unique.
  generation int64 ; Counts changes of the desired state.
  labels map<string> ; Keys and values to select objects by.
  managedFields []ManagedFieldsEntry
  name string ; Unique within a namespace.
  namespace string ; The space within which the name is unique.
  ownerReferences []OwnerReference @uid
  resourceVersion string ; Opaque version of this object.
  selfLink string
  uid string ; Unique in time and space.
LabelSelectorRequirement
  key! string
  operator! string enum=In|NotIn|Exists|DoesNotExist
  values []string
LabelSelector: Selects objects by their labels; all requirements must hold.
  matchExpressions []LabelSelectorRequirement
  matchLabels map<string>
Condition: One aspect of the present state.
  lastTransitionTime! time
  message! string
  observedGeneration int64
  reason! string
  status! string
  type! string

package io.k8s.api.core.v1
LocalObjectReference
  name string
ObjectReference
  apiVersion string
  fieldPath string
  kind string
  name string
  namespace string
  resourceVersion string
  uid string
ObjectFieldSelector
  apiVersion string =v1
  fieldPath! string
ResourceFieldSelector
  containerName string
  divisor quantity
  resource! string
KeySelector
  key! string
  name string
  optional bool
EnvVarSource: Where the value comes from.
  configMapKeyRef KeySelector
  fieldRef ObjectFieldSelector
  resourceFieldRef ResourceFieldSelector
  secretKeyRef KeySelector
EnvVar: A variable of the process environment.
  name! string
  value string ; $(NAME) refers to variables before it.
  valueFrom EnvVarSource
EnvFromRef
  name string
  optional bool
EnvFromSource
  configMapRef EnvFromRef
  prefix string
  secretRef EnvFromRef
ContainerPort: A port that the container listens on.
  containerPort! int
  hostIP string
  hostPort int
  name string
  protocol string =TCP enum=TCP|UDP|SCTP
ResourceClaim
  name! string
  request string
ResourceRequirements
  claims []ResourceClaim @name
  limits map<quantity>
  requests map<quantity>
VolumeMount: Where a volume appears in the container.
  mountPath! string
  mountPropagation string
  name! string
  readOnly bool
  recursiveReadOnly string
  subPath string
  subPathExpr string
VolumeDevice
  devicePath! string
  name! string
HTTPHeader
  name! string
  value! string
ExecAction
  command []string
HTTPGetAction
  host string
  httpHeaders []HTTPHeader
  path string =/
  port! intstr
  scheme string =HTTP
TCPSocketAction
  host string
  port! intstr
GRPCAction
  port! int
  service string
Probe: A check of the container by the kubelet.
  exec ExecAction
  failureThreshold int =3
  grpc GRPCAction
  httpGet HTTPGetAction
  initialDelaySeconds int
  periodSeconds int =10
  successThreshold int =1
  tcpSocket TCPSocketAction
  terminationGracePeriodSeconds int64
  timeoutSeconds int =1
SleepAction
  seconds! int64
LifecycleHandler
  exec ExecAction
  httpGet HTTPGetAction
  sleep SleepAction
  tcpSocket TCPSocketAction
Lifecycle
  postStart LifecycleHandler
  preStop LifecycleHandler
  stopSignal string
Container: One process of the pod.
  args []string ; Arguments of the command.
  command []string ; Instead of the entrypoint of the image.
  env []EnvVar @name
  envFrom []EnvFromSource
  image string
  imagePullPolicy string enum=Always|Never|IfNotPresent
  lifecycle Lifecycle
  livenessProbe Probe
  name! string
  ports []ContainerPort @containerPort,protocol
  readinessProbe Probe
  resizePolicy []any
  resources ResourceRequirements ={}
  restartPolicy string
  securityContext any
  startupProbe Probe
  stdin bool
  stdinOnce bool
  terminationMessagePath string =/dev/termination-log
  terminationMessagePolicy string =File
  tty bool
  volumeDevices []VolumeDevice @devicePath
  volumeMounts []VolumeMount @mountPath
  workingDir string
EphemeralContainer
  args []string
  command []string
  env []EnvVar @name
  envFrom []EnvFromSource
  image string
  imagePullPolicy string
  name! string
  targetContainerName string
KeyToPath
  key! string
  mode int
  path! string
ConfigMapVolumeSource
  defaultMode int =420
  items []KeyToPath
  name string
  optional bool
SecretVolumeSource
  defaultMode int =420
  items []KeyToPath
  optional bool
  secretName string
EmptyDirVolumeSource
  medium string
  sizeLimit quantity
HostPathVolumeSource
  path! string
  type string
ServiceAccountTokenProjection
  audience string
  expirationSeconds int64 =3600
  path! string
DownwardAPIVolumeFile
  fieldRef ObjectFieldSelector
  mode int
  path! string
  resourceFieldRef ResourceFieldSelector
DownwardAPIVolumeSource
  defaultMode int =420
  items []DownwardAPIVolumeFile
ProjectedSource
  items []KeyToPath
  name string
  optional bool
DownwardAPIProjection
  items []DownwardAPIVolumeFile
VolumeProjection
  configMap ProjectedSource
  downwardAPI DownwardAPIProjection
  secret ProjectedSource
  serviceAccountToken ServiceAccountTokenProjection
ProjectedVolumeSource
  defaultMode int =420
  sources []VolumeProjection
PersistentVolumeClaimVolumeSource
  claimName! string
  readOnly bool
Volume: Files that containers of the pod can mount.
  configMap ConfigMapVolumeSource
  csi any
  downwardAPI DownwardAPIVolumeSource
  emptyDir EmptyDirVolumeSource
  ephemeral any
  hostPath HostPathVolumeSource
  image any
  name! string
  nfs any
  persistentVolumeClaim PersistentVolumeClaimVolumeSource
  projected ProjectedVolumeSource
  secret SecretVolumeSource
Toleration
  effect string
  key string
  operator string
  tolerationSeconds int64
  value string
HostAlias
  hostnames []string
  ip! string
PodDNSConfigOption
  name string
  value string
PodDNSConfig
  nameservers []string
  options []PodDNSConfigOption
  searches []string
PodReadinessGate
  conditionType! string
TopologySpreadConstraint
  labelSelector LabelSelector
  matchLabelKeys []string
  maxSkew! int
  minDomains int
  nodeAffinityPolicy string
  nodeTaintsPolicy string
  topologyKey! string
  whenUnsatisfiable! string
PodSpec: What runs in the pod.
  activeDeadlineSeconds int64
  affinity any
  automountServiceAccountToken bool
  containers! []Container @name ; The processes of this pod.
  dnsConfig PodDNSConfig
  dnsPolicy string =ClusterFirst
  enableServiceLinks bool =true
  ephemeralContainers []EphemeralContainer @name
  hostAliases []HostAlias @ip
  hostIPC bool
  hostNetwork bool
  hostPID bool
  hostUsers bool
  hostname string
  imagePullSecrets []LocalObjectReference @name
  initContainers []Container @name
  nodeName string
  nodeSelector map<string> atomic
  os any
  overhead map<quantity>
  preemptionPolicy string
  priority int
  priorityClassName string
  readinessGates []PodReadinessGate
  resources ResourceRequirements
  restartPolicy string =Always enum=Always|OnFailure|Never
  runtimeClassName string
  schedulerName string =default-scheduler
  securityContext any ={}
  serviceAccount string
  serviceAccountName string
  setHostnameAsFQDN bool
  shareProcessNamespace bool
  subdomain string
  terminationGracePeriodSeconds int64 =30
  tolerations []Toleration
  topologySpreadConstraints []TopologySpreadConstraint @topologyKey,whenUnsatisfiable
  volumes []Volume @name retain
PodCondition
  lastProbeTime time
  lastTransitionTime time
  message string
  observedGeneration int64
  reason string
  status! string
  type! string
ContainerStatus: State of a container as the kubelet sees it.
  allocatedResources map<quantity>
  containerID string
  image! string
  imageID! string
  lastState any
  name! string
  ready! bool
  resources ResourceRequirements
  restartCount! int
  started bool
  state any
  user any
  volumeMounts []VolumeMount @mountPath
PodIP
  ip! string
HostIP
  ip! string
PodStatus: What is observed of the pod.
  conditions []PodCondition @type
  containerStatuses []ContainerStatus
  ephemeralContainerStatuses []ContainerStatus
  hostIP string
  hostIPs []HostIP
  initContainerStatuses []ContainerStatus
  message string
  nominatedNodeName string
  phase string ; Pending, Running, Succeeded, Failed or Unknown.
  podIP string
  podIPs []PodIP @ip
  qosClass string
  reason string
  resize string
  startTime time
PodTemplateSpec: What the pods made from it look like.
  metadata ObjectMeta
  spec PodSpec
Pod: Processes that run together at one address.
  apiVersion string
  kind string
  metadata ObjectMeta
  spec PodSpec
  status PodStatus
`;
