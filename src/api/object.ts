/** Objects of the Kubernetes API as this project sees them: meta.k8s.io/v1 fields that we use, none invented. */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** metav1.ObjectMeta. Times are RFC 3339 strings of second precision, as the API server writes them. */
export interface ObjectMeta {
  name: string;
  generateName?: string;
  /** Absent in cluster scope. */
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

interface ObjectHead {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/**
 * Any object of the API. With a `Spec` given, `spec` is there; without, nothing is known of it, so that an object of any
 * kind is a `KubeObject`.
 */
export type KubeObject<Spec = unknown, Status = unknown> = ObjectHead &
  (unknown extends Spec ? { spec?: unknown; status?: Status } : { spec: Spec; status?: Status });

export type ConditionStatus = "True" | "False" | "Unknown";

/** metav1.Condition. */
export interface Condition {
  type: string;
  status: ConditionStatus;
  /** CamelCase, for programs. */
  reason: string;
  /** For people; may be empty. */
  message: string;
  /** When `status` last changed. */
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** What a controller says; the time of the last transition is kept by `setCondition`. */
export type NewCondition = Omit<Condition, "lastTransitionTime">;

/**
 * The conditions with one of them replaced or added, in the order they had. `lastTransitionTime` is kept while the status
 * stays the same. When nothing changes, the same array is returned, so that `===` tells whether a write is due.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  next: NewCondition,
  nowIso: string,
): readonly Condition[] {
  const known = conditions ?? [];
  const old = known.find((condition) => condition.type === next.type);
  if (old === undefined) return [...known, { ...next, lastTransitionTime: nowIso }];
  const lastTransitionTime = old.status === next.status ? old.lastTransitionTime : nowIso;
  const same =
    old.status === next.status &&
    old.reason === next.reason &&
    old.message === next.message &&
    old.observedGeneration === next.observedGeneration;
  if (same) return known;
  return known.map((condition) => (condition === old ? { ...next, lastTransitionTime } : condition));
}

/** The condition of that type. */
export function conditionOf(
  conditions: readonly Condition[] | undefined,
  type: string,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is there and True. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return conditionOf(conditions, type)?.status === "True";
}
