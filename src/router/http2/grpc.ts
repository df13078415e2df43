import type { Field } from "#http/hpack/field.ts";

/** What a gRPC client is told when a request ends here (gRPC "PROTOCOL-HTTP2", and its mapping of HTTP statuses). */
export const GRPC_STATUS = {
  ok: 0,
  deadlineExceeded: 4,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** Whether a message is gRPC by its content type: `application/grpc`, also with `+proto` and the like; not grpc-web. */
export function isGrpc(fields: readonly Field[]): boolean {
  for (const { name, value } of fields) {
    if (name !== "content-type") continue;
    if (!value.startsWith("application/grpc")) return false;
    const next = value.charAt("application/grpc".length);
    return next === "" || next === "+" || next === ";";
  }
  return false;
}

/** The `grpc-status` of trailers, or of an answer that is only trailers; undefined when there is none. */
export function grpcStatus(fields: readonly Field[]): number | undefined {
  for (const { name, value } of fields) if (name === "grpc-status") return Number(value);
  return undefined;
}

export function grpcStatusFor(httpStatus: number): number {
  switch (httpStatus) {
    case 404:
      return GRPC_STATUS.unimplemented;
    case 502:
    case 503:
      return GRPC_STATUS.unavailable;
    case 504:
      return GRPC_STATUS.deadlineExceeded;
    default:
      return GRPC_STATUS.internal;
  }
}
