import { type CustomResourceDefinition, crdOf } from "./crd.ts";
import type { KindDef } from "./kind-def.ts";
import { type AccessGrant, accessGrantKind } from "./kinds/access-grant.ts";
import { type AccessToken, accessTokenKind } from "./kinds/access-token.ts";
import { type Link, linkKind } from "./kinds/link.ts";
import { type ServiceExport, serviceExportKind } from "./kinds/service-export.ts";
import { type ServiceImport, serviceImportKind } from "./kinds/service-import.ts";
import { type Site, siteKind } from "./kinds/site.ts";
import { type TrafficPolicy, trafficPolicyKind } from "./kinds/traffic-policy.ts";

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
