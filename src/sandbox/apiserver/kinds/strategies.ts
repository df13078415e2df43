import type { KubeObject } from "../cluster-api.ts";
import { type FieldError, fieldError } from "../errors.ts";
import { isObject, type JsonObject, sameJson } from "../schema/schema.ts";
import { customResourceDefinitionStrategy } from "./custom-resource-definition.ts";
import {
  checkPodSpec,
  checkPort,
  checkWorkload,
  defaultPodSpec,
  defaultTemplate,
  objects,
  record,
} from "./pod-template.ts";
import type { Strategy } from "./strategy.ts";
import { job, statefulSet } from "./workload-strategies.ts";

const pod: Strategy = {
  defaults: (object) => defaultPodSpec(object["spec"]),
  prepareCreate: (object) => {
    object["status"] = { phase: "Pending", qosClass: qosClass(record(object["spec"])) };
  },
  validate: (object, old) => {
    const errors = checkPodSpec(object["spec"], "spec");
    if (old !== undefined && !sameJson(fixedPodSpec(object), fixedPodSpec(old))) {
      const message =
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
      errors.push(fieldError.forbidden("spec", message));
    }
    return errors;
  },
};

/** The part of a pod's spec that never changes after creation, but for binding to a node. */
function fixedPodSpec(object: KubeObject): JsonObject {
  const spec = record(object["spec"]);
  const fixed: JsonObject = { ...spec };
  for (const name of ["nodeName", "activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"]) {
    delete fixed[name];
  }
  for (const list of ["containers", "initContainers"]) {
    if (spec[list] !== undefined) fixed[list] = objects(spec[list]).map((item) => ({ ...item, image: "" }));
  }
  delete fixed["ephemeralContainers"];
  return fixed;
}

function qosClass(spec: JsonObject): string {
  const all = objects(spec["containers"]).map((container) => record(container["resources"]));
  const limits = all.map((resources) => record(resources["limits"]));
  const requests = all.map((resources) => record(resources["requests"]));
  if ([...limits, ...requests].every((amounts) => Object.keys(amounts).length === 0)) return "BestEffort";
  const guaranteed = limits.every(
    (limit, index) =>
      limit["cpu"] !== undefined && limit["memory"] !== undefined && sameJson(limit, requests[index] ?? {}),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

const deployment: Strategy = {
  defaults: (object) => {
    defaultTemplate(object);
    const strategy = record(record(object["spec"])["strategy"]);
    if (strategy["type"] === "RollingUpdate") {
      strategy["rollingUpdate"] = {
        maxSurge: "25%",
        maxUnavailable: "25%",
        ...record(strategy["rollingUpdate"]),
      };
    }
  },
  prepareCreate: (object) => {
    object["status"] = {};
  },
  validate: (object, old) => {
    const errors = checkWorkload(object, old);
    const strategy = record(record(object["spec"])["strategy"]);
    if (strategy["type"] === "Recreate" && strategy["rollingUpdate"] !== undefined) {
      const message = "may not be specified when strategy `type` is 'Recreate'";
      errors.push(fieldError.forbidden("spec.strategy.rollingUpdate", message));
    }
    return errors;
  },
};

const replicaSet: Strategy = {
  defaults: defaultTemplate,
  prepareCreate: (object) => {
    object["status"] = { replicas: 0 };
  },
  validate: checkWorkload,
};

const service: Strategy = {
  defaults: (object) => {
    const spec = record(object["spec"]);
    for (const port of objects(spec["ports"])) port["targetPort"] ??= port["port"];
    const type = spec["type"];
    if (type === "ExternalName") return;
    spec["internalTrafficPolicy"] ??= "Cluster";
    spec["ipFamilies"] ??= ["IPv4"];
    spec["ipFamilyPolicy"] ??= "SingleStack";
    if (type === "LoadBalancer" || type === "NodePort") spec["externalTrafficPolicy"] ??= "Cluster";
    if (type === "LoadBalancer") spec["allocateLoadBalancerNodePorts"] ??= true;
  },
  prepareCreate: (object) => {
    object["status"] = { loadBalancer: {} };
  },
  validate: (object, old) => {
    const spec = record(object["spec"]);
    const ports = objects(spec["ports"]);
    const errors: FieldError[] = [];
    if (ports.length === 0 && spec["type"] !== "ExternalName" && spec["clusterIP"] !== "None") {
      errors.push(fieldError.required("spec.ports"));
    }
    const names = new Set<unknown>();
    ports.forEach((port, index) => {
      errors.push(...checkPort(port["port"], `spec.ports[${index}].port`));
      if (ports.length > 1 && !port["name"]) errors.push(fieldError.required(`spec.ports[${index}].name`));
      if (port["name"] !== undefined && names.has(port["name"])) {
        errors.push(fieldError.duplicate(`spec.ports[${index}].name`, port["name"]));
      }
      names.add(port["name"]);
    });
    const before = old === undefined ? {} : record(old["spec"]);
    const had = before["clusterIP"];
    if (
      had &&
      spec["type"] !== "ExternalName" &&
      before["type"] !== "ExternalName" &&
      spec["clusterIP"] !== had
    ) {
      const message = "may not change once set";
      errors.push(fieldError.invalid("spec.clusterIP", spec["clusterIP"] ?? "", message));
    }
    return errors;
  },
};

const namespace: Strategy = {
  prepareCreate: (object) => {
    object["spec"] = { finalizers: ["kubernetes"] };
    object["status"] = { phase: "Active" };
    object.metadata.labels = {
      ...object.metadata.labels,
      "kubernetes.io/metadata.name": object.metadata.name,
    };
  },
};

function foldStringData(object: KubeObject): void {
  const plain = object["stringData"];
  if (!isObject(plain)) return;
  const data = record(object["data"]);
  for (const [key, value] of Object.entries(plain)) data[key] = Buffer.from(String(value)).toString("base64");
  object["data"] = data;
  delete object["stringData"];
}

const DATA_KEY = /^[-._a-zA-Z0-9]{1,253}$/;

function checkData(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["data", "binaryData"]) {
    for (const key of Object.keys(record(object[field]))) {
      if (!DATA_KEY.test(key)) {
        const message =
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
        errors.push(fieldError.invalid(`${field}[${key}]`, key, message));
      }
    }
    if (old?.["immutable"] === true && !sameJson(record(old[field]), record(object[field]))) {
      errors.push(fieldError.forbidden(field, "field is immutable when `immutable` is set"));
    }
  }
  if (old?.["immutable"] === true && object["immutable"] !== true) {
    errors.push(fieldError.forbidden("immutable", "field is immutable when `immutable` is set"));
  }
  return errors;
}

const secret: Strategy = {
  defaults: foldStringData,
  validate: (object, old) => {
    const errors = checkData(object, old);
    if (old !== undefined && old["type"] !== object["type"]) {
      errors.push(fieldError.invalid("type", object["type"], "field is immutable"));
    }
    return errors;
  },
};

const binding: Strategy = {
  defaults: (object) => {
    for (const subject of objects(object["subjects"])) {
      subject["apiGroup"] ??= subject["kind"] === "ServiceAccount" ? undefined : "rbac.authorization.k8s.io";
    }
  },
  validate: (object, old) =>
    old === undefined || sameJson(old["roleRef"], object["roleRef"])
      ? []
      : [fieldError.invalid("roleRef", object["roleRef"], "cannot change roleRef")],
};

/** Builtin kinds that do more than their schema says, by resource key. */
export const STRATEGIES: Readonly<Record<string, Strategy>> = {
  pods: pod,
  "deployments.apps": deployment,
  "replicasets.apps": replicaSet,
  "statefulsets.apps": statefulSet,
  "jobs.batch": job,
  services: service,
  namespaces: namespace,
  secrets: secret,
  configmaps: { validate: checkData },
  "rolebindings.rbac.authorization.k8s.io": binding,
  "clusterrolebindings.rbac.authorization.k8s.io": binding,
  "customresourcedefinitions.apiextensions.k8s.io": customResourceDefinitionStrategy,
};
