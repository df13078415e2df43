import type { Field } from "#http/hpack/field.ts";
import { Account } from "../observe/account.ts";
import { cutHost, cutMethod, cutPath } from "../observe/http-facts.ts";
import type { FlowLog } from "../observe/flow-log.ts";
import { isGrpc, GRPC_STATUS } from "./grpc.ts";
import { valueOf } from "./request-fields.ts";

/** Counts one request over HTTP/2. Its bytes are those of bodies: heads are the connection's, which others share. */
export class RequestAccount extends Account {
  /** Of the answer's head; 0 before there is one. */
  status = 0;
  /** Of trailers, for gRPC; undefined before they came. */
  grpcStatus: number | undefined;
  readonly #fields: readonly Field[];
  readonly #client: string;
  #toEndpoint = 0;
  #toClient = 0;

  constructor(
    log: FlowLog,
    { fields, client }: { readonly fields: readonly Field[]; readonly client: string },
  ) {
    super(isGrpc(fields) ? "grpc" : "http", log);
    this.#fields = fields;
    this.#client = client;
  }

  sent(bytes: number): void {
    this.#toEndpoint += bytes;
    if (this.row !== undefined) this.row.bytesToEndpoint += bytes;
  }

  received(bytes: number): void {
    this.#toClient += bytes;
    if (this.row !== undefined) this.row.bytesToClient += bytes;
  }

  /** The request is over. Does nothing when it was told already, or never began. */
  tell(nowMs: number, reason?: string): void {
    if (!this.open) return;
    const ending = { nowMs, code: this.#code, reason };
    if (!this.ended(ending)) return;
    const { status, grpcStatus } = this;
    const host = valueOf(this.#fields, ":authority") ?? valueOf(this.#fields, "host") ?? "";
    this.record(ending, {
      client: this.#client,
      bytesToEndpoint: this.#toEndpoint,
      bytesToClient: this.#toClient,
      http: {
        method: cutMethod(valueOf(this.#fields, ":method") ?? ""),
        host: cutHost(host),
        path: cutPath(valueOf(this.#fields, ":path") ?? ""),
        status,
        ...(grpcStatus === undefined ? {} : { grpcStatus }),
      },
    });
  }

  /** Of gRPC the status of the call decides, not that of HTTP. */
  get #code(): number {
    if (this.protocol === "grpc" && this.grpcStatus !== undefined)
      return this.grpcStatus === GRPC_STATUS.ok ? 2 : 5;
    return Math.trunc(this.status / 100);
  }
}
