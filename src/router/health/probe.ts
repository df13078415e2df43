import type { Socket } from "bun";
import type { Clock } from "#core/clock.ts";
import type { Check, CheckOptions, Failure, Prober, ProbeTarget } from "./check.ts";
import { GrpcCheck } from "./grpc-check.ts";
import { HttpCheck } from "./http-check.ts";

/** Probes over the network, each on its own connection. */
export function networkProber(clock: Clock): Prober {
  return (target, done) => {
    const probe = new Probe(target, { clock, done });
    probe.start();
    return () => probe.close();
  };
}

/**
 * One question on one connection.
 *
 *     connecting --open--> asking --answer--> over
 *          \------------------\---error, end, timeout--^
 */
class Probe {
  readonly #target: ProbeTarget;
  readonly #done: (failure: Failure) => void;
  readonly #cancelTimeout: () => void;
  readonly #check: Check;
  #socket: Socket | undefined;
  #over = false;

  constructor(
    target: ProbeTarget,
    { clock, done }: { readonly clock: Clock; readonly done: (failure: Failure) => void },
  ) {
    this.#target = target;
    this.#done = done;
    const { timeoutMs } = target;
    this.#cancelTimeout = clock.after(timeoutMs, () => this.#finish(`no answer in ${timeoutMs} ms`));
    this.#check = checkOf({
      target,
      clock,
      // Questions are so short that a socket takes them whole.
      send: (bytes) => void this.#socket?.write(bytes),
      verdict: (failure) => this.#finish(failure),
    });
  }

  start(): void {
    const { host: hostname, port } = this.#target;
    try {
      // A failure comes to `connectError`; Bun then does not report the promise.
      void Bun.connect({
        hostname,
        port,
        socket: {
          open: (socket) => {
            this.#socket = socket;
            if (this.#over) socket.terminate();
            else this.#check.begin();
          },
          data: (_socket, chunk) => {
            if (!this.#over) this.#check.receive(new Uint8Array(chunk));
          },
          end: () => this.#ended(),
          close: () => this.#ended(),
          error: (_socket, error) => this.#finish(reasonOf(error)),
          connectError: (_socket, error) => this.#finish(reasonOf(error)),
        },
      });
    } catch (error) {
      queueMicrotask(() => this.#finish(reasonOf(error)));
    }
  }

  /** Nothing is reported any more. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimeout();
    this.#socket?.end();
  }

  #ended(): void {
    if (!this.#over) this.#check.end();
    this.#finish("the connection ended without an answer");
  }

  #finish(failure: Failure): void {
    if (this.#over) return;
    this.close();
    this.#done(failure);
  }
}

function checkOf(options: CheckOptions): Check {
  const { type } = options.target;
  switch (type) {
    case "HTTP":
      return new HttpCheck(options);
    case "GRPC":
      return new GrpcCheck(options);
    case "TCP":
      return { begin: () => options.verdict(undefined), receive: () => undefined, end: () => undefined };
    default:
      return type satisfies never;
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "FAILED";
  return code === "ECONNREFUSED" ? "connection refused" : `connection failed: ${code}`;
}
