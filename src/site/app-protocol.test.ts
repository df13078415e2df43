import { expect, test } from "bun:test";
import { listenerProtocol } from "./app-protocol.ts";

test.each([
  // appProtocol, port name, protocol of the listener
  ["http", "", "http"],
  ["HTTP", "", "http"],
  ["kubernetes.io/ws", "", "http"],
  ["kubernetes.io/h2c", "", "http2"],
  ["http2", "", "http2"],
  ["grpc", "", "grpc"],
  ["https", "", "tcp"],
  ["kubernetes.io/wss", "", "tcp"],
  ["tcp", "http", "tcp"],
  ["mysql", "http", "tcp"],
  ["example.com/mine", "http", "tcp"],
  ["constructor", "", "tcp"],
  ["http", "tcp-raw", "http"],
  ["", "http", "http"],
  ["", "http-metrics", "http"],
  ["", "http2-api", "http2"],
  ["", "grpc", "grpc"],
  ["", "grpc-api", "grpc"],
  ["", "grpc-web", "http"],
  ["", "tcp-thing", "tcp"],
  ["", "https", "tcp"],
  ["", "tls-x", "tcp"],
  ["", "mysql", "tcp"],
  ["", "mongo-0", "tcp"],
  ["", "redis", "tcp"],
  ["", "httpbin", "auto"],
  ["", "web", "auto"],
  ["", "", "auto"],
] as const)("appProtocol %j and name %j mean %s", (appProtocol, name, protocol) => {
  expect(listenerProtocol({ appProtocol, name })).toBe(protocol);
});
