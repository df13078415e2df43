import { type TSchema, Type } from "typebox";
import { type CustomResourceDefinition, crdOf } from "./crd.ts";
import type { KindDef } from "./kind-def.ts";
import { type AccessGrant, accessGrantKind } from "./kinds/access-grant.ts";
import { type AccessToken, accessTokenKind } from "./kinds/access-token.ts";
import { type Link, linkKind } from "./kinds/link.ts";
import { type ServiceExport, serviceExportKind } from "./kinds/service-export.ts";
import { type ServiceImport, serviceImportKind } from "./kinds/service-import.ts";
import { type Site, siteKind } from "./kinds/site.ts";
import { type TrafficPolicy, trafficPolicyKind } from "./kinds/traffic-policy.ts";
import type { KubeObject } from "./object.ts";
import type { Problem } from "./problem.ts";
import { apiVersionOf } from "./resource-def.ts";
import { dnsName, oneOf } from "./schema.ts";
import { isRecord } from "./schema-view.ts";
import { compileValidator, throwIfAny, type Validator } from "./validate.ts";

/** Type of the objects of each kind. */
export interface KindObjects {
  Site: Site;
  Link: Link;
  AccessGrant: AccessGrant;
  AccessToken: AccessToken;
  TrafficPolicy: TrafficPolicy;
  ServiceExport: ServiceExport;
  ServiceImport: ServiceImport;
}
export type Kind = keyof KindObjects;

/** Every kind whose CRD we install. */
export const KINDS: { readonly [K in Kind]: KindDef<KindObjects[K]> } = {
  Site: siteKind,
  Link: linkKind,
  AccessGrant: accessGrantKind,
  AccessToken: accessTokenKind,
  TrafficPolicy: trafficPolicyKind,
  ServiceExport: serviceExportKind,
  ServiceImport: serviceImportKind,
};

/** The CRDs of all kinds, fresh objects at each call. */
export function crds(): CustomResourceDefinition[] {
  return Object.values(KINDS).map((kind) => crdOf(kind as KindDef));
}

/** Whether it is one of our kinds, as written in `kind:`. */
export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text);
}

/**
 * What is wrong with an object of that kind; empty when nothing. Says what the API server would say with strict field
 * validation, before anything is sent. Rules about a change (an immutable field) need the former object and are the
 * server's alone.
 */
export function validate(kind: Kind, object: unknown): Problem[] {
  return validatorOf(kind).problems(object);
}

/** The object with the defaults of its kind, not judged; what the API server would store. */
export function withDefaults<K extends Kind>(kind: K, object: KubeObject): KindObjects[K] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind's schema is what its type is made from
  return validatorOf(kind).withDefaults(object) as KindObjects[K];
}

/** The object with its defaults. Throws INVALID that names the first problem: `Link "west": spec.cost: ...`. */
export function parseObject<K extends Kind>(kind: K, object: unknown): KindObjects[K] {
  const validator = validatorOf(kind);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind's schema is what its type is made from
  const filled = validator.withDefaults(object) as KindObjects[K];
  throwIfAny(validator.problems(object), { what: nameOf(kind, object) });
  return filled;
}

function nameOf(kind: Kind, object: unknown): string {
  const metadata = isRecord(object) ? object["metadata"] : undefined;
  const name = isRecord(metadata) ? metadata["name"] : undefined;
  return typeof name === "string" ? `${kind} "${name}"` : kind;
}

const validators = new Map<Kind, Validator<unknown>>();

/** Compiled on first use: most commands judge one kind or none. */
function validatorOf(kind: Kind): Validator<unknown> {
  let validator = validators.get(kind);
  if (validator === undefined) {
    validator = compileValidator(objectSchema(KINDS[kind] as KindDef));
    validators.set(kind, validator);
  }
  return validator;
}

function objectSchema(kind: KindDef): TSchema {
  const { resource } = kind;
  const versions = [resource.version, ...kind.alsoServed];
  return Type.Object({
    apiVersion: oneOf(
      versions.map((version) => apiVersionOf({ ...resource, version })),
      {},
    ),
    kind: oneOf([resource.kind], {}),
    metadata: Type.Object(
      {
        name: dnsName("Name of the object."),
        namespace: Type.Optional(dnsName("Namespace.", 63)),
        labels: Type.Optional(Type.Record(Type.String(), Type.String())),
        annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
      },
      { additionalProperties: true },
    ),
    ...(kind.spec === undefined ? {} : { spec: kind.specRequired ? kind.spec : Type.Optional(kind.spec) }),
    status: Type.Optional(kind.status),
  });
}
