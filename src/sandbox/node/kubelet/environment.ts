import type { Stores } from "../stores.ts";
import type { Container, EnvVar, KeySelector, Pod } from "../types.ts";
import { ConfigError } from "./config-error.ts";
import { expand } from "./expand.ts";
import { fieldOf } from "./downward.ts";

export interface EnvironmentOptions {
  readonly stores: Stores;
  readonly podIp: string;
  readonly hostIp: string;
  /** Set in every pod, under what the pod itself says. */
  readonly base: Readonly<Record<string, string>>;
}

/**
 * The environment of a container, as the kubelet makes it: service links, `envFrom`, then `env` in order. Throws
 * `ConfigError` when a key that is not optional is missing.
 */
export function environmentOf(
  pod: Pod,
  container: Container,
  options: EnvironmentOptions,
): Record<string, string> {
  const { stores } = options;
  const namespace = pod.metadata.namespace ?? "";
  const variables: Record<string, string> = {};
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const reference = configMapRef ?? secretRef;
    const name = reference?.name ?? "";
    const data =
      configMapRef === undefined
        ? secretData(stores, { namespace, name })
        : configData(stores, { namespace, name });
    if (data === undefined) {
      if (reference?.optional === true) continue;
      throw missing(configMapRef === undefined ? "secret" : "configmap", name);
    }
    for (const [key, value] of Object.entries(data)) variables[prefix + key] = value;
  }
  const links = pod.spec.enableServiceLinks === false ? {} : serviceLinks(stores, namespace);
  const known: Record<string, string> = { ...options.base, ...links, ...variables };
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, { pod, container, options, known });
    if (value !== undefined) known[variable.name] = value;
  }
  return known;
}

function valueOf(
  variable: EnvVar,
  context: { pod: Pod; container: Container; options: EnvironmentOptions; known: Record<string, string> },
): string | undefined {
  const { pod, container, options, known } = context;
  const { valueFrom } = variable;
  const namespace = pod.metadata.namespace ?? "";
  if (valueFrom === undefined || valueFrom === null) return expand(variable.value ?? "", known);
  if (valueFrom.fieldRef !== undefined) {
    return fieldOf(pod, valueFrom.fieldRef.fieldPath, { podIp: options.podIp, hostIp: options.hostIp });
  }
  if (valueFrom.resourceFieldRef !== undefined) {
    const [kind = "", resource = ""] = valueFrom.resourceFieldRef.resource.split(".");
    const amounts = kind === "limits" ? container.resources?.limits : container.resources?.requests;
    return amounts?.[resource] ?? "0";
  }
  if (valueFrom.configMapKeyRef !== undefined) {
    const { name = "" } = valueFrom.configMapKeyRef;
    return keyOf(configData(options.stores, { namespace, name }), valueFrom.configMapKeyRef, "configmap");
  }
  if (valueFrom.secretKeyRef !== undefined) {
    const { name = "" } = valueFrom.secretKeyRef;
    return keyOf(secretData(options.stores, { namespace, name }), valueFrom.secretKeyRef, "secret");
  }
  return "";
}

function keyOf(data: Record<string, string> | undefined, key: KeySelector, kind: string): string | undefined {
  const value = data?.[key.key];
  if (value !== undefined || key.optional === true) return value;
  if (data === undefined) throw missing(kind, key.name ?? "");
  throw new ConfigError(
    "CreateContainerConfigError",
    `couldn't find key ${key.key} in ${kind} ${key.name ?? ""}`,
  );
}

function missing(kind: string, name: string): ConfigError {
  return new ConfigError("CreateContainerConfigError", `${kind} "${name}" not found`);
}

function configData(
  stores: Stores,
  { namespace, name }: { namespace: string; name: string },
): Record<string, string> | undefined {
  const config = stores.configMaps.get(namespace, name);
  return config === undefined ? undefined : (config.data ?? {});
}

function secretData(
  stores: Stores,
  { namespace, name }: { namespace: string; name: string },
): Record<string, string> | undefined {
  const secret = stores.secrets.get(namespace, name);
  if (secret === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]),
  );
}

/** `<SVC>_SERVICE_HOST` and friends for the Services of the namespace (docker-links form is left out). */
function serviceLinks(stores: Stores, namespace: string): Record<string, string> {
  const links: Record<string, string> = {};
  for (const service of stores.services.list(namespace)) {
    const { clusterIP, ports = [] } = service.spec;
    const [first] = ports;
    // The way to the API server is in `base`: straight, without a forwarder between.
    if (clusterIP === undefined || clusterIP === "" || clusterIP === "None" || first === undefined) continue;
    if (namespace === "default" && service.metadata.name === "kubernetes") continue;
    const name = service.metadata.name.toUpperCase().replaceAll("-", "_");
    links[`${name}_SERVICE_HOST`] = clusterIP;
    links[`${name}_SERVICE_PORT`] = String(first.port);
    links[`${name}_PORT`] = `${(first.protocol ?? "TCP").toLowerCase()}://${clusterIP}:${first.port}`;
    for (const port of ports) {
      if (port.name !== undefined && port.name !== "") {
        links[`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll("-", "_")}`] = String(port.port);
      }
    }
  }
  return links;
}
