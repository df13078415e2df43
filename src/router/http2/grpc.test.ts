import { expect, test } from "bun:test";
import {
  Metadata,
  status,
  type ClientDuplexStream,
  type ClientReadableStream,
  type StatusObject,
} from "@grpc/grpc-js";
import { eventually } from "../testing/routers.ts";
import { GrpcClient, GrpcPod } from "./testing/grpc.ts";
import { Hop } from "./testing/hop.ts";

/** Messages and the final status of a stream. */
function collected(
  call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>,
): Promise<{ messages: string[]; code: number; details: string }> {
  const messages: string[] = [];
  return new Promise((resolve) => {
    call.on("data", (message: Buffer) => messages.push(message.toString()));
    call.on("error", () => undefined);
    call.on("status", ({ code, details }: StatusObject) =>
      setTimeout(() => resolve({ messages, code, details }), 5),
    );
  });
}

test("gRPC: 100 parallel calls of one client are spread over 3 pods, exactly", async () => {
  using a = await GrpcPod.start("a");
  using b = await GrpcPod.start("b");
  using c = await GrpcPod.start("c");
  using hop = new Hop([a, b, c]);
  using client = new GrpcClient(hop.authority);
  const answers = await Promise.all(Array.from({ length: 102 }, (_, i) => client.unary(`call ${i}`).done));
  expect(answers.map(({ text }) => text)).toEqual(answers.map((_, i) => `call ${i}`));
  expect([a, b, c].map(({ calls }) => calls)).toEqual([34, 34, 34]);
  expect(hop.flows.size).toBe(1);
});

test("gRPC: metadata both ways, binary too; status, details and trailers of a failure", async () => {
  using pod = await GrpcPod.start("a");
  using hop = new Hop([pod]);
  using client = new GrpcClient(hop.authority);
  const metadata = new Metadata();
  metadata.set("token", "secret");
  metadata.set("sent-bin", Buffer.from([1, 0, 254]));
  const answer = await client.unary("hi", { metadata }).done;
  expect(answer.head?.get("head")).toEqual(["yes"]);
  expect(answer.trailers.get("raw-bin")).toEqual([Buffer.from([0, 255, 7])]);
  expect(pod.metadata?.get("token")).toEqual(["secret"]);
  expect(pod.metadata?.get("sent-bin")).toEqual([Buffer.from([1, 0, 254])]);
  const failed = await client.unary("fail", { metadata }).done;
  expect([failed.code, failed.details]).toEqual([status.FAILED_PRECONDITION, "not ä %"]);
  expect(failed.trailers.get("pod")).toEqual(["a"]);
});

test("gRPC: streams of the server, of the client, and both at once", async () => {
  using pod = await GrpcPod.start("a");
  using hop = new Hop([pod]);
  using client = new GrpcClient(hop.authority);
  const counted = await collected(client.count(1000));
  expect([counted.messages.length, counted.messages.at(-1), counted.code]).toEqual([1000, "999", 0]);
  const total = Promise.withResolvers<string>();
  const collecting = client.collect((text) => total.resolve(text));
  for (let i = 0; i < 100; i++) collecting.write(Buffer.alloc(20_000));
  collecting.end();
  expect(await total.promise).toBe("2000000");
  const chat = client.chat();
  const heard = collected(chat);
  chat.on("data", (message: Buffer) => {
    const next = Number(message.toString()) + 1;
    if (next < 20) chat.write(Buffer.from(String(next)));
    else chat.end();
  });
  chat.write(Buffer.from("0"));
  const { messages, code } = await heard;
  expect([messages.length, code]).toEqual([20, 0]);
});

test("gRPC: a cancelled call is cancelled at the pod; a deadline is the pod's too", async () => {
  using pod = await GrpcPod.start("a");
  using hop = new Hop([pod]);
  using client = new GrpcClient(hop.authority);
  const { call, done } = client.unary("hang");
  await eventually(() => pod.calls === 1);
  call.cancel();
  expect((await done).code).toBe(status.CANCELLED);
  await eventually(() => pod.cancelled === 1);
  const chat = client.chat();
  const heard = collected(chat);
  chat.write(Buffer.from("x"));
  await eventually(() => pod.calls === 2);
  chat.cancel();
  expect((await heard).code).toBe(status.CANCELLED);
  await eventually(() => pod.cancelled === 2);
  const late = await client.unary("hang", { deadlineMs: 150 }).done;
  expect(late.code).toBe(status.DEADLINE_EXCEEDED);
  expect(Number(pod.deadline) - Date.now()).toBeLessThan(150);
  await eventually(() => pod.cancelled === 3 && hop.endpoints[0]?.inFlight === 0);
});

test("gRPC: without a pod a call fails with UNAVAILABLE, after the timeout with DEADLINE_EXCEEDED", async () => {
  using pod = await GrpcPod.start("a");
  using hop = new Hop([], { policy: { requestMs: 100 } });
  using client = new GrpcClient(hop.authority);
  const none = await client.unary("hi").done;
  expect([none.code, none.details]).toEqual([
    status.UNAVAILABLE,
    "The service has no endpoint that is ready and reachable",
  ]);
  hop.setPods([pod]);
  const late = await client.unary("hang").done;
  expect([late.code, late.details]).toEqual([status.DEADLINE_EXCEEDED, "The service did not answer in time"]);
  await eventually(() => pod.cancelled === 1);
});

test("gRPC: an UNAVAILABLE of a pod is the client's to see, once, and never sent again", async () => {
  using pod = await GrpcPod.start("a");
  using other = await GrpcPod.start("b");
  using hop = new Hop([pod, other]);
  using client = new GrpcClient(hop.authority);
  const answer = await client.unary("unavailable").done;
  expect([answer.code, answer.details]).toEqual([status.UNAVAILABLE, "later"]);
  expect(pod.calls + other.calls).toBe(1);
});

/** Calls of 20 workers at a time, until it is stopped. */
class Load {
  succeeded = 0;
  readonly failures: string[] = [];
  #stopped = false;
  readonly #workers: Promise<void>[];

  constructor(client: GrpcClient) {
    this.#workers = Array.from({ length: 20 }, () => this.#work(client));
  }

  stop(): Promise<unknown> {
    this.#stopped = true;
    return Promise.all(this.#workers);
  }

  async #work(client: GrpcClient): Promise<void> {
    while (!this.#stopped) {
      const { code, details } = await client.unary("x").done;
      if (code === 0) this.succeeded++;
      else this.failures.push(`${code} ${details}`);
    }
  }
}

test("gRPC: a pod killed under load fails only calls that had reached it, with UNAVAILABLE", async () => {
  using a = await GrpcPod.start("a");
  using b = await GrpcPod.start("b");
  a.delayMs = 5;
  b.delayMs = 5;
  using hop = new Hop([a, b]);
  using client = new GrpcClient(hop.authority);
  const load = new Load(client);
  await eventually(() => a.calls > 40 && b.calls > 40);
  a.kill();
  const then = load.succeeded;
  await eventually(() => load.succeeded > then + 100);
  await load.stop();
  const { succeeded, failures } = load;
  console.log(`  ${succeeded} calls succeeded, ${failures.length} failed, of 20 at a time on two pods`);
  expect(failures.length).toBeLessThan(20);
  expect(new Set(failures)).toEqual(
    new Set(failures.length > 0 ? ["14 The endpoint broke off before it answered"] : []),
  );
  expect(hop.endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

test("gRPC: a rolling restart with GOAWAY fails no call", async () => {
  const pods = new Map<string, GrpcPod>();
  const add = async (name: string): Promise<void> => {
    const pod = await GrpcPod.start(name);
    pod.delayMs = 3;
    pods.set(name, pod);
  };
  for (const name of ["a", "b", "c"]) await add(name);
  using hop = new Hop([...pods.values()]);
  using client = new GrpcClient(hop.authority);
  const load = new Load(client);
  for (const name of ["a", "b", "c"]) {
    const then = load.succeeded;
    await eventually(() => load.succeeded > then + 40);
    const old = pods.get(name);
    await add(`${name}2`);
    pods.delete(name);
    // The router hears of it after the pod has begun to leave.
    const left = old?.leave();
    await Bun.sleep(30);
    hop.setPods([...pods.values()]);
    await left;
  }
  await load.stop();
  for (const pod of pods.values()) pod.kill();
  console.log(`  ${load.succeeded} calls succeeded, ${load.failures.length} failed`);
  expect(load.failures).toEqual([]);
});
