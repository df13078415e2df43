import type { KubeObject } from "./cluster-api.ts";
import { badRequest } from "./errors.ts";
import { isObject } from "./schema/schema.ts";

export type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

const KEY = String.raw`[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?`;
const SET = new RegExp(String.raw`^(${KEY})\s+(in|notin)\s*\(([^)]*)\)$`);
const PAIR = new RegExp(String.raw`^(${KEY})\s*(==|=|!=|>|<)\s*([-A-Za-z0-9_.]*)$`);
const PRESENCE = new RegExp(String.raw`^(!?)\s*(${KEY})$`);

/** Reads a label selector as kubectl's -l takes it: `a=b,c!=d,e in (f,g),h,!i`. Throws 400 on anything else. */
export function parseLabelSelector(text: string): LabelTest {
  const tests = splitOutsideParentheses(text).map(requirement);
  return (labels) => tests.every((test) => test(labels));
}

function splitOutsideParentheses(text: string): string[] {
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  return parts.filter((part) => part !== "");
}

function requirement(text: string): LabelTest {
  const set = SET.exec(text);
  if (set !== null) {
    const key = set[1] ?? "";
    const values = new Set((set[4] ?? "").split(",").map((value) => value.trim()));
    const wanted = set[3] === "in";
    return (labels) => {
      const value = labels[key];
      return wanted ? value !== undefined && values.has(value) : value === undefined || !values.has(value);
    };
  }
  const pair = PAIR.exec(text);
  if (pair !== null) {
    const key = pair[1] ?? "";
    const value = pair[4] ?? "";
    switch (pair[3]) {
      case "!=":
        return (labels) => labels[key] !== value;
      case ">":
        return (labels) => Number(labels[key]) > Number(value);
      case "<":
        return (labels) => Number(labels[key]) < Number(value);
      default:
        return (labels) => labels[key] === value;
    }
  }
  const presence = PRESENCE.exec(text);
  if (presence === null) {
    throw badRequest(
      `unable to parse requirement: found '${text}', expected: key, !key, =, ==, !=, in, notin`,
    );
  }
  const key = presence[2] ?? "";
  return presence[1] === "!" ? (labels) => labels[key] === undefined : (labels) => labels[key] !== undefined;
}

/** What a selector can see of an object; small, so that the change log keeps it of the state before a change. */
export interface Selectable {
  labels: Record<string, string>;
  fields: Record<string, string>;
}

const EVENT_FIELDS = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

const text = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";

/** Labels and the fields that `--field-selector` may name, by kind. */
export function selectableOf(object: KubeObject): Selectable {
  const { metadata } = object;
  const fields: Record<string, string> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace ?? "",
  };
  const spec = isObject(object["spec"]) ? object["spec"] : {};
  const status = isObject(object["status"]) ? object["status"] : {};
  switch (object.kind) {
    case "Pod":
      for (const name of [
        "nodeName",
        "restartPolicy",
        "schedulerName",
        "serviceAccountName",
        "hostNetwork",
      ]) {
        fields[`spec.${name}`] = text(spec[name]);
      }
      for (const name of ["phase", "podIP", "nominatedNodeName"])
        fields[`status.${name}`] = text(status[name]);
      break;
    case "Namespace":
      fields["status.phase"] = text(status["phase"]);
      break;
    case "Node":
      fields["spec.unschedulable"] = spec["unschedulable"] === true ? "true" : "false";
      break;
    case "Service":
      fields["spec.type"] = text(spec["type"]);
      fields["spec.clusterIP"] = text(spec["clusterIP"]);
      break;
    case "Secret":
      fields["type"] = text(object["type"]);
      break;
    case "ReplicaSet":
      fields["status.replicas"] = text(status["replicas"]) || "0";
      break;
    case "Event": {
      const involved = isObject(object["involvedObject"]) ? object["involvedObject"] : {};
      const source = isObject(object["source"]) ? object["source"] : {};
      for (const name of EVENT_FIELDS) fields[`involvedObject.${name}`] = text(involved[name]);
      fields["reason"] = text(object["reason"]);
      fields["type"] = text(object["type"]);
      fields["source"] = text(source["component"]) || text(object["reportingComponent"]);
      fields["reportingComponent"] = text(object["reportingComponent"]);
      break;
    }
    default:
  }
  return { labels: metadata.labels ?? {}, fields };
}

export type FieldTest = (fields: Readonly<Record<string, string>>) => boolean;

interface FieldRequirement {
  readonly key: string;
  readonly equal: boolean;
  readonly value: string;
}

function fieldRequirements(source: string): FieldRequirement[] {
  return source
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const match = /^\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
      if (match === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
      return { key: match[1] ?? "", equal: match[2] !== "!=", value: match[3] ?? "" };
    });
}

/** The one name that a field selector lets through; "" when it may let through several. Throws 400 as parsing does. */
export function nameInFieldSelector(source: string): string {
  const exact = fieldRequirements(source).find(({ key, equal }) => key === "metadata.name" && equal);
  return exact?.value ?? "";
}

/** Reads `a=b,c!=d`. A field that the kind does not offer is refused with 400 when an object is tested. */
export function parseFieldSelector(source: string): FieldTest {
  const tests = fieldRequirements(source);
  return (fields) =>
    tests.every(({ key, equal, value }) => {
      const found = fields[key];
      if (found === undefined) throw badRequest(`field label not supported: ${key}`);
      return (found === value) === equal;
    });
}

export type Selector = (selectable: Selectable) => boolean;

/** Both selectors of a request as one test; undefined when neither is given. */
export function selectorOf(labelSelector: string, fieldSelector: string): Selector | undefined {
  if (labelSelector === "" && fieldSelector === "") return undefined;
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector);
  return (selectable) => labels(selectable.labels) && fields(selectable.fields);
}
