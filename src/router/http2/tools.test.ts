import { expect, test } from "bun:test";
import { field } from "#http/hpack/field.ts";
import type { WitnessResult } from "./testing/grpc-witness.ts";
import { Hop } from "./testing/hop.ts";
import { Pod } from "./testing/pod.ts";

/** Output of a program of Debian's nghttp2-client; undefined, with a notice, where it is absent. */
async function run(command: readonly [string, ...string[]]): Promise<string | undefined> {
  if (Bun.which(command[0]) === null) {
    console.log(`notice: ${command[0]} is not installed (Debian: nghttp2-client): not tested with it`);
    return undefined;
  }
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe" });
  const [output] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return output;
}

test("nghttp gets an answer with trailers, and what it uploads arrives", async () => {
  using pod = new Pod((request) => {
    void request
      .until(() => request.ended)
      .then(() => {
        request.stream.headers([field(":status", "200"), field("x-bytes", String(request.bytes))], false);
        request.stream.data(Buffer.from("body of the pod\n"), false);
        request.stream.headers([field("x-last", "yes")], true);
      });
  });
  using hop = new Hop([pod]);
  const upload = import.meta.path;
  const output = await run(["nghttp", "-v", "-d", upload, `http://${hop.authority}/up`]);
  if (output === undefined) return;
  expect(output).toContain(`x-bytes: ${Bun.file(upload).size}`);
  expect(output).toContain("body of the pod");
  expect(output).toContain("x-last: yes");
});

test("h2load: 3000 requests on 10 connections, none fails, all pods have as many", async () => {
  const body = "x".repeat(1024);
  const answer = (): Pod => new Pod((request) => request.answer(200, body));
  using a = answer();
  using b = answer();
  using c = answer();
  // Not by load: how soon a pod answers depends on what else this machine does.
  using hop = new Hop([a, b, c], { selection: { algorithm: "RoundRobin" } });
  const output = await run(["h2load", "-n3000", "-c10", "-m20", `http://${hop.authority}/`]);
  if (output === undefined) return;
  expect(output).toContain("3000 succeeded, 0 failed, 0 errored");
  const shares = [a, b, c].map(({ requests }) => requests.length);
  expect(shares).toEqual([1000, 1000, 1000]);
});

test("gRPC of Node, client and pod: every kind of call", async () => {
  if (Bun.which("node") === null) {
    console.log("notice: node is not installed: gRPC is tested with Bun's HTTP/2 only");
    return;
  }
  const built = await Bun.build({
    entrypoints: [`${import.meta.dir}/testing/grpc-witness.ts`],
    target: "node",
    packages: "external",
  });
  const script = await built.outputs[0]?.text();
  const child = Bun.spawn(["node", "--input-type=module", "--eval", script ?? ""], {
    cwd: import.meta.dir,
    stdin: "pipe",
    stdout: "pipe",
  });
  try {
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    using hop = new Hop([{ port: Number((await lines.read()).value) }]);
    await child.stdin.write(`${hop.authority}\n`);
    await child.stdin.flush();
    const result = JSON.parse((await lines.read()).value ?? "null") as WitnessResult;
    expect(result).toEqual({
      unary: 300,
      binary: [0, 1, 255],
      failed: [9, "not ä %", ["node"]],
      late: 4,
      counted: 2000,
      collected: "6000000",
      chatted: 50,
      cancelled: 1,
    });
    expect(hop.endpoints[0]?.inFlight).toBe(0);
  } finally {
    child.kill();
  }
}, 15_000);
