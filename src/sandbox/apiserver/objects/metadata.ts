import type { KubeObject, NewObject } from "../cluster-api.ts";
import { badRequest, type FieldError, fieldError } from "../errors.ts";
import { isObject } from "../schema/schema.ts";
import type { Resource } from "../resources.ts";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const ANNOTATIONS_LIMIT = 256 * 1024;
const RANDOM_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_TEXT =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/** The name of a new object: its own, or `generateName` and five random letters. */
export function nameFor(object: NewObject): string {
  const { name, generateName } = object.metadata;
  if (name !== undefined && name !== "") return name;
  if (generateName === undefined || generateName === "") {
    throw badRequest("name or generateName is required");
  }
  const letters = crypto.getRandomValues(new Uint8Array(5));
  const suffix = Array.from(letters, (value) => RANDOM_LETTERS[value % RANDOM_LETTERS.length]).join("");
  return generateName.slice(0, 58) + suffix;
}

function checkName(name: string, resource: Resource): FieldError[] {
  const field = "metadata.name";
  if (resource.group === "rbac.authorization.k8s.io") {
    const bad = name === "." || name === ".." || /[/%]/.test(name);
    return bad ? [fieldError.invalid(field, name, "may not contain '/' or '%'")] : [];
  }
  if (resource.kind === "Service" && resource.group === "") {
    const fits = LABEL_1035.test(name) && name.length <= 63;
    return fits ? [] : [fieldError.invalid(field, name, LABEL_1035_TEXT)];
  }
  if (resource.kind === "Namespace") {
    return LABEL.test(name) && name.length <= 63 ? [] : [fieldError.invalid(field, name, LABEL_TEXT)];
  }
  return SUBDOMAIN.test(name) && name.length <= 253 ? [] : [fieldError.invalid(field, name, SUBDOMAIN_TEXT)];
}

/** Names, labels, annotations, owner references and finalizers, as apimachinery validates them. */
export function checkMetadata(object: KubeObject, resource: Resource): FieldError[] {
  const { metadata } = object;
  const errors = checkName(metadata.name, resource);
  errors.push(...checkLabels(metadata.labels, "metadata.labels"));
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    if (!LABEL_KEY.test(key.toLowerCase())) {
      errors.push(fieldError.invalid("metadata.annotations", key, "name part must be a qualified name"));
    }
    size += key.length + value.length;
  }
  if (size > ANNOTATIONS_LIMIT) {
    const message = `Too long: may not be more than ${ANNOTATIONS_LIMIT} bytes`;
    errors.push({ reason: "FieldValueTooLong", message, field: "metadata.annotations" });
  }
  (metadata.ownerReferences ?? []).forEach((owner, index) => {
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (!owner[field]) {
        const path = `metadata.ownerReferences[${index}].${field}`;
        errors.push(fieldError.required(path, `${field} must not be empty`));
      }
    }
  });
  (metadata.finalizers ?? []).forEach((finalizer, index) => {
    if (!LABEL_KEY.test(finalizer)) {
      const path = `metadata.finalizers[${index}]`;
      errors.push(fieldError.invalid(path, finalizer, "name part must be a qualified name"));
    }
  });
  return errors;
}

export function checkLabels(labels: unknown, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(isObject(labels) ? labels : {})) {
    if (!LABEL_KEY.test(key)) {
      const message =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
      errors.push(fieldError.invalid(field, key, message));
    }
    if (typeof value === "string" && (value.length > 63 || !LABEL_VALUE.test(value))) {
      const message =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
      errors.push(fieldError.invalid(field, value, message));
    }
  }
  return errors;
}

/** RFC 3339 with whole seconds, as metav1.Time. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}
