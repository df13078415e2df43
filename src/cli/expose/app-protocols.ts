/** Words of `--protocol`, and the `appProtocol` of Kubernetes that they stand for. */
export const APP_PROTOCOLS = {
  http: "http",
  http2: "kubernetes.io/h2c",
  grpc: "grpc",
  tcp: "tcp",
} as const;

export type ProtocolName = keyof typeof APP_PROTOCOLS;
