import type { Clock } from "#core/clock.ts";
import type {
  AdmissionHook,
  ClusterApi,
  KubeObject,
  NewObject,
  Propagation,
  UserInfo,
} from "../cluster-api.ts";
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  fieldError,
  invalid,
  notFound,
  staleVersion,
} from "../errors.ts";
import { applyFields, trackUpdate } from "../fields/managed-fields.ts";
import { STRATEGIES } from "../kinds/strategies.ts";
import type { Strategy } from "../kinds/strategy.ts";
import { apiVersionOf, type Resource, resourceKey, versionNamed } from "../resources.ts";
import { checkSchema } from "../schema/check.ts";
import { copyJson, sameJson, type Schema } from "../schema/schema.ts";
import { applyDefaults, dropNulls, prune } from "../schema/shape.ts";
import type { Store } from "../store/store.ts";
import { checkMetadata, nameFor, timestamp } from "./metadata.ts";
import { hasSpecFinalizers, isFinished, podGrace } from "./deletion.ts";
import {
  checkIdentity,
  checkNamespace,
  decodeError,
  desired,
  keepSystemMetadata,
  restore,
  sameButManagers,
  withStatus,
} from "./rules.ts";

export type Subresource = "status" | "scale";

export interface WriteOptions {
  /** Who owns what this write changes. */
  manager: string;
  user: UserInfo;
  dryRun?: boolean;
  subresource?: Subresource;
  /** Version in which the caller speaks; default: the storage version. */
  version?: string;
  /** Is told of the fields that the schema does not know (they are dropped); may throw to refuse them. */
  unknown?: (paths: string[]) => void;
}

export interface DeleteOptions {
  propagation?: Propagation;
  graceSeconds?: number;
  uid?: string;
  resourceVersion?: string;
  dryRun?: boolean;
  user: UserInfo;
}

export interface ObjectsOptions {
  store: Store;
  clock: Clock;
  admission: readonly AdmissionHook[];
}

const NO_STRATEGY: Strategy = {};

/**
 * Reads and writes objects by the rules of the API: defaulting, pruning, admission, validation, ownership of fields,
 * optimistic concurrency, generation, finalizers. All callers come through here: HTTP and in-process alike.
 */
export class Objects {
  readonly store: Store;
  readonly #clock: Clock;
  readonly #admission: readonly AdmissionHook[];
  /** Set by the server: admission hooks may call it. */
  api: ClusterApi | undefined;

  constructor(options: ObjectsOptions) {
    this.store = options.store;
    this.#clock = options.clock;
    this.#admission = options.admission;
  }

  find(resource: Resource, namespace: string, name: string): KubeObject | undefined {
    return this.store.get(resourceKey(resource), namespace, name);
  }

  get(resource: Resource, namespace: string, name: string): KubeObject {
    const found = this.find(resource, namespace, name);
    if (found === undefined) throw notFound(resource, name);
    return found;
  }

  create(resource: Resource, object: NewObject, options: WriteOptions): KubeObject {
    const draft = copyJson(object) as KubeObject;
    if (draft.metadata.resourceVersion) {
      throw badRequest("resourceVersion should not be set on objects to be created");
    }
    draft.metadata.name = nameFor(draft);
    checkNamespace(this.store, resource, draft);
    const namespace = draft.metadata.namespace ?? "";
    if (this.find(resource, namespace, draft.metadata.name) !== undefined) {
      throw alreadyExists(resource, draft.metadata.name);
    }
    return this.#insert(resource, draft, options, []);
  }

  #insert(
    resource: Resource,
    draft: KubeObject,
    options: WriteOptions,
    entries: KubeObject["metadata"]["managedFields"],
  ): KubeObject {
    const time = timestamp(this.#clock.now());
    const schema = this.#shape(resource, draft, options);
    const { metadata } = draft;
    for (const name of ["deletionTimestamp", "deletionGracePeriodSeconds", "generation"] as const) {
      delete metadata[name];
    }
    delete (metadata as { selfLink?: unknown }).selfLink;
    metadata.uid = crypto.randomUUID();
    metadata.creationTimestamp = time;
    if (resource.hasGeneration) metadata.generation = 1;
    const strategy = this.#strategy(resource);
    if (resource.custom && resource.hasStatus) delete draft["status"];
    this.#defaults(resource, draft, schema);
    strategy.prepareCreate?.(draft, { time });
    const admitted = this.#admit(resource, "create", draft, undefined, options);
    this.#validate(resource, admitted, undefined, options);
    admitted.metadata.managedFields =
      entries !== undefined && entries.length > 0
        ? entries
        : trackUpdate(
            { before: undefined, after: admitted, entries: [] },
            this.#writer(resource, options, time),
            { schema, definitions: resource.definitions },
          );
    return this.#put(resource, admitted, options);
  }

  /**
   * Changes an object: `change` gets a copy in the caller's version and answers the wanted state, or undefined to
   * leave it. A change that differs in nothing is not written.
   */
  update(
    resource: Resource,
    id: { namespace: string; name: string },
    change: (draft: KubeObject) => KubeObject | undefined,
    options: WriteOptions,
  ): KubeObject {
    const old = this.get(resource, id.namespace, id.name);
    const wanted = change(this.inVersion(resource, copyJson(old), options.version));
    if (wanted === undefined) return old;
    const draft = wanted.metadata === old.metadata ? copyJson(wanted) : wanted;
    checkIdentity(resource, draft, old);
    if (options.subresource === "status") return this.#save(resource, withStatus(old, draft), old, options);
    if (resource.hasStatus) restore(draft, old, "status");
    return this.#save(resource, draft, old, options);
  }

  /** Server-side apply: creates the object when it is absent. */
  apply(
    resource: Resource,
    applied: KubeObject,
    options: WriteOptions & { force: boolean },
  ): { object: KubeObject; created: boolean } {
    const { namespace = "", name } = applied.metadata;
    if (applied.metadata.managedFields !== undefined && applied.metadata.managedFields.length > 0) {
      throw badRequest("metadata.managedFields must be nil");
    }
    const old = this.find(resource, namespace, name);
    const time = timestamp(this.#clock.now());
    const schema = this.#shape(resource, applied, options);
    const { resourceVersion } = applied.metadata;
    if (old === undefined && (options.subresource !== undefined || resourceVersion))
      throw notFound(resource, name);
    if (resourceVersion && resourceVersion !== old?.metadata.resourceVersion)
      throw staleVersion(resource, name);
    delete applied.metadata.resourceVersion;
    delete applied.metadata.managedFields;
    const intent = applied;
    if (options.subresource === "status") {
      for (const field of Object.keys(intent)) {
        if (!["apiVersion", "kind", "metadata", "status"].includes(field)) delete intent[field];
      }
      intent.metadata = { name, ...(namespace === "" ? {} : { namespace }) };
    } else if (resource.hasStatus) delete intent["status"];
    const context = { schema, definitions: resource.definitions };
    const result = applyFields(
      { live: old, applied: intent, force: options.force, entries: old?.metadata.managedFields ?? [] },
      this.#writer(resource, options, time),
      context,
    );
    result.object.metadata.managedFields = result.entries;
    if (old === undefined) {
      checkNamespace(this.store, resource, result.object);
      return { object: this.#insert(resource, result.object, options, result.entries), created: true };
    }
    checkIdentity(resource, result.object, old);
    return {
      object: this.#save(resource, result.object, old, { ...options, entries: result.entries }),
      created: false,
    };
  }

  #save(
    resource: Resource,
    draft: KubeObject,
    old: KubeObject,
    options: WriteOptions & { entries?: KubeObject["metadata"]["managedFields"] },
  ): KubeObject {
    const time = timestamp(this.#clock.now());
    const schema = this.#shape(resource, draft, options);
    keepSystemMetadata(draft, old);
    this.#defaults(resource, draft, schema);
    if (options.subresource !== "status") this.#strategy(resource).prepareUpdate?.(draft, old, { time });
    const given = draft.metadata.managedFields;
    const admitted = this.#admit(resource, "update", draft, old, options);
    this.#validate(resource, admitted, old, options);
    const desiredChanged = !sameJson(desired(resource, admitted), desired(resource, old));
    if (resource.hasGeneration && desiredChanged) {
      admitted.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    const entries = options.entries ?? given ?? old.metadata.managedFields ?? [];
    admitted.metadata.managedFields =
      options.entries ??
      trackUpdate(
        { before: old, after: admitted, entries: entries.filter((entry) => entry.manager !== undefined) },
        this.#writer(resource, options, time),
        { schema, definitions: resource.definitions },
      );
    if (sameButManagers(admitted, old)) return old;
    if (isFinished(admitted)) {
      return options.dryRun === true ? admitted : this.store.remove(resourceKey(resource), admitted);
    }
    return this.#put(resource, admitted, options);
  }

  /**
   * Answers the object as it is after the request: still there with a deletionTimestamp, or its last state.
   * `removed` says which.
   */
  delete(
    resource: Resource,
    id: { namespace: string; name: string },
    options: DeleteOptions,
  ): { object: KubeObject; removed: boolean } {
    const old = this.get(resource, id.namespace, id.name);
    const { metadata } = old;
    if (options.uid !== undefined && options.uid !== metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${metadata.uid}`;
      throw conflict(resource, id.name, why);
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion) {
      throw staleVersion(resource, id.name);
    }
    this.#admit(resource, "delete", old, old, {
      manager: "",
      user: options.user,
      dryRun: options.dryRun === true,
    });
    const draft = copyJson(old);
    const graceSeconds =
      resource.kind === "Pod" && !resource.custom ? podGrace(old, options.graceSeconds) : 0;
    const finalizers = new Set(metadata.finalizers ?? []);
    const alreadyDeleting = metadata.deletionTimestamp !== undefined;
    if (!alreadyDeleting || options.propagation !== undefined) {
      finalizers.delete("orphan");
      finalizers.delete("foregroundDeletion");
      if (options.propagation === "Orphan") finalizers.add("orphan");
      if (options.propagation === "Foreground") finalizers.add("foregroundDeletion");
    }
    draft.metadata.finalizers = [...finalizers];
    if (finalizers.size === 0) delete draft.metadata.finalizers;
    if (resource.kind === "Namespace" && !resource.custom) {
      draft["status"] = { ...(draft["status"] as object), phase: "Terminating" };
    }
    const waits = finalizers.size > 0 || graceSeconds > 0 || hasSpecFinalizers(draft);
    if (!waits) {
      if (options.dryRun === true) return { object: old, removed: true };
      return { object: this.store.remove(resourceKey(resource), old), removed: true };
    }
    const now = this.#clock.now();
    if (!alreadyDeleting) {
      draft.metadata.deletionTimestamp = timestamp(now + graceSeconds * 1000);
      draft.metadata.deletionGracePeriodSeconds = graceSeconds;
      if (resource.hasGeneration) draft.metadata.generation = (metadata.generation ?? 0) + 1;
    } else if (graceSeconds < (metadata.deletionGracePeriodSeconds ?? 0)) {
      draft.metadata.deletionTimestamp = timestamp(now + graceSeconds * 1000);
      draft.metadata.deletionGracePeriodSeconds = graceSeconds;
    }
    if (options.dryRun === true || sameJson(draft, old)) return { object: old, removed: false };
    this.store.put(resourceKey(resource), draft);
    const current = this.find(resource, id.namespace, id.name);
    return { object: current ?? draft, removed: current === undefined };
  }

  /** The object as a version shows it; stored objects are in the storage version. */
  inVersion(resource: Resource, object: KubeObject, version: string | undefined): KubeObject {
    const apiVersion = apiVersionOf(resource.group, version ?? resource.storageVersion);
    return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
  }

  #strategy(resource: Resource): Strategy {
    return resource.custom ? NO_STRATEGY : (STRATEGIES[resourceKey(resource)] ?? NO_STRATEGY);
  }

  #writer(resource: Resource, options: WriteOptions, time: string) {
    return {
      manager: options.manager.slice(0, 128),
      apiVersion: apiVersionOf(resource.group, options.version ?? resource.storageVersion),
      time,
      ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
    };
  }

  /** Drops unknown fields, and speaks of them; the object is then in the storage version. */
  #shape(resource: Resource, draft: KubeObject, options: WriteOptions): Schema {
    const { schema } = versionNamed(resource, options.version ?? resource.storageVersion);
    if (!resource.custom) dropNulls(draft);
    const unknown = prune(draft, schema, resource.definitions);
    if (unknown.length > 0) options.unknown?.(unknown);
    draft.apiVersion = apiVersionOf(resource.group, resource.storageVersion);
    draft.kind = resource.kind;
    return schema;
  }

  #defaults(resource: Resource, draft: KubeObject, schema: Schema): void {
    applyDefaults(draft, schema, resource.definitions);
    if (resource.custom) return;
    const errors = checkSchema(draft, schema, resource.definitions);
    const wrongType = errors.find((error) => error.reason === "FieldValueTypeInvalid");
    if (wrongType !== undefined) throw decodeError(resource, wrongType);
    this.#strategy(resource).defaults?.(draft);
  }

  #validate(
    resource: Resource,
    object: KubeObject,
    old: KubeObject | undefined,
    options: WriteOptions,
  ): void {
    const { schema } = versionNamed(resource, options.version ?? resource.storageVersion);
    const errors: FieldError[] = checkMetadata(object, resource);
    errors.push(...checkSchema(object, schema, resource.definitions));
    if (errors.length === 0) errors.push(...(this.#strategy(resource).validate?.(object, old) ?? []));
    if (old?.metadata.deletionTimestamp !== undefined) {
      const known = new Set(old.metadata.finalizers ?? []);
      const added = (object.metadata.finalizers ?? []).filter((finalizer) => !known.has(finalizer));
      if (added.length > 0) {
        const message = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
        errors.push(fieldError.forbidden("metadata.finalizers", message));
      }
    }
    if (errors.length > 0) {
      throw invalid({ group: resource.group, kind: resource.kind, name: object.metadata.name }, errors);
    }
  }

  #admit(
    resource: Resource,
    operation: "create" | "update" | "delete",
    object: KubeObject,
    old: KubeObject | undefined,
    options: WriteOptions,
  ): KubeObject {
    const { api } = this;
    if (api === undefined) return object;
    let current = object;
    for (const hook of this.#admission) {
      const admitted = hook.admit({
        resource: resourceKey(resource),
        operation,
        ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
        namespace: object.metadata.namespace ?? "",
        name: object.metadata.name,
        object: current,
        ...(old === undefined ? {} : { old }),
        user: options.user,
        dryRun: options.dryRun === true,
        api,
      });
      if (operation !== "delete") current = admitted;
    }
    return current;
  }

  #put(resource: Resource, object: KubeObject, options: WriteOptions): KubeObject {
    if (options.dryRun === true) return object;
    return this.store.put(resourceKey(resource), object);
  }
}
