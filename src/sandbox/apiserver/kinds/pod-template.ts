import type { KubeObject } from "../cluster-api.ts";
import { type FieldError, fieldError } from "../errors.ts";
import { checkLabels } from "../objects/metadata.ts";
import { isObject, type JsonObject, sameJson } from "../schema/schema.ts";

export const record = (value: unknown): JsonObject => (isObject(value) ? value : {});
export const objects = (value: unknown): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);

const PROBES = ["livenessProbe", "readinessProbe", "startupProbe"] as const;

function defaultContainer(container: JsonObject): void {
  const image = typeof container["image"] === "string" ? container["image"] : "";
  const tag = /:([^:/@]+)(@.*)?$/.exec(image)?.[1];
  const always = !image.includes("@") && (tag === undefined || tag === "latest");
  container["imagePullPolicy"] ??= always ? "Always" : "IfNotPresent";
  for (const name of PROBES) {
    const probe = container[name];
    if (isObject(probe) && isObject(probe["httpGet"])) probe["httpGet"]["path"] ??= "/";
  }
  for (const list of [container["resources"]].filter(isObject)) {
    const limits = record(list["limits"]);
    if (Object.keys(limits).length > 0) list["requests"] = { ...limits, ...record(list["requests"]) };
  }
}

export function defaultPodSpec(spec: unknown): void {
  if (!isObject(spec)) return;
  for (const container of [...objects(spec["containers"]), ...objects(spec["initContainers"])]) {
    defaultContainer(container);
  }
  if (spec["serviceAccountName"] !== undefined) spec["serviceAccount"] = spec["serviceAccountName"];
  else if (spec["serviceAccount"] !== undefined) spec["serviceAccountName"] = spec["serviceAccount"];
}

export const defaultTemplate = (object: KubeObject): void => {
  defaultPodSpec(record(record(object["spec"])["template"])["spec"]);
};

export function checkPodSpec(spec: unknown, path: string): FieldError[] {
  if (!isObject(spec)) return [fieldError.required(path)];
  const errors: FieldError[] = [];
  const containers = objects(spec["containers"]);
  if (containers.length === 0) errors.push(fieldError.required(`${path}.containers`));
  const volumes = new Set(objects(spec["volumes"]).map((volume) => volume["name"]));
  for (const [list, items] of [
    ["initContainers", objects(spec["initContainers"])],
    ["containers", containers],
  ] as const) {
    items.forEach((container, index) => {
      const at = `${path}.${list}[${index}]`;
      if (!container["image"]) errors.push(fieldError.required(`${at}.image`));
      if (!container["name"]) errors.push(fieldError.required(`${at}.name`));
      objects(container["volumeMounts"]).forEach((mount, position) => {
        if (!volumes.has(mount["name"])) {
          errors.push({
            reason: "FieldValueNotFound",
            message: `Not found: ${JSON.stringify(mount["name"])}`,
            field: `${at}.volumeMounts[${position}].name`,
          });
        }
      });
      objects(container["ports"]).forEach((port, position) => {
        errors.push(...checkPort(port["containerPort"], `${at}.ports[${position}].containerPort`));
      });
    });
  }
  return errors;
}

export function checkPort(value: unknown, field: string): FieldError[] {
  const fits = typeof value === "number" && value >= 1 && value <= 65_535;
  return fits ? [] : [fieldError.invalid(field, value, "must be between 1 and 65535, inclusive")];
}

export function checkWorkload(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = record(object["spec"]);
  const template = record(spec["template"]);
  const claims = objects(spec["volumeClaimTemplates"]).map((claim) => ({
    name: record(claim["metadata"])["name"],
  }));
  const podSpec = template["spec"];
  const mountable = isObject(podSpec)
    ? { ...podSpec, volumes: [...objects(podSpec["volumes"]), ...claims] }
    : podSpec;
  const errors = checkPodSpec(mountable, "spec.template.spec");
  const replicas = spec["replicas"];
  if (typeof replicas === "number" && replicas < 0) {
    errors.push(fieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0"));
  }
  const selector = record(spec["selector"]);
  const wanted = record(selector["matchLabels"]);
  const expressions = objects(selector["matchExpressions"]);
  if (Object.keys(wanted).length === 0 && expressions.length === 0) {
    const message = "empty selector is invalid for deployment";
    errors.push(fieldError.invalid("spec.selector", selector, message));
  }
  const labels = record(record(template["metadata"])["labels"]);
  errors.push(...checkLabels(labels, "spec.template.metadata.labels"));
  if (Object.entries(wanted).some(([key, value]) => labels[key] !== value)) {
    const message = "`selector` does not match template `labels`";
    errors.push(fieldError.invalid("spec.template.metadata.labels", labels, message));
  }
  const before = old === undefined ? undefined : record(old["spec"])["selector"];
  if (before !== undefined && !sameJson(before, selector)) {
    errors.push(fieldError.invalid("spec.selector", selector, "field is immutable"));
  }
  return errors;
}
