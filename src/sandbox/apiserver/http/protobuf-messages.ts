/**
 * Field numbers of the messages that kubectl sends as protobuf (its `create` subcommands and `auth can-i`), from the
 * generated.proto files of k8s.io/api and k8s.io/apimachinery. One line per message: `number:name:type`, where type
 * is s(tring), b(ytes), i(nt), B(ool), or a message; `*` = repeated, `%` = map from string. A `?` follows
 * pointers, whose zero is a value; other zeros are absence.
 */
export const MESSAGES = `
ObjectMeta 1:name:s 2:generateName:s 3:namespace:s 4:selfLink:s 5:uid:s 6:resourceVersion:s 7:generation:i 8:creationTimestamp:Time 9:deletionTimestamp:Time 10:deletionGracePeriodSeconds:i? 11:labels:%s 12:annotations:%s 13:ownerReferences:*OwnerReference 14:finalizers:*s
OwnerReference 1:kind:s 3:name:s 4:uid:s 5:apiVersion:s 6:controller:B? 7:blockOwnerDeletion:B?
LabelSelector 1:matchLabels:%s 2:matchExpressions:*LabelSelectorRequirement
LabelSelectorRequirement 1:key:s 2:operator:s 3:values:*s
Namespace 1:metadata:ObjectMeta 2:spec:NamespaceSpec 3:status:NamespaceStatus
NamespaceSpec 1:finalizers:*s
NamespaceStatus 1:phase:s
ConfigMap 1:metadata:ObjectMeta 2:data:%s 3:binaryData:%b 4:immutable:B?
Secret 1:metadata:ObjectMeta 2:data:%b 3:type:s 4:stringData:%s 5:immutable:B?
ServiceAccount 1:metadata:ObjectMeta 2:secrets:*ObjectReference 3:imagePullSecrets:*LocalObjectReference 4:automountServiceAccountToken:B?
ObjectReference 1:kind:s 2:namespace:s 3:name:s 4:uid:s 5:apiVersion:s 6:resourceVersion:s 7:fieldPath:s
LocalObjectReference 1:name:s
Service 1:metadata:ObjectMeta 2:spec:ServiceSpec 3:status:ServiceStatus
ServiceSpec 1:ports:*ServicePort 2:selector:%s 3:clusterIP:s 4:type:s 5:externalIPs:*s 7:sessionAffinity:s 8:loadBalancerIP:s 9:loadBalancerSourceRanges:*s 10:externalName:s 11:externalTrafficPolicy:s 12:healthCheckNodePort:i 13:publishNotReadyAddresses:B 17:ipFamilyPolicy:s 18:clusterIPs:*s 19:ipFamilies:*s 20:allocateLoadBalancerNodePorts:B? 21:loadBalancerClass:s 22:internalTrafficPolicy:s
ServicePort 1:name:s 2:protocol:s 3:port:i 4:targetPort:IntOrString 5:nodePort:i 6:appProtocol:s
ServiceStatus 1:loadBalancer:LoadBalancerStatus
LoadBalancerStatus
Deployment 1:metadata:ObjectMeta 2:spec:DeploymentSpec 3:status:DeploymentStatus
DeploymentSpec 1:replicas:i? 2:selector:LabelSelector 3:template:PodTemplateSpec 4:strategy:DeploymentStrategy 5:minReadySeconds:i 6:revisionHistoryLimit:i? 7:paused:B 9:progressDeadlineSeconds:i?
DeploymentStrategy 1:type:s 2:rollingUpdate:RollingUpdateDeployment
RollingUpdateDeployment 1:maxUnavailable:IntOrString 2:maxSurge:IntOrString
DeploymentStatus 1:observedGeneration:i 2:replicas:i 3:updatedReplicas:i 4:availableReplicas:i 5:unavailableReplicas:i 7:readyReplicas:i
Job 1:metadata:ObjectMeta 2:spec:JobSpec 3:status:JobStatus
JobSpec 1:parallelism:i? 2:completions:i? 3:activeDeadlineSeconds:i? 4:selector:LabelSelector 5:manualSelector:B? 6:template:PodTemplateSpec 7:backoffLimit:i? 8:ttlSecondsAfterFinished:i? 9:completionMode:s 10:suspend:B?
JobStatus 4:active:i 5:succeeded:i 6:failed:i 7:completedIndexes:s
PodTemplateSpec 1:metadata:ObjectMeta 2:spec:PodSpec
PodSpec 2:containers:*Container 3:restartPolicy:s 4:terminationGracePeriodSeconds:i? 6:dnsPolicy:s 7:nodeSelector:%s 8:serviceAccountName:s 9:serviceAccount:s 10:nodeName:s 11:hostNetwork:B 12:hostPID:B 13:hostIPC:B 14:securityContext:PodSecurityContext 15:imagePullSecrets:*LocalObjectReference 16:hostname:s 17:subdomain:s 19:schedulerName:s 20:initContainers:*Container 24:priorityClassName:s 30:enableServiceLinks:B?
PodSecurityContext
Container 1:name:s 2:image:s 3:command:*s 4:args:*s 5:workingDir:s 6:ports:*ContainerPort 7:env:*EnvVar 8:resources:ResourceRequirements 13:terminationMessagePath:s 14:imagePullPolicy:s 16:stdin:B 17:stdinOnce:B 18:tty:B 20:terminationMessagePolicy:s
ContainerPort 1:name:s 2:hostPort:i 3:containerPort:i 4:protocol:s 5:hostIP:s
EnvVar 1:name:s 2:value:s
ResourceRequirements 1:limits:%Quantity 2:requests:%Quantity
Role 1:metadata:ObjectMeta 2:rules:*PolicyRule
ClusterRole 1:metadata:ObjectMeta 2:rules:*PolicyRule 3:aggregationRule:AggregationRule
AggregationRule 1:clusterRoleSelectors:*LabelSelector
PolicyRule 1:verbs:*s 2:apiGroups:*s 3:resources:*s 4:resourceNames:*s 5:nonResourceURLs:*s
RoleBinding 1:metadata:ObjectMeta 2:subjects:*Subject 3:roleRef:RoleRef
ClusterRoleBinding 1:metadata:ObjectMeta 2:subjects:*Subject 3:roleRef:RoleRef
Subject 1:kind:s 2:apiGroup:s 3:name:s 4:namespace:s
RoleRef 1:apiGroup:s 2:kind:s 3:name:s
SelfSubjectAccessReview 1:metadata:ObjectMeta 2:spec:SelfSubjectAccessReviewSpec 3:status:ReviewStatus
SelfSubjectAccessReviewSpec 1:resourceAttributes:ResourceAttributes 2:nonResourceAttributes:NonResourceAttributes
ResourceAttributes 1:namespace:s 2:verb:s 3:group:s 4:version:s 5:resource:s 6:subresource:s 7:name:s
NonResourceAttributes 1:path:s 2:verb:s
ReviewStatus 1:allowed:B 2:reason:s 3:evaluationError:s 4:denied:B
SelfSubjectRulesReview 1:metadata:ObjectMeta 2:spec:SelfSubjectRulesReviewSpec 3:status:RulesReviewStatus
SelfSubjectRulesReviewSpec 1:namespace:s
RulesReviewStatus 3:incomplete:B 4:evaluationError:s
SelfSubjectReview 1:metadata:ObjectMeta 2:status:SelfSubjectReviewStatus
SelfSubjectReviewStatus 1:userInfo:UserInfo
UserInfo 1:username:s 2:uid:s 3:groups:*s
TokenRequest 1:metadata:ObjectMeta 2:spec:TokenRequestSpec 3:status:TokenRequestStatus
TokenRequestSpec 1:audiences:*s 3:boundObjectRef:BoundObjectReference 4:expirationSeconds:i?
BoundObjectReference 1:kind:s 2:apiVersion:s 3:name:s 4:uid:s
TokenRequestStatus 1:token:s 2:expirationTimestamp:Time
DeleteOptions 1:gracePeriodSeconds:i? 2:preconditions:Preconditions 3:orphanDependents:B? 4:propagationPolicy:s 5:dryRun:*s
Preconditions 1:uid:s 2:resourceVersion:s
`;
