import { expect, test } from "bun:test";
import { parse as parseYaml } from "yaml";
import { runCli } from "../main.ts";
import { MemoryIo } from "../testing/memory-io.ts";

const CONFIG = new URL("../testing/nowhere.yaml", import.meta.url).pathname;

/** What `policy set web … -o yaml` prints, or its error. */
async function policy(line: string): Promise<{ code: number; spec: unknown; err: string }> {
  const io = new MemoryIo({ env: { KUBECONFIG: CONFIG } });
  const code = await runCli(["policy", "set", "web", ...line.split(" ").filter(Boolean), "-o", "yaml"], io);
  const value = parseYaml(io.stdout) as { spec?: unknown } | null;
  return { code, spec: value?.spec, err: io.stderr };
}

test("only what was named is written, under the names of the resource", async () => {
  expect((await policy("")).spec).toEqual({ mode: "Failover", spread: "Endpoints" });
  expect((await policy("--mode Failover --target east --target west=0@2 --failback Manual")).spec).toEqual({
    mode: "Failover",
    targets: [{ cluster: "east" }, { cluster: "west", weight: 0, priority: 2 }],
    failover: { failback: "Manual" },
    spread: "Endpoints",
  });
  const full =
    "--mode ActiveActive --target east=3 --spread Weighted --hash Cookie=session --hash-ttl 1h " +
    "--retries 1 --retry-budget 10 --timeout-connect 500ms --timeout-request 5s --timeout-idle 1m " +
    "--timeout-keep-alive 30s --no-outlier --outlier-failures 3 --outlier-server-errors " +
    "--outlier-ejection 2s --outlier-max-ejection 10s --outlier-max-percent 30 " +
    "--health HTTP=/ok --health-port 81 --health-interval 5s --health-timeout 2s --health-rise 1 --health-fall 4";
  expect((await policy(full)).spec).toEqual({
    mode: "ActiveActive",
    targets: [{ cluster: "east", weight: 3 }],
    spread: "Weighted",
    algorithm: "Hash",
    hash: { source: "Cookie", name: "session", ttlSeconds: 3600 },
    retries: { attempts: 1, budgetPercent: 10 },
    timeouts: { connect: "500ms", request: "5s", idle: "1m", keepAlive: "30s" },
    outlier: {
      enabled: false,
      consecutiveFailures: 3,
      serverErrors: true,
      baseEjection: "2s",
      maxEjection: "10s",
      maxEjectedPercent: 30,
    },
    health: { type: "HTTP", port: 81, path: "/ok", interval: "5s", timeout: "2s", rise: 1, fall: 4 },
  });
  expect(
    (await policy("--affinity Cookie=who --affinity-timeout 90s --min-healthy 50 --ramp 3s")).spec,
  ).toEqual({
    mode: "Failover",
    failover: { minHealthyPercent: 50, ramp: "3s" },
    spread: "Endpoints",
    affinity: { type: "Cookie", cookie: "who", timeoutSeconds: 90 },
  });
});

test("options that contradict each other are refused before anything is sent", async () => {
  const cases: [string, string][] = [
    ["--mode Local --target east", "mode Local has no targets"],
    ["--spread Clusters --spill-at 3", "spillAt works only with spread Cost"],
    ["--mode ActiveActive --ramp 3s", "failover works only with mode Failover"],
    ["--target east=3", "Weights of targets work only with spread Weighted"],
    ["--spread Weighted", "spread Weighted needs targets"],
    ["--hash ClientIP --algorithm Random", "hash works only with algorithm Hash"],
    ["--outlier-ejection 10s --outlier-max-ejection 1s", "baseEjection is longer than maxEjection"],
  ];
  for (const [line, message] of cases) {
    const { code, err } = await policy(line);
    expect({ line, code }).toEqual({ line, code: 2 });
    expect(err).toContain(message);
  }
});
