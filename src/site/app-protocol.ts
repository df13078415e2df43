import type { ListenerProtocol } from "#router/config.ts";

/** A port of a Service, as far as it says what is spoken on it. */
export interface SpokenPort {
  readonly name?: string | undefined;
  readonly appProtocol?: string | undefined;
}

/** `appProtocol` of a Service (KEP-2433 and KEP-3726, and words of common use). What is encrypted end to end is bytes for us. */
const BY_APP_PROTOCOL: Readonly<Record<string, ListenerProtocol>> = {
  http: "http",
  "http/1.1": "http",
  "kubernetes.io/ws": "http",
  "grpc-web": "http",
  http2: "http2",
  h2c: "http2",
  "kubernetes.io/h2c": "http2",
  grpc: "grpc",
};

/** Prefixes of port names, as other meshes read them: `http`, `http-metrics`, `grpc-api`. */
const BY_NAME: Readonly<Record<string, ListenerProtocol>> = {
  http: "http",
  http2: "http2",
  grpc: "grpc",
  tcp: "tcp",
  https: "tcp",
  tls: "tcp",
  mysql: "tcp",
  mongo: "tcp",
  redis: "tcp",
};

/**
 * What the routers speak on a port of a Service: what `appProtocol` says (unknown words mean tcp), else the prefix of the port's name,
 * else they look at the first bytes.
 */
export function listenerProtocol({ name = "", appProtocol = "" }: SpokenPort): ListenerProtocol {
  const word = appProtocol.toLowerCase();
  if (word !== "") return own(BY_APP_PROTOCOL, word) ?? "tcp";
  const text = name.toLowerCase();
  if (text === "grpc-web" || text.startsWith("grpc-web-")) return "http";
  const dash = text.indexOf("-");
  return own(BY_NAME, dash < 0 ? text : text.slice(0, dash)) ?? "auto";
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
