import type { KubeObject } from "../cluster-api.ts";
import { fieldError } from "../errors.ts";
import { type JsonObject, sameJson } from "../schema/schema.ts";
import { checkPodSpec, checkWorkload, defaultTemplate, record } from "./pod-template.ts";
import type { Strategy } from "./strategy.ts";

/** What of a StatefulSet may change after its creation. */
const STATEFUL_CHANGES = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
  "revisionHistoryLimit",
] as const;

function fixed({ spec }: KubeObject): JsonObject {
  const rest = { ...record(spec) };
  for (const name of STATEFUL_CHANGES) delete rest[name];
  return rest;
}

export const statefulSet: Strategy = {
  defaults: (object) => {
    defaultTemplate(object);
    const strategy = record(record(object["spec"])["updateStrategy"]);
    if (strategy["type"] === "RollingUpdate")
      strategy["rollingUpdate"] = { partition: 0, ...record(strategy["rollingUpdate"]) };
  },
  prepareCreate: (object) => {
    object["status"] = { replicas: 0, availableReplicas: 0 };
  },
  validate: (object, old) => {
    const errors = checkWorkload(object, old);
    if (old !== undefined && !sameJson(fixed(object), fixed(old))) {
      const message = `updates to statefulset spec for fields other than ${STATEFUL_CHANGES.map((name) => `'${name}'`).join(", ")} are forbidden`;
      errors.push(fieldError.forbidden("spec", message));
    }
    return errors;
  },
};

export const job: Strategy = {
  defaults: (object) => {
    defaultTemplate(object);
    const spec = record(object["spec"]);
    // Without both a job is done with its first success, however many pods work on it.
    if (spec["completions"] === undefined && (spec["parallelism"] ?? 1) === 1) spec["completions"] = 1;
  },
  prepareCreate: (object) => {
    const spec = record(object["spec"]);
    const template = record(spec["template"]);
    const labels = {
      "batch.kubernetes.io/controller-uid": object.metadata.uid ?? "",
      "batch.kubernetes.io/job-name": object.metadata.name,
      "controller-uid": object.metadata.uid ?? "",
      "job-name": object.metadata.name,
    };
    if (spec["manualSelector"] !== true) {
      const metadata = record(template["metadata"]);
      template["metadata"] = { ...metadata, labels: { ...record(metadata["labels"]), ...labels } };
      const key = "batch.kubernetes.io/controller-uid" as const;
      spec["selector"] = { matchLabels: { [key]: labels[key] } };
    }
    object["status"] = {};
  },
  validate: (object, old) => {
    const spec = record(object["spec"]);
    const podSpec = record(record(spec["template"])["spec"]);
    const errors = checkPodSpec(podSpec, "spec.template.spec");
    if (podSpec["restartPolicy"] !== "OnFailure" && podSpec["restartPolicy"] !== "Never") {
      const message = 'supported values: "OnFailure", "Never"';
      errors.push(fieldError.invalid("spec.template.spec.restartPolicy", podSpec["restartPolicy"], message));
    }
    for (const name of ["template", "selector", "completions"]) {
      const before = old === undefined ? undefined : record(old["spec"])[name];
      if (before !== undefined && !sameJson(before, spec[name] ?? null))
        errors.push(fieldError.invalid(`spec.${name}`, spec[name], "field is immutable"));
    }
    return errors;
  },
};
