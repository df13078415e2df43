import { expect, test } from "bun:test";
import type { ServiceExplanation } from "#observe/views.ts";
import { policyWords } from "./policy-words.ts";

const policy: ServiceExplanation["policy"] = {
  mode: "Failover",
  targets: [
    { cluster: "c2", priority: 0 },
    { cluster: "c3", priority: 1, weight: 2 },
  ],
  failover: { minHealthyPercent: 70, rampMs: 10_000, failback: "Gradual" },
  spread: "Even",
  algorithm: "LeastLoad",
  retries: { attempts: 2, budgetPercent: 20 },
  timeouts: { connectMs: 2000, requestMs: 30_000, idleMs: 300_000, httpIdleMs: 60_000 },
  outlier: {
    enabled: true,
    consecutiveFailures: 5,
    serverErrors: false,
    baseEjectionMs: 30_000,
    maxEjectionMs: 300_000,
    maxEjectedPercent: 50,
  },
};

test("a policy is told in sentences", () => {
  expect(policyWords(policy)).toBe(
    "Failover to c2 priority 0, c3 weight 2 priority 1; spread Even, chosen by LeastLoad. " +
      "Below 70 % healthy pods the next tier helps, within 10 s; back: Gradual. " +
      "2 retries within a budget of 20 %. Left out after 5 failures in a row. " +
      "A request may take 30 s, to connect 2 s.",
  );
});
