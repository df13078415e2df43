import type { AccessToken } from "#api/kinds/access-token.ts";
import type { KubeObject } from "#api/object.ts";
import type { Informer } from "#controller/informer.ts";
import type { Caches } from "./caches.ts";
import { discoveredOf } from "./imports/discovery.ts";
import { isImportSlice } from "./imports/import-slices.ts";
import { isImportService } from "./imports/imports.ts";
import { MCS_SERVICE_LABEL } from "./names.ts";

/** Key of what there is one of. */
export const SITE = "site";

/** What is reconciled by name. */
export type Kind =
  | "site"
  | "grant"
  | "token"
  | "import"
  | "pins"
  | "slices"
  | "takeOver"
  | "link"
  | "export"
  | "policy"
  | "renewal";

/** What changes of the caches lead to. All of it only notes names: the rest is looked up when its turn comes. */
export interface WakeUps {
  enqueue(kind: Kind, name: string): void;
  /** Anything that the Site's status and servers depend on; `spec`: what the user says of it, so that imports may be others. */
  siteChanged(how: { readonly spec: boolean }): void;
  /** The import of that name is to be looked at again. */
  replan(name: string): void;
  tokenGone(token: AccessToken): void;
  importGone(name: string): void;
  /** Of the import of that name. */
  slicesTouched(name: string): void;
}

/** What wakes whom. To be called once, before the caches are started. */
export function watchCaches(caches: Caches, to: WakeUps): void {
  const each = <T extends KubeObject>(informer: Informer<T>, kind: Kind): void => {
    informer.onChange(({ name }) => to.enqueue(kind, name));
  };
  each(caches.grants, "grant");
  each(caches.tokens, "token");
  caches.tokens.onChange((_key, { before, after }) => {
    if (before !== undefined && after === undefined) to.tokenGone(before);
  });
  each(caches.links, "link");
  each(caches.policies, "policy");
  each(caches.exports, "export");
  caches.sites.onChange((_key, { before, after }) => {
    // Another replica that founds, joins or makes the servers' Secret tells of it by the Site's status.
    if (before?.status?.id !== after?.status?.id || before === undefined) void caches.secrets.refresh();
    to.siteChanged({ spec: !Bun.deepEquals(before?.spec, after?.spec) });
  });
  caches.secrets.onChange(() => to.siteChanged({ spec: false }));
  caches.routerDeployment.onChange(() => to.enqueue("site", SITE));
  caches.imports.onChange(({ name }, { after }) => {
    if (after === undefined) to.importGone(name);
    to.replan(name);
  });
  caches.slices.onChange((_key, { before, after }) => {
    const [slice] = [after, before].filter((one) => one !== undefined && isImportSlice(one));
    const name = slice?.metadata.labels?.[MCS_SERVICE_LABEL];
    if (name !== undefined) to.slicesTouched(name);
  });
  caches.policies.onChange(({ name }) => to.replan(name));
  caches.services.onChange(({ name }, { before, after }) => {
    if (caches.policy(name) !== undefined) to.enqueue("policy", name);
    const services = [before, after].filter((service) => service !== undefined);
    for (const service of services) {
      const discovered = discoveredOf(service);
      if (discovered !== undefined) to.replan(discovered);
    }
    if (name.startsWith("isthmus-")) to.siteChanged({ spec: false });
    else if (services.some(isImportService) || caches.imports.get(caches.namespace, name) !== undefined)
      to.replan(name);
  });
}
