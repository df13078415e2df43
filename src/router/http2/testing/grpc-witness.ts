import { Metadata } from "@grpc/grpc-js";
import { GrpcClient, GrpcPod } from "./grpc.ts";

/** How the calls went. */
export interface WitnessResult {
  readonly unary: number;
  readonly binary: readonly number[];
  readonly failed: readonly unknown[];
  readonly late: number;
  readonly counted: number;
  readonly collected: string;
  readonly chatted: number;
  readonly cancelled: number;
}

/**
 * Runs under Node, whose HTTP/2 is another one than Bun's: prints the port of a gRPC pod, reads the authority to call, and
 * prints how calls of all kinds went, as JSON.
 */
async function main(): Promise<void> {
  const pod = await GrpcPod.start("node");
  process.stdout.write(`${pod.port}\n`);
  const authority = await new Promise<string>((resolve) => {
    process.stdin.once("data", (line: Buffer) => resolve(line.toString().trim()));
  });
  const client = new GrpcClient(authority);
  const metadata = new Metadata();
  metadata.set("sent-bin", Buffer.from([0, 1, 255]));
  const unary = await Promise.all(
    Array.from({ length: 300 }, (_, i) => client.unary(`${i}`, { metadata }).done),
  );
  const binary = [...((pod.metadata?.get("sent-bin")[0] as Buffer | undefined) ?? [])];
  const failed = await client.unary("fail").done;
  const late = await client.unary("hang", { deadlineMs: 100 }).done;
  const counted = await new Promise<number>((resolve) => {
    let messages = 0;
    const call = client.count(2000);
    call.on("data", () => messages++);
    call.on("end", () => resolve(messages));
  });
  const collected = await new Promise<string>((resolve) => {
    const call = client.collect((text) => resolve(text));
    for (let i = 0; i < 200; i++) call.write(Buffer.alloc(30_000));
    call.end();
  });
  const chatted = await new Promise<number>((resolve) => {
    let messages = 0;
    const call = client.chat();
    call.on("data", () => {
      if (++messages < 50) call.write(Buffer.from("x"));
      else call.end();
    });
    call.on("end", () => resolve(messages));
    call.write(Buffer.from("x"));
  });
  const cancelling = client.chat();
  cancelling.on("error", () => undefined);
  cancelling.on("data", () => cancelling.cancel());
  const before = pod.cancelled;
  cancelling.write(Buffer.from("x"));
  for (let i = 0; i < 100 && pod.cancelled === before; i++) await new Promise((wait) => setTimeout(wait, 10));
  const result: WitnessResult = {
    unary: unary.filter(({ code, text }, i) => code === 0 && text === String(i)).length,
    binary,
    failed: [failed.code, failed.details, failed.trailers.get("pod")],
    late: late.code,
    counted,
    collected,
    chatted,
    cancelled: pod.cancelled - before,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

void main();
