import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "./main.ts";
import { parseObjects } from "./object-file.ts";
import { MemoryIo } from "./testing/memory-io.ts";

async function run(
  words: string[],
  env: Record<string, string> = {},
): Promise<{ code: number; io: MemoryIo }> {
  const io = new MemoryIo({ env });
  return { code: await runCli(words, io), io };
}

test("version is one line, or JSON", async () => {
  const plain = await run(["version"]);
  expect(plain.code).toBe(0);
  expect(plain.io.stdout).toMatch(/^isthmus \d+\.\d+\.\d+ \(bun [\d.]+, \w+\/\w+\)\n$/);
  const json = await run(["version", "-o", "json"]);
  expect(JSON.parse(json.io.stdout)).toMatchObject({
    version: expect.any(String),
    runtime: expect.any(String),
  });
});

test("wrong usage is one line with a hint on standard error, exit code 2, and nothing on standard output", async () => {
  const cases: [string[], string][] = [
    [["nonsense"], "unknown command 'nonsense'"],
    [["link", "nonsense"], "unknown command 'nonsense'"],
    [["init", "--nonsense"], "unknown option '--nonsense'"],
    [["token", "create"], "missing required argument 'file'"],
    [["link", "update", "c1"], "required option '--cost <n>' not specified"],
    [["link", "update", "c1", "--cost", "0"], "Expected a whole number from 1 to 1000"],
    [["init", "--wait=soon"], 'Cannot read duration "soon"'],
    [["token", "create", "f", "--expiry", "tomorrow"], 'Cannot read duration "tomorrow"'],
    [["policy", "set", "a", "--spread", "All"], "Allowed choices are Endpoints, Clusters, Weighted, Cost"],
    [["policy", "set", "a", "--target", "east=much"], 'Expected a form like "east", "east=3", "east@1"'],
    [["policy", "set", "a", "--hash", "Header"], "Expected ClientIP, Header=NAME, Cookie=NAME"],
    [["policy", "set", "a", "--ramp", "soon"], 'Cannot read duration "soon"'],
    [["explain", "a", "--header", "nothing"], 'Expected a form like "user=bob"'],
    [["router", "run"], "Give one of --config FILE and --control URL"],
    [["version", "-o", "xml"], "Allowed choices are json, yaml"],
    [["demo", "nonsense"], "Allowed choices are fair-share, traffic"],
    [["demo", "traffic", "--scenario", "2"], "The story traffic has no scenarios"],
    [["demo", "--scenario", "5"], "Allowed choices are 1, 2, 3, 4, all"],
  ];
  for (const [words, message] of cases) {
    const { code, io } = await run(words);
    expect({ words, code }).toEqual({ words, code: 2 });
    expect(io.stdout).toBe("");
    const [first, second] = io.stderr.split("\n");
    expect(first).toStartWith("error: ");
    expect(first).toContain(message);
    expect(second).toStartWith("hint: ");
  }
});

test("help goes to standard output with exit code 0, and commands show examples", async () => {
  const { code, io } = await run(["link", "create", "--help"]);
  expect(code).toBe(0);
  expect(io.stdout).toContain("Examples:\n  isthmus link create c1.yaml\n");
  expect((await run(["sandbox", "--help"])).io.stdout).not.toContain("run-cluster");
});

test("commands that look at a network show three examples each", async () => {
  for (const words of ["check", "status", "network status", "top", "flows", "debug dump", "explain"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other is fast enough
    const { code, io } = await run([...words.split(" "), "--help"]);
    const [, examples = ""] = io.stdout.split("Examples:\n");
    const lines = examples.trimEnd().split("\n");
    expect({ words, code, count: lines.length >= 3 }).toEqual({ words, code: 0, count: true });
    for (const line of lines) expect(line).toMatch(/^ {2}isthmus .*/);
    expect(lines.every((line) => line.includes(words))).toBe(true);
  }
});

test("an unknown context lists those that there are", async () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-cli-"));
  try {
    const file = join(dir, "config");
    const cluster = { name: "k", cluster: { server: "https://127.0.0.1:1" } };
    const contexts = ["east", "west"].map((name) => ({ name, context: { cluster: "k", user: "u" } }));
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [cluster],
        users: [{ name: "u", user: {} }],
        contexts,
      }),
    );
    const { code, io } = await run(["status", "--context", "north", "--kubeconfig", file]);
    expect(code).toBe(1);
    expect(io.stderr).toContain('error: Context "north" is not in the kubeconfig');
    expect(io.stderr).toContain('"east", "west"');
    expect(io.stderr).toContain("hint: ");
    const env = { KUBECONFIG: file, ISTHMUS_HOME: dir };
    const sandbox = await run(["status", "--context", "sandbox-c9"], env);
    expect(sandbox.code).toBe(1);
    expect(sandbox.io.stderr).toContain("hint: isthmus sandbox up c9\n");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a cluster that cannot be reached is exit code 3", async () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-cli-"));
  try {
    const file = join(dir, "config");
    const text = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "gone",
      clusters: [{ name: "k", cluster: { server: "https://127.0.0.1:1" } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "gone", context: { cluster: "k", user: "u" } }],
    });
    writeFileSync(file, text);
    const { code, io } = await run(["status"], { KUBECONFIG: file });
    expect(code).toBe(3);
    expect(io.stderr).toMatch(
      /^error: Cannot reach the API server at https:\/\/127\.0\.0\.1:1.*\nhint: .*\n$/,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("-o on a writing command prints what would be applied, without a cluster that answers", async () => {
  const dir = mkdtempSync(join(tmpdir(), "isthmus-cli-"));
  try {
    const file = join(dir, "config");
    const text = JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "kind-east",
      clusters: [{ name: "k", cluster: { server: "https://127.0.0.1:1" } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "kind-east", context: { cluster: "k", user: "u", namespace: "shop" } }],
    });
    writeFileSync(file, text);
    const env = { KUBECONFIG: file };
    const policy = await run(["policy", "set", "web", "--spread", "Cost", "-o", "yaml"], env);
    expect(policy.io.stdout).toBe(`apiVersion: isthmus.dev/v1alpha1
kind: TrafficPolicy
metadata:
  name: web
  namespace: shop
spec:
  mode: Failover
  spread: Cost
`);
    const init = await run(["init", "-n", "other", "-o", "yaml"], env);
    const site = parseObjects(init.io.stdout).find(({ kind }) => kind === "Site");
    expect(site?.metadata).toEqual({ name: "east", namespace: "other" });
    const grant = await run(["token", "create", "-", "-o", "yaml", "--uses", "3"], env);
    expect(grant.io.stdout).toMatch(
      /kind: AccessGrant[\s\S]*redemptionsAllowed: 3[\s\S]*kind: Secret[\s\S]*code: /,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
