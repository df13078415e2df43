import { describe, expect, test } from "bun:test";
import { conditionOf } from "../conditions.ts";
import { TestCluster } from "../testing.ts";
import type { Job } from "../types.ts";

const JOBS = "jobs.batch";

function job(script: string, spec: Record<string, unknown> = {}): Parameters<TestCluster["apply"]>[1] {
  const container = { name: "a", image: "any", command: ["sh", "-c", script] };
  const template = {
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 0, containers: [container] },
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "work", namespace: "default" },
    spec: { template, ...spec },
  };
}

const is = (type: string) => (found: Job | undefined) =>
  conditionOf(found?.status?.conditions, type)?.status === "True";

const WORK = { resource: JOBS, name: "work" };

describe("a Job", () => {
  test("runs as many pods as have to succeed, never more at once than it may", async () => {
    await using cluster = new TestCluster(231);
    let most = 0;
    cluster.api.watch("pods", () => {
      const active = cluster.api.list("pods").filter((pod) => {
        const { phase } = (pod["status"] ?? {}) as { phase?: string };
        return phase === "Pending" || phase === "Running";
      });
      most = Math.max(most, active.length);
    });
    cluster.apply(JOBS, job("true", { completions: 5, parallelism: 2 }));
    const done = await cluster.until<Job>(WORK, is("Complete"));
    expect(done?.status).toMatchObject({ active: 0, succeeded: 5, failed: 0 });
    expect(done?.status?.completionTime).toBeDefined();
    expect(most).toBe(2);
    expect(cluster.api.list("pods")).toHaveLength(5);
  });

  test("has failed when more of its pods did than it bears, and starts no other", async () => {
    await using cluster = new TestCluster(232);
    cluster.apply(JOBS, job("exit 3", { backoffLimit: 0 }));
    const failed = await cluster.until<Job>(WORK, is("Failed"));
    expect(conditionOf(failed?.status?.conditions, "Failed")?.reason).toBe("BackoffLimitExceeded");
    expect(failed?.status).toMatchObject({ failed: 1, active: 0 });
    expect(cluster.api.list("pods")).toHaveLength(1);
  });

  test("ends its pods when its time is over, and goes when it is asked to", async () => {
    await using cluster = new TestCluster(233);
    cluster.apply(JOBS, job("sleep 1000", { activeDeadlineSeconds: 1, ttlSecondsAfterFinished: 1 }));
    const late = await cluster.until<Job>(WORK, is("Failed"));
    expect(conditionOf(late?.status?.conditions, "Failed")?.reason).toBe("DeadlineExceeded");
    await cluster.until<Job>(WORK, (found) => found === undefined && cluster.api.list("pods").length === 0);
  });

  test("that is suspended has no pods, and goes on when it is not", async () => {
    await using cluster = new TestCluster(234);
    cluster.apply(JOBS, job("true", { suspend: true }));
    await cluster.until<Job>(WORK, is("Suspended"));
    expect(cluster.api.list("pods")).toEqual([]);
    cluster.api.mutate(JOBS, "default", "work", (draft) => ({
      ...draft,
      spec: { ...(draft["spec"] as object), suspend: false },
    }));
    await cluster.until<Job>(WORK, is("Complete"));
  });
});
