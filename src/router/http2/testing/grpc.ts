import * as grpc from "@grpc/grpc-js";

type Handlers = grpc.UntypedServiceImplementation;

const same = {
  requestSerialize: (bytes: Buffer): Buffer => bytes,
  requestDeserialize: (bytes: Buffer): Buffer => bytes,
  responseSerialize: (bytes: Buffer): Buffer => bytes,
  responseDeserialize: (bytes: Buffer): Buffer => bytes,
};

/** A service of all four kinds of calls, whose messages are bytes. */
export const ECHO = {
  unary: { path: "/test.Echo/Unary", requestStream: false, responseStream: false, ...same },
  collect: { path: "/test.Echo/Collect", requestStream: true, responseStream: false, ...same },
  count: { path: "/test.Echo/Count", requestStream: false, responseStream: true, ...same },
  chat: { path: "/test.Echo/Chat", requestStream: true, responseStream: true, ...same },
} satisfies grpc.ServiceDefinition;

/** A gRPC pod made with grpc-js. It remembers what it was asked. */
export class GrpcPod {
  readonly name: string;
  port = 0;
  calls = 0;
  cancelled = 0;
  deadline: Date | number | undefined;
  metadata: grpc.Metadata | undefined;
  /** Unary calls are answered after so long, ms. */
  delayMs = 0;
  readonly #server = new grpc.Server();

  constructor(name: string) {
    this.name = name;
    this.#server.addService(ECHO, this.#handlers());
  }

  static async start(name: string, port = 0): Promise<GrpcPod> {
    const pod = new GrpcPod(name);
    pod.port = await new Promise<number>((resolve, reject) => {
      pod.#server.bindAsync(
        `127.0.0.1:${port}`,
        grpc.ServerCredentials.createInsecure(),
        (error: Error | null, bound: number) => (error === null ? resolve(bound) : reject(error)),
      );
    });
    return pod;
  }

  /** As on SIGTERM: GOAWAY, and calls that run are finished. */
  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.tryShutdown(() => resolve());
    });
  }

  kill(): void {
    this.#server.forceShutdown();
  }

  [Symbol.dispose](): void {
    this.kill();
  }

  #handlers(): Handlers {
    const unary: grpc.handleUnaryCall<Buffer, Buffer> = (call, answer) => {
      this.calls++;
      this.metadata = call.metadata;
      this.deadline = call.getDeadline();
      call.on("cancelled", () => this.cancelled++);
      const text = call.request.toString();
      const trailers = new grpc.Metadata();
      trailers.set("pod", this.name);
      trailers.set("raw-bin", Buffer.from([0, 255, 7]));
      if (text === "fail") {
        answer({ code: grpc.status.FAILED_PRECONDITION, details: "not ä %", metadata: trailers });
      } else if (text === "unavailable") {
        answer({ code: grpc.status.UNAVAILABLE, details: "later", metadata: trailers });
      } else if (text !== "hang") {
        const head = new grpc.Metadata();
        head.set("head", "yes");
        setTimeout(() => {
          call.sendMetadata(head);
          answer(null, call.request, trailers);
        }, this.delayMs);
      }
    };
    const collect: grpc.handleClientStreamingCall<Buffer, Buffer> = (call, answer) => {
      this.calls++;
      let bytes = 0;
      call.on("data", (message: Buffer) => (bytes += message.length));
      call.on("end", () => answer(null, Buffer.from(String(bytes))));
      call.on("cancelled", () => this.cancelled++);
    };
    const count: grpc.handleServerStreamingCall<Buffer, Buffer> = (call) => {
      this.calls++;
      const most = Number(call.request.toString());
      call.on("cancelled", () => this.cancelled++);
      for (let i = 0; i < most; i++) call.write(Buffer.from(String(i)));
      if (most > 0) call.end();
    };
    const chat: grpc.handleBidiStreamingCall<Buffer, Buffer> = (call) => {
      this.calls++;
      call.on("data", (message: Buffer) => call.write(message));
      call.on("end", () => call.end());
      call.on("cancelled", () => this.cancelled++);
      call.on("error", () => undefined);
    };
    return { unary, collect, count, chat };
  }
}

/** How a unary call went. */
export interface Unary {
  readonly text: string;
  readonly code: number;
  readonly details: string;
  readonly head: grpc.Metadata | undefined;
  readonly trailers: grpc.Metadata;
}

/** A gRPC client made with grpc-js, on one connection. */
export class GrpcClient {
  readonly #client: grpc.Client;

  constructor(authority: string) {
    this.#client = new grpc.Client(authority, grpc.credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.enable_retries": 0,
    });
  }

  unary(
    text: string,
    { metadata = new grpc.Metadata(), deadlineMs }: { metadata?: grpc.Metadata; deadlineMs?: number } = {},
  ): { readonly done: Promise<Unary>; readonly call: grpc.ClientUnaryCall } {
    // No Promise.withResolvers: this runs under Node 20 as well.
    let resolve: (result: Unary) => void;
    const done = new Promise<Unary>((resolver) => (resolve = resolver));
    let head: grpc.Metadata | undefined;
    let answer = "";
    const call = this.#client.makeUnaryRequest(
      ECHO.unary.path,
      ECHO.unary.requestSerialize,
      ECHO.unary.responseDeserialize,
      Buffer.from(text),
      metadata,
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
      (_error: grpc.ServiceError | null, value?: Buffer) => (answer = value?.toString() ?? ""),
    );
    call.on("metadata", (received: grpc.Metadata) => (head = received));
    call.on("status", ({ code, details, metadata: trailers }: grpc.StatusObject) => {
      // The callback may come after the status.
      setTimeout(() => resolve({ text: answer, code, details, head, trailers }));
    });
    return { done, call };
  }

  collect(answer: (text: string, code: number) => void): grpc.ClientWritableStream<Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO.collect;
    return this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      (error: grpc.ServiceError | null, value?: Buffer) =>
        answer(value?.toString() ?? "", error?.code ?? grpc.status.OK),
    );
  }

  count(most: number): grpc.ClientReadableStream<Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO.count;
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from(String(most)),
    );
  }

  chat(): grpc.ClientDuplexStream<Buffer, Buffer> {
    const { path, requestSerialize, responseDeserialize } = ECHO.chat;
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
