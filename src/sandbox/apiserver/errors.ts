import { ApiError, type KubeObject, type StatusCause } from "./cluster-api.ts";

/** The refusals of the API, worded as kube-apiserver words them, because kubectl and people match on them. */

export interface GroupResource {
  group: string;
  resource: string;
}

/** "deployments.apps", or "pods" for the core group. */
export function qualified({ group, resource }: GroupResource): string {
  return group === "" ? resource : `${resource}.${group}`;
}

const details = ({ group, resource }: GroupResource, name: string) => ({
  name,
  ...(group === "" ? {} : { group }),
  kind: resource,
});

export function notFound(resource: GroupResource, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualified(resource)} "${name}" not found`, details(resource, name));
}

export function alreadyExists(resource: GroupResource, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiError(409, "AlreadyExists", message, details(resource, name));
}

export function conflict(resource: GroupResource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, details(resource, name));
}

export function staleVersion(resource: GroupResource, name: string): ApiError {
  const why = "the object has been modified; please apply your changes to the latest version and try again";
  return conflict(resource, name, why);
}

export function forbidden(resource: GroupResource, name: string, why: string): ApiError {
  const about = name === "" ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new ApiError(403, "Forbidden", `${about} is forbidden: ${why}`, details(resource, name));
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function gone(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

export function methodNotAllowed(): ApiError {
  const message = "the server does not allow this method on the requested resource";
  return new ApiError(405, "MethodNotAllowed", message);
}

export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource");
}

/** One reason why an object is not valid; `message` already carries the value as the API prints it. */
export type FieldError = StatusCause;

const show = (value: unknown): string => JSON.stringify(value) ?? "null";

export const fieldError = {
  required: (field: string, message = ""): FieldError => ({
    reason: "FieldValueRequired",
    message: `Required value${message === "" ? "" : `: ${message}`}`,
    field,
  }),
  invalid: (field: string, value: unknown, message: string): FieldError => ({
    reason: "FieldValueInvalid",
    message: `Invalid value: ${show(value)}: ${message}`,
    field,
  }),
  type: (field: string, found: string, message: string): FieldError => ({
    reason: "FieldValueTypeInvalid",
    message: `Invalid value: ${show(found)}: ${message}`,
    field,
  }),
  unsupported: (field: string, value: unknown, supported: readonly unknown[]): FieldError => ({
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${show(value)}: supported values: ${supported.map(show).join(", ")}`,
    field,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    reason: "FieldValueDuplicate",
    message: `Duplicate value: ${show(value)}`,
    field,
  }),
  forbidden: (field: string, message: string): FieldError => ({
    reason: "FieldValueForbidden",
    message: `Forbidden: ${message}`,
    field,
  }),
  tooMany: (field: string, count: number, most: number): FieldError => ({
    reason: "FieldValueTooMany",
    message: `Too many: ${count}: must have at most ${most} items`,
    field,
  }),
};

/** 422 with one cause per field. */
export function invalid(
  what: { group: string; kind: string; name: string },
  errors: readonly FieldError[],
): ApiError {
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const kind = what.group === "" ? what.kind : `${what.kind}.${what.group}`;
  return new ApiError(422, "Invalid", `${kind} "${what.name}" is invalid: ${list}`, {
    name: what.name,
    ...(what.group === "" ? {} : { group: what.group }),
    kind: what.kind,
    causes: [...errors],
  });
}

/** The metav1.Status that goes over the wire. */
export function statusOf(error: ApiError): Record<string, unknown> {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    ...(error.reason === "" ? {} : { reason: error.reason }),
    ...(error.details === undefined ? {} : { details: error.details }),
    code: error.status,
  };
}

/** What a DELETE answers when the object is gone. */
export function deletedStatus(resource: GroupResource, object: KubeObject): Record<string, unknown> {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { ...details(resource, object.metadata.name), uid: object.metadata.uid },
  };
}
